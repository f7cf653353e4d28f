//! Every limit and timeout of a node.

use std::time::Duration;

/// How many sessions a node takes, if it is not told otherwise.
pub const CAPACITY: u32 = 500;

/// The largest frame a client may send, in bytes, if the node is not told otherwise.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// How many sessions a user may have on one node, if the node is not told otherwise.
pub const SESSIONS_PER_USER: usize = 8;

/// How long a send may take to its outcome, if the node is not told otherwise.
pub const SEND_DEADLINE: Duration = Duration::from_secs(5);

/// How many sends may wait for their outcome.
pub const PENDING_MAX: usize = 256 * 1024;

/// How many bytes these may hold.
pub const PENDING_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How long a route is believed, counted from when the directory was asked.
pub const ROUTE_LIFE: Duration = Duration::from_secs(5);

/// How many recipients are known at a time: users to whom something was sent within
/// [`ROUTE_LIFE`].
pub const RECIPIENTS_MAX: usize = 250_000;

/// A send that found nobody is tried again at once, and then each time after so long.
pub const RETRY: Duration = Duration::from_millis(100);

/// When a node has died, its last receipts may still be under way for this long.
pub const LAST_RECEIPTS: Duration = Duration::from_millis(250);

/// How exactly the deadlines of sends are kept.
pub const TICK: Duration = Duration::from_millis(20);
