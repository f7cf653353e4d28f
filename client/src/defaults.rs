//! The limits and timeouts of a client.

use std::time::Duration;

/// How long a client waits for a connection, and for each frame unless
/// [`Client::with_timeout`](crate::Client::with_timeout) sets another timeout.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(20);

/// The read buffer of one client's WebSocket, in bytes: small, as one process may have thousands.
pub const CLIENT_READ_BUFFER_BYTES: usize = 4 * 1024;
