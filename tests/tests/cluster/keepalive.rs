//! The node's own pings, and `--ping-interval`.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use trunkline_cli::local_cluster::LocalCluster;
use trunkline_client::{Client, ClientError};

use crate::support::{self, SOON};

/// The arguments of the nodes.
const INTERVAL: Duration = Duration::from_secs(1);

const PING: [u8; 2] = [0x89, 0];

/// The start of a close frame with 1008; its reason follows.
const CLOSE: u8 = 0x88;
const POLICY: [u8; 2] = 1008_u16.to_be_bytes();

async fn cluster() -> LocalCluster {
    let args = ["--ping-interval".to_owned(), INTERVAL.as_secs().to_string()];
    support::start(LocalCluster::builder().nodes(1).node_args(args)).await
}

#[tokio::test]
async fn silent_session_is_pinged_and_closed_after_two_intervals() {
    let cluster = cluster().await;
    let mut socket = TcpStream::connect(cluster.node("node-1").address()).await.unwrap();
    let request = "GET /ws HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let login = br#"{"type":"login","user":"alice"}"#;
    // With a mask of zeros.
    let frame = [&[0x81, 0x80 | login.len() as u8, 0, 0, 0, 0], &login[..]].concat();
    socket.write_all(&frame).await.unwrap();
    let begin = Instant::now();
    let mut bytes = Vec::new();
    let all = timeout(SOON, socket.read_to_end(&mut bytes)).await;
    all.expect("the session stays open").unwrap();
    assert!(begin.elapsed() >= 2 * INTERVAL, "it was ended after {:?} already", begin.elapsed());
    let end = bytes.windows(4).position(|end| end[0] == CLOSE && end[2..] == POLICY);
    let end = end.expect("a close with 1008");
    assert_eq!(bytes[end - PING.len()..end], PING, "no ping came before the end");
}

#[tokio::test]
async fn session_that_answers_pings_stays_open() {
    let cluster = cluster().await;
    let client = Client::login(&cluster.node("node-1").ws_url(), "alice").await.unwrap();
    let mut client = client.with_timeout(5 * INTERVAL);
    let frame = client.next_frame().await;
    assert!(matches!(frame, Err(ClientError::Timeout(_))), "{frame:?}");
}

#[tokio::test]
async fn interval_of_zero_is_refused() {
    let args = ["--ping-interval", "0"];
    let error = LocalCluster::builder().nodes(1).node_args(args).start().await.unwrap_err();
    assert!(error.to_string().contains("give a number from 1 to 3600"), "{error}");
}
