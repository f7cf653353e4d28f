//! The client protocol, version 1: one JSON object per WebSocket text frame.
//!
//! Frames from clients are parsed once, borrowing from the frame; a body is checked to be JSON and
//! otherwise never looked at. Frames to clients are written straight into an output buffer.

mod depth;
mod object;
mod parse;
mod write;

pub use parse::{BadFrame, ClientFrame, parse};
pub use write::{error, message, pong, receipt, welcome};

/// The WebSocket subprotocol a client may ask for.
pub const SUBPROTOCOL: &str = "trunkline.v1";

/// The longest `id` a client may give a send, in bytes.
pub const SEND_ID_BYTES_MAX: usize = 64;

/// How deep a body may be nested: each array or object in it is a level. Recipients may parse it
/// recursively.
pub const BODY_DEPTH_MAX: usize = 128;

/// Why a node answers with an `error` frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Not JSON, an unknown `type`, or a field missing or of the wrong form.
    BadRequest,
    /// Something other than a login came first.
    LoginRequired,
    /// The token is missing, forged, expired, or another user's.
    Unauthorized,
    /// A second login on one session.
    AlreadyLoggedIn,
    /// More sends a second than the session may make.
    RateLimited,
    /// The login could not be registered in time.
    DirectoryUnavailable,
}

impl ErrorCode {
    /// The word that stands in the frame.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::LoginRequired => "login_required",
            Self::Unauthorized => "unauthorized",
            Self::AlreadyLoggedIn => "already_logged_in",
            Self::RateLimited => "rate_limited",
            Self::DirectoryUnavailable => "directory_unavailable",
        }
    }
}

/// WebSocket close codes (RFC 6455, section 7.4, and this protocol's own from 4000).
pub mod close {
    /// The node is leaving: reconnect to another after the jitter in the reason.
    pub const GOING_AWAY: u16 = 1001;
    /// Bytes that are not WebSocket's.
    pub const PROTOCOL: u16 = 1002;
    /// A frame of a kind this protocol has no use for.
    pub const UNSUPPORTED: u16 = 1003;
    /// A text frame that is not UTF-8.
    pub const NOT_UTF8: u16 = 1007;
    /// The client broke a rule: no login first, or too many bad requests.
    pub const POLICY: u16 = 1008;
    /// A frame over the limit.
    pub const TOO_BIG: u16 = 1009;
    /// The node failed to handle what the client sent.
    pub const INTERNAL: u16 = 1011;
    /// Try again later.
    pub const TRY_AGAIN: u16 = 1013;
    /// The token was not accepted.
    pub const UNAUTHORIZED: u16 = 4001;
    /// A newer session of the same user took this one's place.
    pub const REPLACED: u16 = 4003;
    /// No login in time.
    pub const NO_LOGIN: u16 = 4008;
    /// The client reads too slowly.
    pub const TOO_SLOW: u16 = 4009;
    /// Ended by an operator.
    pub const ENDED: u16 = 4010;
}
