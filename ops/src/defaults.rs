//! Every limit and timeout that all programs share.

use std::time::Duration;

/// How many connections to the operations endpoint there may be.
pub const OPS_CONNECTIONS_MAX: usize = 64;

/// How long a request to it, and its answer, may take.
pub const OPS_REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after a failed accept.
pub const OPS_ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A problem that was logged is only counted for this long, and then logged again.
pub const LOG_REPEAT_EVERY: Duration = Duration::from_secs(60);

/// How many different problems a [`LogThrottle`](crate::LogThrottle) distinguishes. All others count
/// as one more.
pub const LOG_PROBLEMS_MAX: usize = 1_024;

/// How many bytes of log lines may wait for the reader of standard error. Further lines are dropped
/// and counted.
pub const LOG_QUEUE_BYTES_MAX: usize = 1024 * 1024;

/// How much memory an empty queue of log lines keeps for the next lines.
pub const LOG_QUEUE_BYTES_KEPT: usize = 64 * 1024;

/// How long a program that ends waits until its last lines are written.
pub const LOG_FLUSH_WITHIN: Duration = Duration::from_millis(500);

/// The pause before the next attempt to write to an output that is full.
pub const LOG_WRITE_RETRY: Duration = Duration::from_millis(10);

/// The largest certificate, key or secret file.
pub const TEXT_FILE_BYTES_MAX: usize = 1024 * 1024;

/// How much free heap a busy program keeps between two bursts.
pub const HEAP_KEPT_BYTES: usize = 2 * 1024 * 1024;
