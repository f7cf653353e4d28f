//! WebSocket as foreign clients use it, byte by byte.

use std::time::Duration;

use tokio::time::interval;
use trunkline_cli::{
    http,
    local_cluster::{LocalCluster, REDIS},
};

use crate::{
    raw_client::{CLOSE, PING, PONG, Raw, TEXT, masked},
    support::{self, SOON, until},
};

/// The largest frame.
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// How many sends of one session may wait for their outcome.
const SESSION_PENDING_MAX: usize = 1_024;

/// The first, a middle and the last frame of a fragmented text message.
const TEXT_BEGIN: u8 = 0x01;
const MORE: u8 = 0x00;
const LAST: u8 = 0x80;

#[tokio::test]
async fn ping_is_answered_at_once_in_every_position() {
    let cluster = support::cluster(1).await;
    let address = cluster.node("node-1").address();
    // Before the login, with any payload. Of two at a time only the last needs an answer.
    let mut raw = Raw::upgraded(address).await;
    for payload in [&b""[..], b"x", &[b'p'; 125]] {
        raw.frame(PING, payload).await;
        assert_eq!(raw.next().await, (PONG, payload.to_vec()));
    }
    // Between the frames of a fragmented message.
    let login = br#"{"type":"login","user":"alice"}"#;
    raw.frame(TEXT_BEGIN, &login[..5]).await;
    raw.frame(PING, b"within").await;
    assert_eq!(raw.next().await, (PONG, b"within".to_vec()));
    raw.frame(MORE, &login[5..9]).await;
    raw.frame(PING, b"again").await;
    assert_eq!(raw.next().await, (PONG, b"again".to_vec()));
    raw.frame(LAST, &login[9..]).await;
    assert_eq!(raw.json().await["type"], "welcome");
    // Behind a message, in the same segment.
    let mut both = masked(TEXT, 15, br#"{"type":"ping"}"#);
    both.extend(masked(PING, 4, b"tail"));
    raw.write(&both).await;
    let mut answers = [raw.next().await, raw.next().await];
    answers.sort();
    assert_eq!(answers, [(TEXT, br#"{"type":"pong"}"#.to_vec()), (PONG, b"tail".to_vec())]);
    // Split over several segments.
    for byte in masked(PING, 3, b"abc") {
        raw.write(&[byte]).await;
    }
    assert_eq!(raw.next().await, (PONG, b"abc".to_vec()));
}

#[tokio::test]
async fn protocol_ping_is_answered_before_and_after_the_login() {
    let cluster = support::cluster(1).await;
    let mut raw = Raw::upgraded(cluster.node("node-1").address()).await;
    raw.frame(TEXT, br#"{"type":"ping"}"#).await;
    assert_eq!(raw.json().await["type"], "pong");
    raw.frame(TEXT, br#"{"type":"login","user":"alice"}"#).await;
    assert_eq!(raw.json().await["type"], "welcome");
    raw.frame(TEXT, br#"{"type":"ping","unknown":[1]}"#).await;
    assert_eq!(raw.json().await["type"], "pong");
}

/// The close code names the broken rule or limit. The slot is free again even if the client keeps its
/// end open, and other sessions are not affected.
#[tokio::test]
async fn malformed_frames_close_only_their_own_session() {
    let ops = ["--capacity", "4"];
    let cluster = support::start(LocalCluster::builder().nodes(1).node_args(ops)).await;
    let address = cluster.node("node-1").address();
    let mut bystander = Raw::logged_in(address, "bystander").await;
    let too_long = FRAME_BYTES_MAX + 1;
    let fragments = [
        masked(TEXT_BEGIN, FRAME_BYTES_MAX, &vec![b' '; FRAME_BYTES_MAX]),
        masked(MORE, 100, &[b' '; 100]),
    ];
    let cases: [(&str, Vec<u8>, u16); 13] = [
        ("too long by its header", masked(TEXT, too_long, b""), 1009),
        ("too long, whole", masked(TEXT, too_long, &vec![b'x'; too_long]), 1009),
        ("too long, and more follows", masked(TEXT, too_long, &vec![b'x'; 3 * too_long]), 1009),
        ("longer than memory", masked(TEXT, usize::MAX / 2, b"x"), 1009),
        ("too long in fragments", fragments.concat(), 1009),
        ("binary", masked(0x82, 1, b"x"), 1003),
        ("not UTF-8", masked(TEXT, 2, b"\xff\xfe"), 1007),
        ("without a mask", vec![TEXT, 1, b'x'], 1002),
        ("reserved bits", masked(TEXT | 0x40, 1, b"x"), 1002),
        ("unknown opcode", masked(0x83, 1, b"x"), 1002),
        ("a ping in fragments", masked(0x09, 1, b"x"), 1002),
        ("a ping of 126 bytes", masked(PING, 126, &[b'x'; 126]), 1002),
        ("nothing to go on with", masked(MORE, 1, b"x"), 1002),
    ];
    for logged_in in [false, true] {
        for (what, bytes, code) in &cases {
            let mut raw = match logged_in {
                true => Raw::logged_in(address, "alice").await,
                false => Raw::upgraded(address).await,
            };
            raw.write(bytes).await;
            assert_eq!(raw.closed().await, *code, "{what}, logged in: {logged_in}");
        }
    }
    bystander.frame(PING, b"well?").await;
    assert_eq!(bystander.next().await, (PONG, b"well?".to_vec()));
    let ops = cluster.node("node-1").ops();
    let free = || async {
        let metrics = http::get(ops, "/metrics").await.ok()?.body;
        metrics.contains("trunkline_connection_slots_in_use 1\n").then_some(metrics)
    };
    let (metrics, _) = until("the places of ended sessions are free", SOON, free).await;
    assert!(metrics.contains("trunkline_session_panics_total 0\n"), "{metrics}");
}

#[tokio::test]
async fn close_is_answered_with_its_code() {
    let cluster = support::cluster(1).await;
    let address = cluster.node("node-1").address();
    for code in [1000_u16, 1001, 3000, 4999] {
        let mut raw = Raw::logged_in(address, "alice").await;
        raw.frame(CLOSE, &[&code.to_be_bytes()[..], b"bye"].concat()).await;
        assert_eq!(raw.closed().await, code);
    }
    let mut raw = Raw::logged_in(address, "alice").await;
    raw.frame(CLOSE, &1005_u16.to_be_bytes()).await;
    assert_eq!(raw.closed().await, 1002, "1005 is never sent");
}

#[tokio::test]
async fn malformed_login_is_an_error_and_may_be_repeated() {
    let cluster = support::cluster(1).await;
    let mut raw = Raw::upgraded(cluster.node("node-1").address()).await;
    let long = format!(r#"{{"type":"login","user":"{}"}}"#, "x".repeat(129));
    for (login, words) in [
        (r#"{"type":"login","user":7}"#, "`user` must be a string"),
        (r#"{"type":"login","user":null}"#, "`user` must be a string"),
        (r#"{"type":"login"}"#, "`user` is missing"),
        (r#"{"type":"login","user":""}"#, "`user`: a user key has 1 to 128 bytes"),
        (&long, "`user`: a user key has 1 to 128 bytes"),
        (r#"{"type":"login","user":"a\u0007"}"#, "`user`: a user key has no control"),
        (r#"{"type":"login","user":"a","token":5}"#, "`token` must be a string"),
        (r#"{"type":"log","user":"a"}"#, "unknown `type`"),
        (r#"{"user":"a"}"#, "`type` is missing"),
        ("login alice", "not a JSON object"),
    ] {
        raw.frame(TEXT, login.as_bytes()).await;
        let error = raw.json().await;
        assert_eq!(error["code"], "bad_request", "{login}");
        assert!(error["reason"].as_str().unwrap().contains(words), "{login}: {error}");
    }
    raw.frame(TEXT, br#"{"type":"login","user":"alice"}"#).await;
    assert_eq!(raw.json().await["type"], "welcome");
}

#[tokio::test]
async fn error_about_a_send_has_its_id_and_is_short() {
    let cluster = support::cluster(1).await;
    let mut raw = Raw::logged_in(cluster.node("node-1").address(), "alice").await;
    raw.frame(TEXT, br#"{"type":"send","id":7,"to":"bob","body":1}"#).await;
    let error = raw.json().await;
    assert_eq!((&error["code"], &error["id"]), (&"bad_request".into(), &"7".into()));
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    raw.frame(TEXT, format!(r#"{{"type":"send","id":"d","to":"alice","body":{deep}}}"#).as_bytes())
        .await;
    let error = raw.json().await;
    assert_eq!((&error["code"], &error["id"]), (&"bad_request".into(), &"d".into()));
    raw.frame(TEXT, format!(r#"{{"type":"{}"}}"#, "é".repeat(30_000)).as_bytes()).await;
    let (_, error) = raw.next().await;
    assert!(error.len() < 500, "{} bytes", error.len());
}

/// More bad requests than a session may make at once are allowed if they come slowly: the heartbeat of
/// a client with another protocol.
#[tokio::test]
async fn slow_unknown_heartbeat_does_not_close_a_session() {
    let cluster = support::cluster(1).await;
    let mut raw = Raw::logged_in(cluster.node("node-1").address(), "alice").await;
    for _ in 0..15 {
        raw.frame(TEXT, b"heartbeat").await;
        assert_eq!(raw.json().await["code"], "bad_request");
    }
    let mut beat = interval(Duration::from_millis(5_500));
    beat.tick().await;
    for _ in 0..3 {
        beat.tick().await;
        raw.frame(TEXT, b"heartbeat").await;
        assert_eq!(raw.json().await["code"], "bad_request");
    }
    // Too many at once still close it.
    const MANY: usize = 40;
    raw.write(&masked(TEXT, 9, b"heartbeat").repeat(MANY)).await;
    let mut errors = 0;
    let (first, close) = loop {
        match raw.next().await {
            (TEXT, _) => errors += 1,
            other => break other,
        }
    };
    assert_eq!((first, &close[..2]), (CLOSE, &1008_u16.to_be_bytes()[..]));
    assert!(errors < MANY, "{errors} errors");
}

/// A session without room for more receipts is not read until there is room, even if its socket had
/// accepted all sends.
#[tokio::test]
async fn sends_beyond_a_sessions_share_all_get_a_receipt() {
    const SENDS: usize = 20_000;
    let args = ["--messages-per-second", "0"];
    let mut cluster = support::start(LocalCluster::builder().nodes(1).node_args(args)).await;
    let mut alice = Raw::logged_in(cluster.node("node-1").address(), "alice").await;
    let sends: Vec<u8> = (0..SENDS)
        .flat_map(|number| {
            let send = format!(r#"{{"type":"send","id":"{number:>064}","to":"nobody","body":1}}"#);
            masked(TEXT, send.len(), send.as_bytes())
        })
        .collect();
    // The recipient is not in the directory: the sends wait for their outcome.
    cluster.pause(REDIS).unwrap();
    let ops = cluster.node("node-1").ops();
    let resume = async {
        let full = || async {
            let metrics = http::get(ops, "/metrics").await.ok()?.body;
            let pending = metrics.split("\ntrunkline_pending_sends ").nth(1)?;
            let pending: usize = pending.lines().next()?.parse().ok()?;
            (pending >= SESSION_PENDING_MAX).then_some(())
        };
        until("as many sends wait as a session may have", SOON, full).await;
        cluster.resume(REDIS).unwrap();
    };
    let (receipts, ()) = tokio::join!(alice.write_and_read(&sends, SENDS), resume);
    let receipt = |payload: &Vec<u8>| payload.starts_with(br#"{"type":"receipt""#);
    assert!(receipts.iter().all(receipt));
}
