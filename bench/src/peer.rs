//! What is said to a server: the little in which the systems under test differ.

mod nats;
mod trunkline;

use std::fmt::{self, Debug};

pub use self::{nats::Nats, trunkline::Trunkline};
use super::{
    stamp::{NAME_BYTES, STAMP_BYTES, Stamp},
    websocket::{Opcode, write_header},
};

/// The language of a server. All of them speak it in WebSocket frames.
pub trait Peer {
    /// What a connection has to remember between two reads.
    type Reading: Debug + Default;

    /// What the system is called in tables.
    const NAME: &str;

    /// Where its WebSocket is.
    const PATH: &str;

    /// Appends the frames that log in as `user` and make its messages come here.
    fn log_in(user: &str, out: &mut Vec<u8>);

    /// The frame of a message to the user `to`, with a body of so many bytes.
    fn template(to: &str, body_bytes: usize) -> Template;

    /// Reads what the front of `bytes` says and returns how many bytes that took; the rest comes
    /// again, with more behind. May move bytes about in what it takes.
    ///
    /// # Errors
    /// If it is nothing that the server may say.
    fn read(
        reading: &mut Self::Reading,
        bytes: &mut [u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<usize, NotUnderstood>;
}

/// A thing that a server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// The login is done.
    Welcome,
    /// A message, by its body without quotes.
    Message(&'a [u8]),
    /// A send of this flow has come to its good end.
    Delivered {
        /// The flow.
        flow: u32,
    },
    /// A send of this flow has come to another end, and will not arrive.
    Refused {
        /// The flow.
        flow: u32,
    },
    /// Nobody knows to which end a send of this flow has come.
    Unsure {
        /// The flow.
        flow: u32,
    },
    /// These bytes are to be sent at once, or the server ends the connection.
    Answer(Vec<u8>),
    /// The server ends the connection.
    Goodbye(&'a [u8]),
}

impl fmt::Display for Heard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(body) => write!(f, "a message that nobody sent: {}", Shown(body)),
            Self::Goodbye(why) => write!(f, "that the connection ends: {}", Shown(why)),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Bytes that ought to be text, not too many of them.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(200)];
        write!(f, "{}", shown.escape_ascii())
    }
}

/// The server said what it may not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood(pub String);

impl NotUnderstood {
    fn new(what: &[u8]) -> Self {
        Self(Shown(what).to_string())
    }
}

/// A finished frame, in which only the stamp changes from message to message.
#[derive(Clone, Debug)]
pub struct Template {
    frame: Vec<u8>,
    /// Where the send is named, if sends have names.
    name_at: Option<usize>,
    /// Where the body ends.
    end: usize,
    /// How long the body is, without quotes.
    pub(super) body_bytes: usize,
}

impl Template {
    /// A frame with this payload, in which a body is to stand after `before`.
    ///
    /// # Panics
    /// If no stamp fits into the body.
    fn new(opcode: Opcode, [before, after]: [&str; 2], body_bytes: usize) -> Self {
        assert!(body_bytes >= STAMP_BYTES, "a body has at least {STAMP_BYTES} bytes");
        let mut frame = Vec::new();
        write_header(&mut frame, opcode, before.len() + body_bytes + after.len());
        frame.extend_from_slice(before.as_bytes());
        frame.resize(frame.len() + body_bytes, b'x');
        let end = frame.len();
        frame.extend_from_slice(after.as_bytes());
        Self { frame, name_at: None, end, body_bytes }
    }

    /// Appends the frame with this stamp.
    pub(super) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        let stamp_at = self.end - STAMP_BYTES;
        stamp.write(&mut frame[stamp_at..]);
        if let Some(at) = self.name_at {
            frame.copy_within(stamp_at..stamp_at + NAME_BYTES, at);
        }
    }
}
