//! Many users on several nodes, all talking to all at once.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Barrier;
use trunkline_client::{Client, Frame};

use crate::support;

const NODES: usize = 3;
const USERS_PER_NODE: usize = 20;
const USERS: usize = NODES * USERS_PER_NODE;
const ROUNDS: usize = 3;

/// Bodies that come out changed as soon as anything parses and writes them.
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

/// What `from` sends to `to` in a round, to the byte.
fn body(from: usize, to: usize, round: usize) -> String {
    let odd = ODD[(from + to + round) % ODD.len()];
    format!(r#"{{ "round":{round} ,"from":{from}, "odd" :{odd}  }}"#)
}

#[tokio::test]
async fn everyone_reaches_everyone_once_in_order_and_to_the_byte() {
    let cluster = support::cluster(NODES).await;
    let everyone_is_there = Arc::new(Barrier::new(USERS));
    let users = (0..USERS).map(|user| {
        let url = cluster.node(&format!("node-{}", user % NODES + 1)).ws_url();
        tokio::spawn(take_part(user, url, everyone_is_there.clone()))
    });
    for user in users.collect::<Vec<_>>() {
        user.await.unwrap();
    }
}

async fn take_part(user: usize, url: String, everyone_is_there: Arc<Barrier>) {
    let mut client = Client::login(&url, &name(user)).await.unwrap();
    everyone_is_there.wait().await;
    for round in 0..ROUNDS {
        for to in (0..USERS).filter(|to| *to != user) {
            let id = format!("{to}/{round}");
            client.send(&id, &name(to), &body(user, to, round)).await.unwrap();
        }
    }
    let mut heard = HashMap::<String, usize>::new();
    let mut receipts = HashMap::<String, usize>::new();
    let wanted = (USERS - 1) * ROUNDS;
    while receipts.len() < wanted || heard.values().sum::<usize>() < wanted {
        match client.next_frame().await.unwrap() {
            Frame::Message(message) => {
                let round = heard.entry(message.from.clone()).or_default();
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
    // Nothing comes twice: what we send ourselves last is the last thing that comes.
    everyone_is_there.wait().await;
    client.send("last", &name(user), "\"last\"").await.unwrap();
    for _ in 0..2 {
        match client.next_frame().await.unwrap() {
            Frame::Message(message) => assert_eq!(message.body.get(), "\"last\""),
            Frame::Receipt(receipt) => assert_eq!(receipt.id, "last"),
            other => panic!("{other:?}"),
        }
    }
}
