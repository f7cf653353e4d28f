//! A client of bytes: what the WebSocket and HTTP libraries of this project would not send.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::support::SOON;

/// Opcodes of RFC 6455, section 5.2, with the bit that says that nothing follows.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A TCP connection to a node's client port.
pub(crate) struct Raw {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
}

/// What a node answered to a request.
pub(crate) struct Head {
    pub(crate) status: u16,
    /// The whole response, up to the end of the connection.
    pub(crate) text: String,
}

impl Raw {
    pub(crate) async fn dial(address: SocketAddr) -> Self {
        let (reading, writing) = TcpStream::connect(address).await.unwrap().into_split();
        Self { reading, writing }
    }

    /// Dials, and upgrades to a WebSocket.
    pub(crate) async fn upgraded(address: SocketAddr) -> Self {
        let mut raw = Self::dial(address).await;
        raw.write(
            b"GET /ws HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(raw.reading.read_u8()).await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        raw
    }

    /// Dials, upgrades and logs in.
    pub(crate) async fn logged_in(address: SocketAddr, user: &str) -> Self {
        let mut raw = Self::upgraded(address).await;
        raw.frame(TEXT, format!(r#"{{"type":"login","user":"{user}"}}"#).as_bytes()).await;
        assert_eq!(raw.json().await["type"], "welcome");
        raw
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.writing.write_all(bytes).await.unwrap();
    }

    /// Sends one masked frame.
    pub(crate) async fn frame(&mut self, first: u8, payload: &[u8]) {
        self.write(&masked(first, payload.len(), payload)).await;
    }

    /// Writes, and reads frames meanwhile, as many as are expected.
    pub(crate) async fn write_and_read(&mut self, bytes: &[u8], frames: usize) -> Vec<Vec<u8>> {
        let Self { reading, writing } = self;
        let read = async {
            let mut payloads = Vec::new();
            while payloads.len() < frames {
                payloads.push(next(reading).await.1);
            }
            payloads
        };
        let (written, payloads) = tokio::join!(writing.write_all(bytes), read);
        written.unwrap();
        payloads
    }

    /// The next frame: its first byte, and its payload.
    pub(crate) async fn next(&mut self) -> (u8, Vec<u8>) {
        next(&mut self.reading).await
    }

    /// The next frame, which is JSON.
    pub(crate) async fn json(&mut self) -> Value {
        let (first, payload) = self.next().await;
        assert_eq!(first, TEXT);
        serde_json::from_slice(&payload).unwrap()
    }

    /// The code that the node closes the connection with, as its next frame; and the end of it.
    pub(crate) async fn closed(mut self) -> u16 {
        let (first, payload) = self.next().await;
        assert_eq!(first, CLOSE, "{}", String::from_utf8_lossy(&payload));
        let mut rest = Vec::new();
        soon(self.reading.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "something follows the close frame");
        u16::from_be_bytes([payload[0], payload[1]])
    }

    /// Reads an HTTP answer to its end.
    pub(crate) async fn answer(mut self) -> Head {
        let mut bytes = Vec::new();
        soon(self.reading.read_to_end(&mut bytes)).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        Head { status: status.unwrap_or_else(|| panic!("no status: {text:?}")), text }
    }
}

async fn next(reading: &mut OwnedReadHalf) -> (u8, Vec<u8>) {
    let first = soon(reading.read_u8()).await.unwrap();
    let length = match soon(reading.read_u8()).await.unwrap() {
        126 => usize::from(soon(reading.read_u16()).await.unwrap()),
        127 => soon(reading.read_u64()).await.unwrap() as usize,
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    soon(reading.read_exact(&mut payload)).await.unwrap();
    (first, payload)
}

/// The bytes of a masked frame that says to have `length` bytes and has these.
pub(crate) fn masked(first: u8, length: usize, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        126..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("the node says nothing")
}
