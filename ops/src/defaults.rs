//! Every limit and timeout that all programs share.

use std::time::Duration;

/// How long a trouble that was logged is not logged again, only counted.
pub const LOG_REPEAT_EVERY: Duration = Duration::from_secs(60);

/// How many different troubles a [`LogThrottle`](crate::LogThrottle) tells apart. What exceeds them
/// counts as one trouble more.
pub const LOG_TROUBLES_MAX: usize = 16;
