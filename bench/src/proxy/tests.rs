use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// Far longer than a datagram takes on loopback.
const SOON: Duration = Duration::from_secs(20);

/// Long enough for a datagram that should not come to come.
const A_WHILE: Duration = Duration::from_millis(200);

async fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

/// A relay, a proxy to it, and a node that is connected to the proxy.
async fn connected() -> (UdpSocket, Proxy, UdpSocket) {
    let (relay, node) = (socket().await, socket().await);
    let proxy = Proxy::start(relay.local_addr().unwrap(), 1).await.unwrap();
    node.connect(proxy.address()).await.unwrap();
    (relay, proxy, node)
}

/// Greets the relay, and returns the address that it sees the node at.
async fn greet(relay: &UdpSocket, node: &UdpSocket) -> SocketAddr {
    node.send(b"hello").await.unwrap();
    let (text, seen) = hear(relay).await;
    assert_eq!(text, "hello");
    relay.send_to(b"welcome", seen).await.unwrap();
    assert_eq!(hear(node).await.0, "welcome");
    seen
}

async fn hear(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 64];
    let (bytes, from) = timeout(SOON, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
    (String::from_utf8_lossy(&buffer[..bytes]).into_owned(), from)
}

async fn hears_nothing(socket: &UdpSocket) -> bool {
    timeout(A_WHILE, socket.recv_from(&mut [0; 64])).await.is_err()
}

#[tokio::test]
async fn datagrams_pass_both_ways() {
    let (relay, proxy, node) = connected().await;
    greet(&relay, &node).await;
    greet(&relay, &node).await;
    assert_eq!(proxy.traffic(Way::ToRelay), Traffic { passed: 2, lost: 0 });
    assert_eq!(proxy.traffic(Way::ToNode), Traffic { passed: 2, lost: 0 });
}

#[tokio::test]
async fn one_direction_can_be_cut_and_mended() {
    let (relay, proxy, node) = connected().await;
    let seen = greet(&relay, &node).await;
    proxy.set(Way::ToRelay, Weather::CUT);
    node.send(b"lost").await.unwrap();
    assert!(hears_nothing(&relay).await);
    relay.send_to(b"still heard", seen).await.unwrap();
    assert_eq!(hear(&node).await.0, "still heard");
    proxy.set(Way::ToRelay, Weather::default());
    greet(&relay, &node).await;
}

#[tokio::test]
async fn datagrams_come_late_twice_and_in_another_order() {
    let (relay, proxy, node) = connected().await;
    greet(&relay, &node).await;
    let delay = Duration::from_millis(50);
    let jitter = Duration::from_millis(100);
    proxy.set_both(Weather { loss: 0.0, twice: 1.0, delay, jitter });
    let begin = std::time::Instant::now();
    for number in 0..50 {
        node.send(format!("{number}").as_bytes()).await.unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..100 {
        heard.push(hear(&relay).await.0.parse::<u32>().unwrap());
    }
    assert!(begin.elapsed() >= delay);
    assert!(!heard.is_sorted(), "{heard:?}");
    heard.sort_unstable();
    assert_eq!(heard, (0..50).flat_map(|number| [number, number]).collect::<Vec<_>>());
}

#[tokio::test]
async fn some_are_lost() {
    let (relay, proxy, node) = connected().await;
    greet(&relay, &node).await;
    proxy.set(Way::ToRelay, Weather { loss: 0.5, ..Weather::default() });
    for _ in 0..200 {
        node.send(b"perhaps").await.unwrap();
    }
    node.send(b"end").await.unwrap();
    while !hears_nothing(&relay).await {}
    let Traffic { passed, lost } = proxy.traffic(Way::ToRelay);
    assert_eq!(passed + lost, 202);
    assert!((60..140).contains(&lost), "{lost}");
}

#[tokio::test]
async fn the_refusal_of_a_dead_nodes_port_reaches_the_relay() {
    let (relay, _proxy, node) = connected().await;
    let seen = greet(&relay, &node).await;
    let knocker = socket().await;
    knocker.connect(seen).await.unwrap();
    drop(node);
    let refused = async {
        loop {
            relay.send_to(b"are you there?", seen).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            if knocker.send(b"?").await.is_err() {
                return;
            }
        }
    };
    timeout(SOON, refused).await.unwrap();
}

#[tokio::test]
async fn a_living_node_refuses_nobody_who_knocks() {
    let (relay, proxy, node) = connected().await;
    let seen = greet(&relay, &node).await;
    let knocker = socket().await;
    knocker.connect(seen).await.unwrap();
    for weather in [Weather::default(), Weather::CUT] {
        proxy.set_both(weather);
        for _ in 0..10 {
            knocker.send(b"?").await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_nodes_next_socket_gets_a_flow_of_its_own() {
    let (relay, proxy, node) = connected().await;
    let first = greet(&relay, &node).await;
    let next = socket().await;
    next.connect(proxy.address()).await.unwrap();
    assert_ne!(greet(&relay, &next).await, first);
    assert_eq!(greet(&relay, &node).await, first);
}
