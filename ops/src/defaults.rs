//! Every limit and timeout that all programs share.

use std::time::Duration;

/// How long a trouble that was logged is not logged again, only counted.
pub const LOG_REPEAT_EVERY: Duration = Duration::from_secs(60);

/// How many different troubles a [`LogThrottle`](crate::LogThrottle) tells apart. What exceeds them
/// counts as one trouble more.
pub const LOG_TROUBLES_MAX: usize = 1_024;

/// How many bytes of log lines may wait for whatever reads standard error. Further lines are dropped
/// and counted.
pub const LOG_QUEUE_BYTES_MAX: usize = 1024 * 1024;

/// How much memory an empty queue of log lines keeps for those to come.
pub const LOG_QUEUE_BYTES_KEPT: usize = 64 * 1024;

/// How long a program that ends waits until its last lines are written.
pub const LOG_FLUSH_WITHIN: Duration = Duration::from_millis(500);

/// The pause before a write to an output that can take nothing now is tried again.
pub const LOG_WRITE_RETRY: Duration = Duration::from_millis(10);

/// How large a certificate, a key or a secret may be.
pub const TEXT_FILE_BYTES_MAX: usize = 1024 * 1024;
