use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// Far longer than a datagram takes on loopback.
const SOON: Duration = Duration::from_secs(20);

/// Long enough for a datagram that should not arrive to arrive.
const A_WHILE: Duration = Duration::from_millis(200);

async fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

/// A relay, a proxy to it, and a node that is connected to the proxy.
async fn connected() -> (UdpSocket, UdpProxy, UdpSocket) {
    let (relay, node) = (socket().await, socket().await);
    let proxy = UdpProxy::start(relay.local_addr().unwrap(), 1).await.unwrap();
    node.connect(proxy.address()).await.unwrap();
    (relay, proxy, node)
}

/// Exchanges greetings with the relay, and returns the address at which it sees the node.
async fn greet(relay: &UdpSocket, node: &UdpSocket) -> SocketAddr {
    node.send(b"hello").await.unwrap();
    let (text, seen) = receive(relay).await;
    assert_eq!(text, "hello");
    relay.send_to(b"welcome", seen).await.unwrap();
    assert_eq!(receive(node).await.0, "welcome");
    seen
}

async fn receive(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 64];
    let (bytes, from) = timeout(SOON, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
    (String::from_utf8_lossy(&buffer[..bytes]).into_owned(), from)
}

async fn receives_nothing(socket: &UdpSocket) -> bool {
    timeout(A_WHILE, socket.recv_from(&mut [0; 64])).await.is_err()
}

#[tokio::test]
async fn datagrams_pass_both_ways() {
    let (relay, proxy, node) = connected().await;
    greet(&relay, &node).await;
    greet(&relay, &node).await;
    assert_eq!(proxy.counts(Direction::ToRelay), DatagramCounts { passed: 2, lost: 0 });
    assert_eq!(proxy.counts(Direction::ToNode), DatagramCounts { passed: 2, lost: 0 });
}

#[tokio::test]
async fn one_direction_can_be_cut_and_restored() {
    let (relay, proxy, node) = connected().await;
    let seen = greet(&relay, &node).await;
    proxy.set(Direction::ToRelay, NetworkConditions::CUT);
    node.send(b"lost").await.unwrap();
    assert!(receives_nothing(&relay).await);
    relay.send_to(b"still received", seen).await.unwrap();
    assert_eq!(receive(&node).await.0, "still received");
    proxy.set(Direction::ToRelay, NetworkConditions::default());
    greet(&relay, &node).await;
}

#[tokio::test]
async fn datagrams_are_delayed_duplicated_and_reordered() {
    let (relay, proxy, node) = connected().await;
    greet(&relay, &node).await;
    let delay = Duration::from_millis(50);
    let jitter = Duration::from_millis(100);
    proxy.set_both(NetworkConditions { loss: 0.0, duplication: 1.0, delay, jitter });
    let begin = std::time::Instant::now();
    for number in 0..50 {
        node.send(format!("{number}").as_bytes()).await.unwrap();
    }
    let mut received = Vec::new();
    for _ in 0..100 {
        received.push(receive(&relay).await.0.parse::<u32>().unwrap());
    }
    assert!(begin.elapsed() >= delay);
    assert!(!received.is_sorted(), "{received:?}");
    received.sort_unstable();
    assert_eq!(received, (0..50).flat_map(|number| [number, number]).collect::<Vec<_>>());
}

#[tokio::test]
async fn loss_drops_a_share_of_datagrams() {
    let (relay, proxy, node) = connected().await;
    greet(&relay, &node).await;
    proxy.set(Direction::ToRelay, NetworkConditions { loss: 0.5, ..NetworkConditions::default() });
    for _ in 0..200 {
        node.send(b"perhaps").await.unwrap();
    }
    node.send(b"end").await.unwrap();
    while !receives_nothing(&relay).await {}
    let DatagramCounts { passed, lost } = proxy.counts(Direction::ToRelay);
    assert_eq!(passed + lost, 202);
    assert!((60..140).contains(&lost), "{lost}");
}

#[tokio::test]
async fn refusal_of_a_dead_nodes_port_reaches_the_relay() {
    let (relay, _proxy, node) = connected().await;
    let seen = greet(&relay, &node).await;
    let prober = socket().await;
    prober.connect(seen).await.unwrap();
    drop(node);
    let refused = async {
        loop {
            relay.send_to(b"are you there?", seen).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            if prober.send(b"?").await.is_err() {
                return;
            }
        }
    };
    timeout(SOON, refused).await.unwrap();
}

#[tokio::test]
async fn probes_of_a_living_node_are_never_refused() {
    let (relay, proxy, node) = connected().await;
    let seen = greet(&relay, &node).await;
    let prober = socket().await;
    prober.connect(seen).await.unwrap();
    for conditions in [NetworkConditions::default(), NetworkConditions::CUT] {
        proxy.set_both(conditions);
        for _ in 0..10 {
            prober.send(b"?").await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn new_socket_of_a_node_gets_its_own_flow() {
    let (relay, proxy, node) = connected().await;
    let first = greet(&relay, &node).await;
    let next = socket().await;
    next.connect(proxy.address()).await.unwrap();
    assert_ne!(greet(&relay, &next).await, first);
    assert_eq!(greet(&relay, &node).await, first);
}
