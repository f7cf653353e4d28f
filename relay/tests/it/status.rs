//! The status stream, admin commands, and the operations endpoint.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trunkline_certs::{Alpn, Role};
use trunkline_link::close_code;
use trunkline_protocol::{
    control::{MemberState, ToNode, ToRelay},
    status::{AdminCommand, EventKind, NodeLoad, REQUEST_BYTES_MAX, RedisState, StatusLine},
};

use crate::{
    admin_client::AdminClient,
    cluster::{TestCluster, name, until},
    fake_node::{FakeNode, assert_forwards, closed},
};

#[tokio::test]
async fn snapshot_has_nodes_links_and_flows() {
    let cluster = TestCluster::start();
    let (mut a, mut b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    let load = NodeLoad { sessions: 7, ended_slow: 2, ..NodeLoad::default() };
    a.send(ToRelay::Load(Box::new(load))).await;
    assert_forwards(&mut a, &mut b).await;

    let mut admin = AdminClient::connect(&cluster, Role::Admin, 100).await;
    let StatusLine::Hello { relay, may_act, .. } = admin.line().await else {
        panic!("the first line is no hello")
    };
    assert_eq!((relay, may_act), (name("relay-1"), true));
    let is_there = |snapshot: &trunkline_protocol::status::Snapshot| {
        snapshot.relay.redis == RedisState::Up
            && snapshot.nodes.first().is_some_and(|node| node.load.sessions == 7)
    };
    let snapshot = admin.snapshot("both nodes", is_there).await;
    let [a_seen, b_seen] = &snapshot.nodes[..] else { panic!("{snapshot:?}") };
    assert_eq!((a_seen.incarnation, a_seen.state), (a.incarnation, MemberState::Live));
    assert_eq!((a_seen.forwarded_from, b_seen.forwarded_to), (1, 1));
    assert_eq!(a_seen.link.as_ref().unwrap().queued_bytes.len(), 5);
    assert_eq!((&snapshot.flows[0].from, snapshot.flows[0].messages), (&name("a"), 1));
    assert!(snapshot.relay.memory_bytes > 0);
}

#[tokio::test]
async fn history_is_replayed_to_later_streams() {
    let cluster = TestCluster::start();
    let a = FakeNode::join(&cluster, "a").await;
    let load = NodeLoad { ended_slow: 2, ..NodeLoad::default() };
    a.send(ToRelay::Load(Box::new(load))).await;
    let mut first = AdminClient::connect(&cluster, Role::Admin, 60_000).await;
    first.event_of("a", |kind| matches!(kind, EventKind::SlowReaders { count: 2 })).await;
    drop(first);
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 60_000).await;
    admin.event_of("a", |kind| *kind == EventKind::Joined).await;
    admin.event_of("a", |kind| matches!(kind, EventKind::SlowReaders { .. })).await;
}

#[tokio::test]
async fn admin_commands_reach_the_nodes() {
    let cluster = TestCluster::start();
    let (mut a, mut b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 1_000).await;

    let drain = |node| AdminCommand::Drain { node: name(node) };
    assert_eq!(admin.command(drain("a")).await, None);
    a.receive("drain", |message| (message == ToNode::Drain).then_some(())).await;
    let error = admin.command(drain("nobody")).await.unwrap();
    assert!(error.contains("nobody has no link"), "{error}");

    let user: trunkline_protocol::User = "bob".parse().unwrap();
    assert_eq!(admin.command(AdminCommand::EndUser { user: user.clone() }).await, None);
    for node in [&mut a, &mut b] {
        let pick = |message| matches!(message, ToNode::EndUser { user: ended } if ended == user);
        node.receive("end user", |message| pick(message).then_some(())).await;
    }
    admin.sending.write_all(b"{\"id\":9,\"command\":\"dance\"}\n").await.unwrap();
    assert!(admin.answer(9).await.unwrap().contains("no command"));

    let mut second = AdminClient::connect(&cluster, Role::Admin, 1_000).await;
    let of_olga = |kind: &EventKind| matches!(kind, EventKind::Commanded { command } if command == "admin/olga: drain a");
    second.event("the command", |event| of_olga(&event.kind)).await;
}

#[tokio::test]
async fn viewer_may_not_act() {
    let cluster = TestCluster::start();
    let _a = FakeNode::join(&cluster, "a").await;
    let mut viewer = AdminClient::connect(&cluster, Role::Viewer, 1_000).await;
    assert!(matches!(viewer.line().await, StatusLine::Hello { may_act: false, .. }));
    let error = viewer.command(AdminCommand::Drain { node: name("a") }).await.unwrap();
    assert!(error.contains("use an admin certificate"), "{error}");
}

#[tokio::test]
async fn malformed_request_is_closed_with_an_example() {
    let cluster = TestCluster::start();
    let (_endpoint, connection) =
        cluster.dial(Role::Admin, "olga", trunkline_certs::Alpn::Admin).await.unwrap();
    let (mut sending, _receiving) = connection.open_bi().await.unwrap();
    sending.write_all(b"SUBSCRIBE\n").await.unwrap();
    let (code, reason) = closed(&connection).await;
    assert_eq!(code, close_code::MALFORMED);
    assert!(reason.contains("{\"interval_ms\":500}"), "{reason}");
}

#[tokio::test]
async fn overlong_line_is_closed_as_malformed() {
    let cluster = TestCluster::start();
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 60_000).await;
    admin.line().await;
    let overlong = vec![b'x'; REQUEST_BYTES_MAX + 2];
    admin.sending.write_all(&overlong).await.unwrap();
    let (code, reason) = closed(&admin.connection).await;
    assert_eq!(code, close_code::MALFORMED);
    assert!(reason.contains("a line has at most"), "{reason}");
}

#[tokio::test]
async fn status_streams_of_one_name_are_bounded() {
    let cluster = TestCluster::start();
    let mut all = Vec::new();
    for _ in 0..trunkline_relay::defaults::STATUS_STREAMS_PER_NAME_MAX {
        let mut admin = AdminClient::connect(&cluster, Role::Admin, 1_000).await;
        admin.line().await;
        all.push(admin);
    }
    let (_endpoint, one_more) = cluster.dial(Role::Admin, "olga", Alpn::Admin).await.unwrap();
    assert_eq!(closed(&one_more).await.0, close_code::FULL);
    all.pop().unwrap().connection.close(close_code::BYE, b"");
    until("a stream is free again", async || {
        let (endpoint, connection) = cluster.dial(Role::Admin, "olga", Alpn::Admin).await.unwrap();
        let seen = async {
            let admin = AdminClient::over(endpoint, connection.clone(), 1_000);
            admin.await.line().await
        };
        tokio::select! {
            biased;
            _ = connection.closed() => false,
            _ = seen => true,
        }
    })
    .await;
}

async fn fetch(cluster: &TestCluster, path: &str) -> String {
    let mut stream = TcpStream::connect(cluster.relay.ops).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn operations_endpoint_serves_health_and_metrics() {
    let cluster = TestCluster::start();
    let mut a = FakeNode::join(&cluster, "a").await;
    let mut b = FakeNode::join(&cluster, "b").await;
    assert_forwards(&mut a, &mut b).await;
    for path in ["/healthz", "/readyz"] {
        until(path, async || fetch(&cluster, path).await.starts_with("HTTP/1.1 200 OK")).await;
    }
    let metrics = [
        "trunkline_relay_forwarded_messages_total 1\n",
        "trunkline_relay_redis_up 1\n",
        "\nprocess_cpu_seconds_total ",
        "\nprocess_resident_memory_bytes ",
        "trunkline_relay_node_state{node=\"a\",state=\"live\"} 1\n",
        "trunkline_relay_flow_messages_total{from=\"a\",to=\"b\"} 1\n",
    ];
    until("all metrics", async || {
        let text = fetch(&cluster, "/metrics").await;
        metrics.iter().all(|metric| text.contains(metric))
    })
    .await;

    cluster.redis.pause();
    assert_forwards(&mut a, &mut b).await;
    until("not ready", async || fetch(&cluster, "/readyz").await.contains("503")).await;
    assert!(fetch(&cluster, "/healthz").await.starts_with("HTTP/1.1 200"));
    cluster.redis.resume();
    until("ready again", async || fetch(&cluster, "/readyz").await.contains("200 OK")).await;
}
