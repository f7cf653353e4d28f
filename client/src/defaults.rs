//! Every limit and time that a client keeps to, in one place.

use std::time::Duration;

/// How long a client waits for the next frame, or for a socket to open, unless told otherwise.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(20);

/// The read buffer of one client's WebSocket, in bytes: small, as tests open thousands.
pub const CLIENT_READ_BUFFER_BYTES: usize = 4 * 1024;
