//! A client closes its session while more messages wait for it than its socket accepts.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use trunkline_cli::local_cluster::LocalCluster;
use trunkline_client::{Client, ClientError, Frame};

/// Larger than what a socket accepts at a time.
const BODY_BYTES: usize = 60 * 1024;

/// More bodies than the buffers of a socket and a session hold.
const SENDS_MAX: usize = 400;

/// Far longer than a receipt takes while the socket is not full.
const A_WHILE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn delivered_messages_precede_the_answer_to_a_close() {
    let cluster = LocalCluster::builder().nodes(1).start().await.unwrap();
    let url = cluster.node("node-1").ws_url();
    let mut bob = Client::login(&url, "bob").await.unwrap();
    let mut alice = Client::login(&url, "alice").await.unwrap();
    let waiting = fill(&mut alice).await;

    bob.socket().send(Message::Close(None)).await.unwrap();
    // Sends before the node reads the close may be delivered, later ones may not.
    for number in 0..20 {
        alice.send(&format!("late-{number}"), "bob", &number.to_string()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let got = read_to_the_end(&mut bob).await;
    for number in 0..20 {
        let receipt = alice.expect_receipt(&format!("late-{number}")).await.unwrap();
        let delivered = receipt.outcome == "delivered";
        assert_eq!(delivered, got.contains(&receipt.message), "{receipt:?}");
    }
    let receipt = alice.expect_receipt(&waiting).await.unwrap();
    assert!(got.contains(&receipt.message), "{receipt:?}");
}

/// Sends to Bob, who does not read, until a message has to wait. Returns its id.
async fn fill(alice: &mut Client) -> String {
    let body = format!("\"{}\"", "x".repeat(BODY_BYTES));
    for number in 0..SENDS_MAX {
        let id = format!("fill-{number}");
        alice.send(&id, "bob", &body).await.unwrap();
        if timeout(A_WHILE, alice.expect_receipt(&id)).await.is_err() {
            return id;
        }
    }
    panic!("a socket that nobody reads takes everything");
}

/// The ids of all messages up to the answer to the close.
async fn read_to_the_end(bob: &mut Client) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        match bob.next_frame().await {
            Ok(Frame::Message(message)) => ids.push(message.id),
            Ok(_) => {}
            Err(ClientError::Closed(_)) => return ids,
            Err(error) => panic!("{error}"),
        }
    }
}
