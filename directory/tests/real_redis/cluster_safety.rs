//! A command has one key at most, so that it runs on a Redis Cluster.

use std::time::Duration;

use redis::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use trunkline_directory::{FindCursor, Registrar, testing::RedisServer};
use trunkline_protocol::Incarnation;

use crate::support::{eventually, held, incarnation, node, open, raw, record, user};

const LAST: &str = "last command";

/// Records all commands from now on, each as its arguments.
async fn monitor(redis: &RedisServer) -> tokio::task::JoinHandle<Vec<Vec<String>>> {
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
            let arguments = arguments(&line);
            if arguments.iter().any(|argument| argument == LAST) {
                return commands;
            }
            // A script's commands are marked `lua`; they use the key that the script was given.
            if !line.contains(" lua] ") {
                commands.push(arguments);
            }
        }
    })
}

/// The quoted arguments of a line: `+1690000000.000000 [0 127.0.0.1:1] "GET" "a\"b"`.
fn arguments(line: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut open: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, &mut open) {
            ('"', None) => open = Some(String::new()),
            ('"', Some(_)) => arguments.extend(open.take()),
            ('\\', Some(argument)) => argument.extend(characters.next()),
            (character, Some(argument)) => argument.push(character),
            _ => {}
        }
    }
    arguments
}

#[tokio::test]
async fn command_has_one_key_at_most() {
    let redis = RedisServer::start().unwrap();
    let monitor = monitor(&redis).await;

    let directory = open(&redis.url());
    let registrar = Registrar::start(directory.clone(), node(1), record(Incarnation::fresh()));
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
    let commands = monitor.await.unwrap();
    for expected in ["EVALSHA", "HGETALL", "ZRANGE", "ZREM", "ZSCAN", "ZMSCORE", "HSET", "HDEL"] {
        assert!(commands.iter().any(|words| words[0] == expected), "{expected} was not sent");
    }
    for words in commands {
        let mut get_keys = redis::cmd("COMMAND");
        get_keys.arg("GETKEYS").arg(&words);
        // Redis answers with an error if a command has no keys.
        let keys: Result<Vec<Value>, _> = get_keys.query_async(&mut connection).await;
        assert!(keys.map_or(0, |keys| keys.len()) <= 1, "{words:?}");
    }
}
