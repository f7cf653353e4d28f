//! The client port as HTTP: what proxies, load balancers and browsers send.

use std::net::SocketAddr;

use trunkline_cli::local_cluster::LocalCluster;

use crate::{
    raw_client::{Head, Raw},
    support,
};

/// The headers of a handshake, without `Host`.
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn ask(address: SocketAddr, request: &str) -> Head {
    let mut raw = Raw::dial(address).await;
    raw.write(request.as_bytes()).await;
    // An upgrade that is granted stays open until a frame breaks a rule.
    raw.write(b"\x83\x80\0\0\0\0").await;
    raw.answer().await
}

async fn expect(address: SocketAddr, cases: &[(&str, u16, &[&str])]) {
    for (request, status, words) in cases {
        let head = ask(address, request).await;
        assert_eq!(head.status, *status, "{request}: {}", head.text);
        for word in *words {
            assert!(head.text.contains(word), "{request}: {word:?} is not in {}", head.text);
        }
    }
}

#[tokio::test]
async fn every_valid_form_of_a_handshake_is_accepted() {
    let cluster = support::cluster(1).await;
    let address = cluster.node("node-1").address();
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let cookies = format!("Cookie: a={}\r\n", "c".repeat(12_000));
    let many: String = (0..90).map(|line| format!("X-{line}: y\r\n")).collect();
    let requests = [
        format!("GET /ws HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"),
        format!("GET /ws/ HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"),
        format!("GET //ws HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"),
        format!("GET http://h/ws HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"),
        format!("GET /ws?a=\"b\"&c=<d> HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"),
        format!("GET /ws?n=ü|{{}}^`\\ HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"),
        format!("GET /ws HTTP/1.1\r\nHost: [::1]:9001\r\n{HANDSHAKE}Content-Length: 0\r\n\r\n"),
        format!("GET /ws HTTP/1.1\r\nHost: h\r\n{cookies}{HANDSHAKE}\r\n"),
        format!("GET /ws HTTP/1.1\r\nHost: h\r\n{many}{HANDSHAKE}\r\n"),
        format!(
            "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: upgrade\r\n\
             Upgrade: h2c, WebSocket\r\n{key}\r\n"
        ),
        format!(
            "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\
             Upgrade: websocket\r\n{key}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        ),
    ];
    for request in requests {
        let head = ask(address, &request).await;
        assert_eq!(head.status, 101, "{request}: {}", head.text);
        // As RFC 6455 spells it: some clients compare case-sensitively.
        let accept = "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        assert!(head.text.contains(accept), "{}", head.text);
        assert!(!head.text.contains("Extensions"), "{}", head.text);
    }
}

#[tokio::test]
async fn refused_handshake_names_the_remedy() {
    let cluster = support::cluster(1).await;
    let address = cluster.node("node-1").address();
    let old = HANDSHAKE.replace("13", "8");
    let odd_key = HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=");
    let cases = [
        ("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n".into(), 426, &["\r\nUpgrade: websocket\r\n"][..]),
        (
            format!("GET /ws HTTP/1.1\r\nHost: h\r\n{old}\r\n"),
            426,
            &["\r\nSec-Websocket-Version: 13\r\n"],
        ),
        (format!("GET /ws HTTP/1.1\r\nHost: h\r\n{odd_key}\r\n"), 400, &["Sec-WebSocket-Key"]),
        (format!("GET /ws HTTP/1.0\r\nHost: h\r\n{HANDSHAKE}\r\n"), 426, &["HTTP/1.1"]),
        (format!("GET /ws HTTP/1.1\r\n{HANDSHAKE}\r\n"), 400, &["Host"]),
        (format!("GET /ws HTTP/1.1\r\nHost: a\r\nHost: b\r\n{HANDSHAKE}\r\n"), 400, &["Host"]),
        (format!("GET /ws HTTP/1.1\r\nHost: a b\r\n{HANDSHAKE}\r\n"), 400, &["Host"]),
        (
            format!("GET /ws HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}Content-Length: 2\r\n\r\nab"),
            400,
            &["body"],
        ),
        (
            format!("GET /ws HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}Transfer-Encoding: chunked\r\n\r\n"),
            400,
            &["body"],
        ),
        (format!("POST /ws HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"), 405, &["\r\nAllow: GET"]),
        (format!("GET /socket HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n"), 404, &["/ws"]),
        (
            format!("GET /ws HTTP/1.1\r\nHost: h\r\nCookie: {}\r\n\r\n", "c".repeat(20_000)),
            431,
            &[],
        ),
        (format!("GET /ws HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(120)), 431, &[]),
        ("garbage\r\n\r\n".into(), 400, &[]),
    ];
    for (request, status, words) in &cases {
        expect(address, &[(request, *status, words)]).await;
    }
}

#[tokio::test]
async fn client_port_has_a_health_check_for_load_balancers() {
    let cluster = support::cluster(1).await;
    let address = cluster.node("node-1").address();
    expect(
        address,
        &[
            ("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", 200, &["\r\n\r\nok\n"]),
            ("GET /healthz HTTP/1.0\r\n\r\n", 200, &["\r\n\r\nok\n"]),
            ("HEAD /nodes HTTP/1.1\r\nHost: h\r\n\r\n", 200, &["\r\nContent-Length: 12\r\n"]),
            ("OPTIONS /healthz HTTP/1.1\r\nHost: h\r\n\r\n", 204, &["\r\nAllow: GET, HEAD"]),
            ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 204, &[]),
            ("DELETE /healthz HTTP/1.1\r\nHost: h\r\n\r\n", 405, &["\r\nAllow: GET, HEAD"]),
        ],
    )
    .await;
    for path in ["/healthz", "/nodes", "/ws", "/other"] {
        let head = ask(address, &format!("HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert!(head.text.ends_with("\r\n\r\n"), "{path}: a body follows: {}", head.text);
        assert!(head.text.contains("\r\nConnection: "), "{path}: {}", head.text);
    }
}

#[tokio::test]
async fn open_node_on_loopback_rejects_foreign_origins() {
    let cluster = support::cluster(1).await;
    let address = cluster.node("node-1").address();
    for (origin, status) in [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("http://localhost:8000", 101),
        ("http://127.0.0.1:9001", 101),
    ] {
        let answer = support::upgrade(address, &[("origin", origin)]).await;
        assert_eq!(answer.status, status, "{origin}: {}", answer.body);
    }
    let listed = ["--allowed-origins", "https://chat.example,null"];
    let cluster = support::start(LocalCluster::builder().nodes(1).node_args(listed)).await;
    let address = cluster.node("node-1").address();
    for (origin, status) in
        [("https://chat.example", 101), ("null", 101), ("http://localhost", 403)]
    {
        let answer = support::upgrade(address, &[("origin", origin)]).await;
        assert_eq!(answer.status, status, "{origin}: {}", answer.body);
    }
}
