//! The wire protocols of the systems under test: all that differs between them.

mod nats;
mod trunkline;

use std::fmt::{self, Debug};

pub use self::{nats::Nats, trunkline::Trunkline};
use super::{
    stamp::{KEY_BYTES, STAMP_BYTES, Stamp},
    websocket::{Opcode, write_header},
};

/// The protocol of a server, over WebSocket.
pub trait WireProtocol {
    /// The parser state of a connection.
    type Reading: Debug + Default;

    /// The system's name in tables.
    const NAME: &str;

    /// The path of its WebSocket.
    const PATH: &str;

    /// Appends the frames that log in as `user` and subscribe to its messages.
    fn log_in(user: &str, out: &mut Vec<u8>);

    /// The frame of a message to the user `to`, with a body of `body_bytes`.
    fn template(to: &str, body_bytes: usize) -> Template;

    /// Parses complete frames at the front of `bytes`, reports their events, and returns how many
    /// bytes it consumed. The rest comes again with more bytes behind it. May move the bytes that it
    /// consumes.
    fn read(
        reading: &mut Self::Reading,
        bytes: &mut [u8],
        on_event: &mut impl FnMut(WireEvent<'_>),
    ) -> Result<usize, UnexpectedBytes>;
}

/// An event on a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum WireEvent<'a> {
    /// The login succeeded.
    LoggedIn,
    /// A message, by its body without quotes.
    Message(&'a [u8]),
    /// A send of this flow was delivered.
    Delivered {
        /// The flow.
        flow: u32,
    },
    /// A send of this flow was refused and will not arrive.
    Refused {
        /// The flow.
        flow: u32,
    },
    /// The outcome of a send of this flow is unknown.
    Unconfirmed {
        /// The flow.
        flow: u32,
    },
    /// These bytes have to be sent at once, or the server closes the connection.
    Reply(Vec<u8>),
    /// The server closes the connection.
    Closing(&'a [u8]),
}

impl fmt::Display for WireEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(body) => write!(f, "a message that was not sent: {}", Shortened(body)),
            Self::Closing(why) => write!(f, "a close: {}", Shortened(why)),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Bytes as text, shortened.
struct Shortened<'a>(&'a [u8]);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(200)];
        write!(f, "{}", shown.escape_ascii())
    }
}

/// Bytes that the protocol does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnexpectedBytes(pub String);

impl UnexpectedBytes {
    fn new(what: &[u8]) -> Self {
        Self(Shortened(what).to_string())
    }
}

/// A finished frame in which only the stamp changes from message to message.
#[derive(Clone, Debug)]
pub struct Template {
    frame: Vec<u8>,
    /// Where the send's id is, if the protocol has ids.
    key_at: Option<usize>,
    /// Where the body ends.
    end: usize,
    /// How long the body is, without quotes.
    pub(super) body_bytes: usize,
}

impl Template {
    /// A frame whose payload is `before`, a body and `after`.
    ///
    /// # Panics
    /// If the body is too short for a stamp.
    fn new(opcode: Opcode, [before, after]: [&str; 2], body_bytes: usize) -> Self {
        assert!(body_bytes >= STAMP_BYTES, "a body has at least {STAMP_BYTES} bytes");
        let mut frame = Vec::new();
        write_header(&mut frame, opcode, before.len() + body_bytes + after.len());
        frame.extend_from_slice(before.as_bytes());
        frame.resize(frame.len() + body_bytes, b'x');
        let end = frame.len();
        frame.extend_from_slice(after.as_bytes());
        Self { frame, key_at: None, end, body_bytes }
    }

    /// Appends the frame with this stamp.
    pub(super) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        let stamp_at = self.end - STAMP_BYTES;
        stamp.write(&mut frame[stamp_at..]);
        if let Some(at) = self.key_at {
            frame.copy_within(stamp_at..stamp_at + KEY_BYTES, at);
        }
    }
}
