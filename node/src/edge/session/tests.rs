//! Sessions from the upgrade to the close, over a loopback connection and with paused time.

mod bench;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time,
};
use tokio_tungstenite::tungstenite::Message;
use trunkline_protocol::client::close;

use crate::client_socket::ClientReader;
use crate::defaults::{
    BAD_REQUESTS_MAX, CLOSE_WITHIN, FRAGMENTS_MAX, LOGIN_WITHIN, PING_INTERVAL, REGISTER_WITHIN,
    SLOW_AFTER,
};
use bench::SessionBench;

#[tokio::test(start_paused = true)]
async fn logged_in_session_sends_and_closes() {
    SessionBench::run(8, async |bench| {
        let mut alice = bench.connect_as("alice", Vec::new());
        assert!(alice.text().await.starts_with(r#"{"type":"welcome","user":"alice""#));

        alice.send(r#"{"type":"send","id":"a-1","to":"alice","body":"hi"}"#);
        let message = alice.text().await;
        assert!(message.contains(r#""from":"alice""#) && message.contains(r#""body":"hi""#));
        let receipt = alice.text().await;
        assert!(receipt.contains(r#""id":"a-1""#) && receipt.contains("delivered"), "{receipt}");

        alice.close();
        assert!(matches!(alice.next().await, Message::Close(_)));
        drop(alice);
        bench.all_sessions_ended().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn new_session_replaces_the_oldest_of_its_user() {
    SessionBench::run(1, async |bench| {
        let mut older = bench.connect_as("alice", Vec::new());
        older.text().await;
        let mut newer = bench.connect_as("alice", Vec::new());
        assert!(newer.text().await.contains("welcome"));
        assert_eq!(older.closed().await, (close::REPLACED, Vec::new()));
        newer.send(r#"{"type":"ping"}"#);
        assert_eq!(newer.text().await, r#"{"type":"pong"}"#);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn too_many_bad_requests_close_the_session() {
    SessionBench::run(8, async |bench| {
        let mut client = bench.connect();
        for _ in 0..=BAD_REQUESTS_MAX.get() {
            client.send("nonsense");
        }
        let (code, errors) = client.closed().await;
        assert_eq!((code, errors.len()), (close::POLICY, BAD_REQUESTS_MAX.get() as usize + 1));
        assert!(errors.iter().all(|error| error.contains("bad_request")), "{errors:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn send_before_login_closes_the_session() {
    SessionBench::run(8, async |bench| {
        let mut client = bench.connect();
        client.send(r#"{"type":"send","id":"1","to":"bob","body":1}"#);
        let (code, errors) = client.closed().await;
        assert_eq!((code, errors.len()), (close::POLICY, 1));
        assert!(errors[0].contains("login_required"), "{errors:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn missing_login_closes_the_session() {
    SessionBench::run(8, async |bench| {
        let mut client = bench.connect();
        client.send(r#"{"type":"ping"}"#);
        assert_eq!(client.text().await, r#"{"type":"pong"}"#);
        time::advance(LOGIN_WITHIN).await;
        assert_eq!(client.closed().await, (close::NO_LOGIN, Vec::new()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn unregistered_login_is_to_be_tried_again() {
    SessionBench::run(8, async |bench| {
        let mut client = bench.connect();
        client.send(r#"{"type":"login","user":"alice"}"#);
        client.send(r#"{"type":"ping"}"#);
        // The session reads nothing until the directory has answered.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        time::advance(REGISTER_WITHIN).await;
        let (code, errors) = client.closed().await;
        assert_eq!((code, errors.len()), (close::TRY_AGAIN, 1));
        assert!(errors[0].contains("directory_unavailable"), "{errors:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn silent_session_is_pinged_and_then_closed() {
    SessionBench::run(8, async |bench| {
        let mut client = bench.connect_as("alice", Vec::new());
        client.text().await;
        bench.sweep_after(PING_INTERVAL).await;
        bench.sweep_after(PING_INTERVAL).await;
        assert_eq!(client.next().await, Message::Ping(Vec::new().into()));
        assert_eq!(client.closed().await, (close::POLICY, Vec::new()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn pong_keeps_the_session() {
    SessionBench::run(8, async |bench| {
        let mut client = bench.connect_as("alice", Vec::new());
        client.text().await;
        for _ in 0..4 {
            bench.sweep_after(PING_INTERVAL).await;
            assert_eq!(client.next().await, Message::Ping(Vec::new().into()));
            client.send(r#"{"type":"ping"}"#);
            assert_eq!(client.text().await, r#"{"type":"pong"}"#);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn slow_reader_is_closed() {
    /// A binary frame of 64 KiB.
    fn large_frame() -> Vec<u8> {
        let mut frame = vec![0; 64 * 1024 + 10];
        frame[..10].copy_from_slice(&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        frame
    }

    SessionBench::run(8, async |bench| {
        let mut client = bench.connect_as("alice", Vec::new());
        client.text().await;
        // More than the buffers of both sockets hold.
        for _ in 0..512 {
            bench
                .data_plane
                .turn(|state, _| state.env.delivery.write_raw(client.key, &large_frame()));
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        bench.sweep_after(SLOW_AFTER).await;
        assert_eq!(client.closed().await, (close::TOO_SLOW, Vec::new()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn contained_panic_closes_only_its_session() {
    /// Panics at the first read.
    struct PanicsOnce {
        reading: ClientReader,
        panicked: bool,
    }

    impl AsyncRead for PanicsOnce {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            assert!(std::mem::replace(&mut self.panicked, true), "on purpose");
            Pin::new(&mut self.reading).poll_read(cx, buffer)
        }
    }

    SessionBench::run(8, async |bench| {
        let mut other = bench.connect();
        let mut client =
            bench.connect_with(|reading| PanicsOnce { reading, panicked: false }, |_| {});
        assert_eq!(client.closed().await, (close::INTERNAL, Vec::new()));
        other.send(r#"{"type":"ping"}"#);
        assert_eq!(other.text().await, r#"{"type":"pong"}"#);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refused_frames_name_the_reason() {
    SessionBench::run(8, async |bench| {
        for (message, code) in [
            (Message::binary(&b"binary"[..]), close::UNSUPPORTED),
            (Message::text("x".repeat(2_000)), close::TOO_BIG),
        ] {
            let mut client = bench.connect();
            client.send(message);
            assert_eq!(client.closed().await, (code, Vec::new()));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn message_of_endless_fragments_closes_the_session() {
    /// A frame of a client with an empty payload and a mask of zeros.
    fn frame(first: u8) -> [u8; 6] {
        [first, 0x80, 0, 0, 0, 0]
    }

    let (text, continuation, ping) = (frame(0x01), frame(0x00), frame(0x89));
    for between in [&[][..], &ping] {
        SessionBench::run(8, async |bench| {
            let mut client = bench.connect_as("alice", Vec::new());
            client.text().await;
            client.send_bytes(&text).await;
            let fragment = [&continuation, between].concat();
            client.send_bytes(&fragment.repeat(FRAGMENTS_MAX)).await;
            client.send_bytes(&frame(0x80)).await;
            assert!(client.text().await.contains("bad_request"), "many fragments are a message");
            client.send_bytes(&text).await;
            client.send_bytes(&fragment.repeat(4 * FRAGMENTS_MAX)).await;
            assert_eq!(client.closed().await, (close::TOO_BIG, Vec::new()));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_keeps_its_side_open_is_cut_off() {
    SessionBench::run(8, async |bench| {
        let mut client = bench.connect();
        client.send(Message::binary(&b"binary"[..]));
        assert_eq!(client.closed().await.0, close::UNSUPPORTED);
        time::advance(CLOSE_WITHIN).await;
        bench.all_sessions_ended().await;
    })
    .await;
}
