//! Every command names one key at most, so that it runs on a Redis Cluster.

use std::time::Duration;

use redis::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use trunkline_directory::{FindCursor, Registrar, testing::RedisServer};
use trunkline_protocol::Incarnation;

use crate::support::{card, eventually, held, incarnation, node, open, raw, user};

const LAST: &str = "that was all";

/// All that is said to Redis from now on, each command as its words.
async fn listen(redis: &RedisServer) -> tokio::task::JoinHandle<Vec<Vec<String>>> {
    let mut stream = BufReader::new(TcpStream::connect(redis.address()).await.unwrap());
    stream.write_all(b"MONITOR\r\n").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "+OK\r\n");
    tokio::spawn(async move {
        let mut commands = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            let words = words(&line);
            if words.iter().any(|word| word == LAST) {
                return commands;
            }
            // What a script does is said by `lua`; it works on the key that the script was given.
            if !line.contains(" lua] ") {
                commands.push(words);
            }
        }
    })
}

/// The quoted words of a line: `+1690000000.000000 [0 127.0.0.1:1] "GET" "a\"b"`.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, &mut word) {
            ('"', None) => word = Some(String::new()),
            ('"', Some(_)) => words.extend(word.take()),
            ('\\', Some(word)) => word.extend(letters.next()),
            (letter, Some(word)) => word.push(letter),
            _ => {}
        }
    }
    words
}

#[tokio::test]
async fn every_command_has_one_key_at_most() {
    let redis = RedisServer::start().unwrap();
    let heard = listen(&redis).await;

    let directory = open(&redis.url());
    let registrar = Registrar::start(directory.clone(), node(1), card(Incarnation::fresh()));
    held(&registrar).await;
    for number in 0..20 {
        registrar.register(&user(number)).await.unwrap();
    }
    registrar.deregister(&user(0));
    registrar.reincarnate(Incarnation::fresh());
    eventually("the former incarnation is purged", async || {
        directory.incarnations().await.unwrap().len() == 1
            && directory.users_count(&node(1), incarnation(&registrar)).await.unwrap() == 19
    })
    .await;
    let incarnation = incarnation(&registrar);
    directory.users_of(&node(1), incarnation, 0, 10).await.unwrap();
    directory.user(&user(1)).await.unwrap();
    directory.find("user", FindCursor::default()).await.unwrap();
    directory.nodes().await.unwrap();
    directory.lease(&node(1)).await.unwrap();
    registrar.shutdown(Duration::from_secs(30)).await.unwrap();

    let mut connection = raw(&redis).await;
    let () = redis::cmd("ECHO").arg(LAST).query_async(&mut connection).await.unwrap();
    let commands = heard.await.unwrap();
    for wanted in ["EVALSHA", "HGETALL", "ZRANGE", "ZREM", "ZSCAN", "ZMSCORE", "HSET", "HDEL"] {
        assert!(commands.iter().any(|words| words[0] == wanted), "{wanted} was not said");
    }
    for words in commands {
        let mut question = redis::cmd("COMMAND");
        question.arg("GETKEYS").arg(&words);
        // It answers with an error where a command has no keys.
        let keys: Result<Vec<Value>, _> = question.query_async(&mut connection).await;
        assert!(keys.map_or(0, |keys| keys.len()) <= 1, "{words:?}");
    }
}
