//! WebSocket close codes (RFC 6455, section 7.4, and this protocol's own from 4000).

/// The node is shutting down: reconnect to another one after the jitter in the reason.
pub const GOING_AWAY: u16 = 1001;
/// The bytes are not valid WebSocket frames.
pub const PROTOCOL: u16 = 1002;
/// A frame of a kind that this protocol does not use.
pub const UNSUPPORTED: u16 = 1003;
/// A text frame that is not UTF-8.
pub const NOT_UTF8: u16 = 1007;
/// The client broke a rule: no login first, or too many bad requests.
pub const POLICY: u16 = 1008;
/// A frame over the limit.
pub const TOO_BIG: u16 = 1009;
/// The node failed while it handled a frame of the client.
pub const INTERNAL: u16 = 1011;
/// Try again later.
pub const TRY_AGAIN: u16 = 1013;
/// The token was not accepted.
pub const UNAUTHORIZED: u16 = 4001;
/// A newer session of the same user has replaced this one.
pub const REPLACED: u16 = 4003;
/// The client did not log in in time.
pub const NO_LOGIN: u16 = 4008;
/// The client reads too slowly.
pub const TOO_SLOW: u16 = 4009;
/// An operator has disconnected the user.
pub const ENDED: u16 = 4010;
