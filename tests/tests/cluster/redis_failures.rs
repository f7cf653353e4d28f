//! A Redis error is reported at once, once, and verbatim: in the log, in `/readyz` and in the status
//! stream.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use redis::aio::MultiplexedConnection;
use trunkline_cli::{
    http,
    local_cluster::{ClusterBuilder, LocalCluster, MemberKind, REDIS, RELAY},
    status_stream::StatusStream,
};
use trunkline_client::Client;
use trunkline_protocol::status::StatusLine;

use crate::support::{self, SOON, login, until};

/// Between two snapshots.
const INTERVAL: Duration = Duration::from_millis(200);

/// Asserts that the log and `/readyz` of the relay and of a node contain `words`.
async fn reported_by_all(cluster: &LocalCluster, words: &str) {
    for name in [RELAY, "node-1"] {
        reported_by(cluster, name, words).await;
    }
}

async fn reported_by(cluster: &LocalCluster, name: &str, words: &str) {
    let member = cluster.node(name);
    let reported = || async {
        let answer = http::get(member.ops(), "/readyz").await.ok()?;
        (answer.status == 503 && answer.body.contains(words)).then_some(())
    };
    until(&format!("/readyz of {name} says {words}"), SOON, reported).await;
    // A thread of its own writes the log.
    let logged =
        || async { Some(lines_with(cluster, name, words)).filter(|lines| !lines.is_empty()) };
    let (lines, _) = until(&format!("the log of {name} says {words}"), SOON, logged).await;
    assert_eq!(lines.len(), 1, "{name}: {lines:#?}");
    assert!(lines[0].contains("WARN"), "{lines:#?}");
}

fn lines_with(cluster: &LocalCluster, name: &str, words: &str) -> Vec<String> {
    let log = fs::read_to_string(cluster.node(name).log()).unwrap();
    assert!(!log.contains("hunter2"), "{log}");
    log.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
}

/// A relay and a node at this Redis, which they cannot use.
async fn at(url: String) -> LocalCluster {
    let mut cluster = LocalCluster::builder().nodes(1).redis(url).prepare().unwrap();
    start(&mut cluster).await;
    cluster
}

async fn start(cluster: &mut LocalCluster) {
    for name in [RELAY, "node-1"] {
        cluster.start(name).await.unwrap();
    }
}

/// A cluster whose Redis is there, and nothing else yet.
async fn with_redis(builder: ClusterBuilder) -> (LocalCluster, MultiplexedConnection) {
    let mut cluster = builder.prepare().unwrap();
    cluster.start(REDIS).await.unwrap();
    let redis = cluster.redis().connect().await.unwrap();
    (cluster, redis)
}

async fn say(redis: &mut MultiplexedConnection, words: &str) {
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        command.arg(word);
    });
    let () = command.query_async(redis).await.unwrap();
}

/// What the status stream says is wrong with Redis.
async fn shown_to_operators(cluster: &LocalCluster) -> String {
    let (relay, certs) = (cluster.relay().address(), cluster.certs());
    let mut status = StatusStream::open(relay, &certs, INTERVAL).await.unwrap();
    loop {
        if let StatusLine::Snapshot(snapshot) = status.next_line().await.unwrap()
            && let Some(trouble) = snapshot.relay.redis_trouble
        {
            return trouble;
        }
    }
}

fn fake(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    format!("redis://me:hunter2@{address}")
}

#[tokio::test]
async fn wrong_password_is_reported_until_it_is_corrected() {
    let (mut cluster, mut redis) = with_redis(LocalCluster::builder().nodes(1)).await;
    for kind in [MemberKind::Relay, MemberKind::Node] {
        cluster.log_in_to_redis(kind, "me:hunter2");
    }
    start(&mut cluster).await;
    reported_by_all(&cluster, "WRONGPASS invalid username-password pair").await;
    reported_by_all(&cluster, "check user and password in --redis").await;
    assert!(shown_to_operators(&cluster).await.contains("WRONGPASS"));

    say(&mut redis, "ACL SETUSER me on >hunter2 ~* +@all").await;
    for name in [RELAY, "node-1"] {
        cluster.ready(name).await.unwrap_or_else(|error| panic!("{error}"));
        let well = lines_with(&cluster, name, "Redis has recovered");
        assert!(well.len() == 1 && well[0].contains("INFO"), "{name}: {well:#?}");
    }
}

#[tokio::test]
async fn full_redis_is_reported() {
    let (mut cluster, mut redis) = with_redis(LocalCluster::builder().nodes(1)).await;
    say(&mut redis, "CONFIG SET maxclients 1").await;
    start(&mut cluster).await;
    reported_by_all(&cluster, "ERR max number of clients reached").await;
}

#[tokio::test]
async fn error_reply_before_a_disconnect_is_quoted() {
    let cluster = at(fake(|mut client| client.write_all(b"-ERR go away\r\n").unwrap_or(()))).await;
    reported_by_all(&cluster, "ERR go away").await;
}

#[tokio::test]
async fn server_that_is_not_redis_is_quoted() {
    let cluster = at(fake(|mut client| {
        let _ = client.read(&mut [0; 512]);
        let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    }));
    reported_by_all(&cluster.await, "is not Redis, it says: HTTP/1.1 400 Bad Request").await;
}

#[tokio::test]
async fn silent_server_is_reported() {
    let cluster = at(fake(std::mem::forget)).await;
    reported_by_all(&cluster, "takes connections, and does not answer within").await;
}

#[tokio::test]
async fn missing_redis_is_reported() {
    let cluster = at("redis://me:hunter2@127.0.0.1:1".into()).await;
    reported_by_all(&cluster, "127.0.0.1:1 cannot be reached: Connection refused").await;
}

#[tokio::test]
async fn redis_lost_during_operation_is_reported() {
    let mut cluster = support::cluster(1).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    cluster.kill(REDIS).await.unwrap();
    reported_by_all(&cluster, "cannot be reached: Connection refused").await;
    alice.send("1", "alice", "1").await.unwrap();
    assert_eq!(alice.expect_receipt("1").await.unwrap().outcome, "delivered");
    cluster.start(REDIS).await.unwrap();
    for name in [RELAY, "node-1"] {
        cluster.ready(name).await.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[tokio::test]
async fn missing_permission_for_a_login_is_named() {
    let (mut cluster, mut redis) = with_redis(LocalCluster::builder().nodes(1)).await;
    say(&mut redis, "ACL SETUSER me on >hunter2 ~trunkline:* +@all -zadd").await;
    cluster.log_in_to_redis(MemberKind::Node, "me:hunter2");
    for name in [RELAY, "node-1"] {
        cluster.start(name).await.unwrap();
        cluster.ready(name).await.unwrap();
    }
    let refused = Client::login(&cluster.node("node-1").ws_url(), "alice").await;
    assert!(refused.is_err());
    reported_by(&cluster, "node-1", "NOPERM ZADD in a script").await;
    assert_eq!(lines_with(&cluster, RELAY, "NOPERM"), [""; 0]);

    say(&mut redis, "ACL SETUSER me +zadd").await;
    drop(login(&cluster, "node-1", "alice").await);
    cluster.ready("node-1").await.unwrap();
}
