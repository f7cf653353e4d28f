//! The client protocol, rule by rule.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use trunkline_cli::local_cluster::LocalCluster;
use trunkline_client::{Client, Frame};

use crate::support::{self, login};

/// How many bad requests a session may make.
const BAD_REQUESTS_MAX: usize = 16;

/// The longest frame.
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// How long a connection may stay without a login.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long after its welcome a session may miss messages that others of its user get.
const SETTLED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn welcome_has_the_user_and_a_new_session_id() {
    let cluster = support::cluster(1).await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(&cluster.node("node-1").ws_url()).await.unwrap();
        let login = json!({"type": "login", "user": "ünï 🎧", "token": "any", "later": [1]});
        client.send_text(login.to_string()).await.unwrap();
        let welcome = client.next_welcome().await.unwrap();
        assert_eq!((welcome.user.as_str(), welcome.node.as_str()), ("ünï 🎧", "node-1"));
        sessions.push(welcome.session);
    }
    assert_ne!(sessions[0], sessions[1]);
}

#[tokio::test]
async fn offered_subprotocol_is_accepted() {
    let cluster = support::cluster(1).await;
    let address = cluster.node("node-1").address();
    let offer = [("sec-websocket-protocol", "trunkline.v1")];
    let answer = support::upgrade(address, &offer).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-protocol"), Some("trunkline.v1"));
    let answer = support::upgrade(address, &[]).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, None));
}

#[tokio::test]
async fn send_before_login_closes_the_connection() {
    let cluster = support::cluster(1).await;
    let mut client = Client::connect(&cluster.node("node-1").ws_url()).await.unwrap();
    client.send("1", "bob", "1").await.unwrap();
    let error = client.next_error().await.unwrap();
    assert_eq!((error.code.as_str(), error.id.as_deref()), ("login_required", Some("1")));
    assert_eq!(client.closed().await.unwrap().code, 1008);
}

#[tokio::test]
async fn second_login_is_an_error_without_a_close() {
    let cluster = support::cluster(1).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    alice.send_login("bob").await.unwrap();
    assert_eq!(alice.next_error().await.unwrap().code, "already_logged_in");
    assert_eq!(support::outcome(&mut alice, "alice").await.unwrap(), "delivered");
    assert_eq!(support::outcome(&mut alice, "bob").await.unwrap(), "offline");
}

#[tokio::test]
async fn connection_without_a_login_is_closed() {
    let cluster = support::cluster(1).await;
    let mut client = Client::connect(&cluster.node("node-1").ws_url()).await.unwrap();
    let begin = Instant::now();
    assert_eq!(client.closed().await.unwrap().code, 4008);
    assert!(begin.elapsed() > LOGIN_TIMEOUT - Duration::from_secs(1), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn binary_frame_closes_the_session() {
    let cluster = support::cluster(1).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    alice.socket().send(Message::binary(b"{}".to_vec())).await.unwrap();
    assert_eq!(alice.closed().await.unwrap().code, 1003);
}

#[tokio::test]
async fn longest_frame_is_accepted_and_a_longer_one_closes_the_session() {
    let cluster = support::cluster(2).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    let frame = |body: usize| {
        json!({"type": "send", "id": "1", "to": "bob", "body": "x".repeat(body)}).to_string()
    };
    let longest = FRAME_BYTES_MAX - frame(0).len();
    alice.send_text(frame(longest)).await.unwrap();
    assert_eq!(alice.expect_receipt("1").await.unwrap().outcome, "delivered");
    assert_eq!(bob.next_message().await.unwrap().body.get().len(), longest + 2);
    alice.send_text(frame(longest + 1)).await.unwrap();
    assert_eq!(alice.closed().await.unwrap().code, 1009);
}

#[tokio::test]
async fn bad_requests_are_errors_until_there_are_too_many() {
    let cluster = support::cluster(1).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    let long_user = "x".repeat(129);
    let bad: [Value; 9] = [
        json!({"type": "dance"}),
        json!({"no": "type"}),
        json!([1]),
        json!({"type": "send", "to": "bob", "body": 1}),
        json!({"type": "send", "id": "", "to": "bob", "body": 1}),
        json!({"type": "send", "id": "x".repeat(65), "to": "bob", "body": 1}),
        json!({"type": "send", "id": "1", "to": long_user, "body": 1}),
        json!({"type": "send", "id": "1", "to": "a\u{7}b", "body": 1}),
        json!({"type": "send", "id": "1", "to": "bob"}),
    ];
    let texts = bad.iter().map(Value::to_string).chain(["not json".to_owned(), String::new()]);
    for text in texts.cycle().take(BAD_REQUESTS_MAX - 1) {
        alice.send_text(text.clone()).await.unwrap();
        assert_eq!(alice.next_error().await.unwrap().code, "bad_request", "{text}");
    }
    assert_eq!(support::outcome(&mut alice, "alice").await.unwrap(), "delivered");
    alice.send_text("the last one").await.unwrap();
    assert_eq!(alice.next_error().await.unwrap().code, "bad_request");
    assert_eq!(alice.closed().await.unwrap().code, 1008);
}

#[tokio::test]
async fn error_has_the_id_of_its_send() {
    let cluster = support::cluster(1).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    alice.send_text(r#"{"type":"send","id":"mine","to":"","body":1}"#).await.unwrap();
    assert_eq!(alice.next_error().await.unwrap().id.as_deref(), Some("mine"));
}

#[tokio::test]
async fn id_may_be_reused_only_after_its_receipt() {
    let cluster = support::cluster(1).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    for _ in 0..3 {
        alice.send("same", "alice", "1").await.unwrap();
        assert_eq!(alice.expect_receipt("same").await.unwrap().outcome, "delivered");
    }
}

#[tokio::test]
async fn every_session_of_a_user_receives_the_message() {
    let cluster = support::cluster(2).await;
    let mut sessions = Vec::new();
    for node in ["node-1", "node-1", "node-2"] {
        sessions.push(login(&cluster, node, "bob").await);
    }
    let mut alice = login(&cluster, "node-2", "alice").await;
    // A session that logged in later may miss it.
    tokio::time::sleep(SETTLED).await;
    alice.send("1", "bob", r#"{"to":"all"}"#).await.unwrap();
    let receipt = alice.expect_receipt("1").await.unwrap();
    assert_eq!((receipt.outcome.as_str(), receipt.missed), ("delivered", 0));
    for bob in &mut sessions {
        let message = bob.next_message().await.unwrap();
        assert_eq!((message.from.as_str(), &message.id), ("alice", &receipt.message));
    }
}

#[tokio::test]
async fn newest_login_replaces_the_oldest_of_too_many_sessions() {
    let cluster = support::cluster(1).await;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(login(&cluster, "node-1", "alice").await);
    }
    let ninth = login(&cluster, "node-1", "alice").await;
    assert_eq!(sessions[0].closed().await.unwrap().code, 4003);
    for (place, session) in sessions.iter_mut().enumerate().skip(1) {
        let outcome = support::outcome(session, "nobody").await;
        assert_eq!(outcome.unwrap(), "offline", "session {place} stays open");
    }
    drop(ninth);
}

#[tokio::test]
async fn with_one_session_per_user_the_newest_login_on_any_node_wins() {
    let one = ["--sessions-per-user", "1"];
    let cluster = support::start(LocalCluster::builder().nodes(2).node_args(one)).await;
    let mut first = login(&cluster, "node-1", "alice").await;
    let mut second = login(&cluster, "node-1", "alice").await;
    assert_eq!(first.closed().await.unwrap().code, 4003);
    let mut third = login(&cluster, "node-2", "alice").await;
    assert_eq!(second.closed().await.unwrap().code, 4003);
    assert_eq!(support::outcome(&mut third, "alice").await.unwrap(), "delivered");
}

#[tokio::test]
async fn user_without_a_session_is_offline() {
    let cluster = support::cluster(2).await;
    let bob = login(&cluster, "node-2", "bob").await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    assert_eq!(support::outcome(&mut alice, "bob").await.unwrap(), "delivered");
    bob.close().await.unwrap();
    assert_eq!(support::outcome(&mut alice, "bob").await.unwrap(), "offline");
    assert_eq!(support::outcome(&mut alice, "nobody-ever").await.unwrap(), "offline");
    assert!(support::DirectoryView::of(&cluster).await.user("bob").await.is_empty());
}

#[tokio::test]
async fn session_over_its_rate_gets_an_error_and_stays_open() {
    let slow = ["--messages-per-second", "5"];
    let cluster = support::start(LocalCluster::builder().nodes(1).node_args(slow)).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    let sends = 50;
    for send in 0..sends {
        alice.send(&format!("{send}"), "alice", "1").await.unwrap();
    }
    let (mut limited, mut receipts) = (0, 0);
    while limited + receipts < sends {
        match alice.next_frame().await.unwrap() {
            Frame::Error(error) => {
                assert_eq!(error.code, "rate_limited");
                assert!(error.id.is_some(), "{error:?}");
                limited += 1;
            }
            Frame::Receipt(_) => receipts += 1,
            Frame::Message(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(limited > 0 && receipts > 0, "{limited} limited, {receipts} receipts");
}
