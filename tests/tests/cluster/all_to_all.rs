//! Many users on several nodes, all sending to all at once.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Barrier;
use trunkline_client::{Client, Frame};

use crate::support;

const NODES: usize = 3;
const USERS_PER_NODE: usize = 20;
const USERS: usize = NODES * USERS_PER_NODE;
const ROUNDS: usize = 3;

/// Bodies that change if anything parses and writes them.
const ODD: [&str; 10] = [
    "null",
    "1e400",
    "-0.0",
    "123456789012345678901234567890.10",
    r#""""#,
    "{ }",
    "[ 1 ,\t2\r\n, 3 ]",
    r#"{"a":1,"a":2,"":null}"#,
    r#""ünï — 🎧 \u00e9 \ud83d\ude00 \/ \\ ""#,
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{\"deep\":[true,false]}]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
];

fn name(user: usize) -> String {
    format!("user-{user}")
}

/// The exact body from `from` to `to` in a round.
fn body(from: usize, to: usize, round: usize) -> String {
    let odd = ODD[(from + to + round) % ODD.len()];
    format!(r#"{{ "round":{round} ,"from":{from}, "odd" :{odd}  }}"#)
}

#[tokio::test]
async fn messages_arrive_once_in_order_and_byte_for_byte() {
    let cluster = support::cluster(NODES).await;
    let all_logged_in = Arc::new(Barrier::new(USERS));
    let users = (0..USERS).map(|user| {
        let url = cluster.node(&format!("node-{}", user % NODES + 1)).ws_url();
        tokio::spawn(run_user(user, url, all_logged_in.clone()))
    });
    for user in users.collect::<Vec<_>>() {
        user.await.unwrap();
    }
}

async fn run_user(user: usize, url: String, all_logged_in: Arc<Barrier>) {
    let mut client = Client::login(&url, &name(user)).await.unwrap();
    all_logged_in.wait().await;
    for round in 0..ROUNDS {
        for to in (0..USERS).filter(|to| *to != user) {
            let id = format!("{to}/{round}");
            client.send(&id, &name(to), &body(user, to, round)).await.unwrap();
        }
    }
    let mut received = HashMap::<String, usize>::new();
    let mut receipts = HashMap::<String, usize>::new();
    let wanted = (USERS - 1) * ROUNDS;
    while receipts.len() < wanted || received.values().sum::<usize>() < wanted {
        match client.next_frame().await.unwrap() {
            Frame::Message(message) => {
                let round = received.entry(message.from.clone()).or_default();
                let from = message.from.strip_prefix("user-").unwrap().parse().unwrap();
                assert_eq!(message.body.get(), body(from, user, *round), "from {}", message.from);
                *round += 1;
            }
            Frame::Receipt(receipt) => {
                assert_eq!(receipt.outcome, "delivered", "{receipt:?}");
                assert_eq!(receipt.missed, 0, "{receipt:?}");
                *receipts.entry(receipt.id).or_default() += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(receipts.values().all(|count| *count == 1), "{receipts:?}");
    // No duplicate follows: this client's last send to itself is the last frame.
    all_logged_in.wait().await;
    client.send("last", &name(user), "\"last\"").await.unwrap();
    for _ in 0..2 {
        match client.next_frame().await.unwrap() {
            Frame::Message(message) => assert_eq!(message.body.get(), "\"last\""),
            Frame::Receipt(receipt) => assert_eq!(receipt.id, "last"),
            other => panic!("{other:?}"),
        }
    }
}
