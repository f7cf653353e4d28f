//! Every limit and timeout of the directory, with the reason for its value.

use std::time::Duration;

/// The prefix of all keys, unless another one is configured.
pub const KEY_PREFIX: &str = "trunkline";

/// The longest key prefix.
pub const PREFIX_BYTES_MAX: usize = 64;

/// How long a call may take, from connecting and waiting in the connection's queue to the answer.
/// Half a lease, so that a renewal that failed can be repeated before the lease expires.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// The kernel probes a connection that is silent for this long.
pub const TCP_KEEPALIVE_IDLE: Duration = Duration::from_secs(5);

/// The interval between two of the kernel's probes.
pub const TCP_KEEPALIVE_EVERY: Duration = Duration::from_secs(2);

/// After this long without an acknowledgement the kernel closes a connection. Its default is a
/// quarter of an hour of retransmissions.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// How many commands a connection's queue holds; further calls wait for room.
pub const CALLS_QUEUED_MAX: usize = 256;

/// How long a lease lasts without a renewal, by Redis's clock. A command that was sent under a
/// lease has no effect after its end.
pub const LEASE_TTL: Duration = Duration::from_secs(2);

/// The interval between two renewals. A lease survives three failed ones, and a node notices within
/// this time that Redis was emptied.
pub const LEASE_RENEW_EVERY: Duration = Duration::from_millis(500);

/// A node trusts no miss for this long after it has acquired its lease: Redis may have been emptied
/// just before. The other nodes notice that within this time, by their next renewal or, if they
/// have to reconnect, by the one after.
pub const MISS_UNTRUSTED_FOR: Duration = LEASE_TTL;

/// How long after a failed call its command may still take effect, by the node's clock: the lease
/// that it was sent under, and a margin for two clocks of different speed.
pub const LATE_WINDOW: Duration = Duration::from_millis(2_500);

/// How many registrations and removals a node has in flight. Enough to fill the connection to
/// Redis, few enough to keep each one's wait short.
pub const OPERATIONS_IN_FLIGHT_MAX: usize = 64;

/// The pause before the first retry of an operation; it doubles with each failure.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause before a retry of an operation.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How many users per second a node registers again under a new incarnation: 5,000 take 2.5 s, and
/// a hundred nodes that rebuild at once leave Redis capacity for logins, which have priority.
pub const REBUILD_PER_SECOND: u32 = 2_000;

/// The interval between two steps of the audit.
pub const AUDIT_STEP_EVERY: Duration = Duration::from_millis(500);

/// The audit checks every user of the node and every entry once within this time. The promise is a
/// minute; the rest is for steps that fail.
pub const AUDIT_CYCLE: Duration = Duration::from_secs(45);

/// How many users one step of the audit checks at least.
pub const AUDIT_STEP_USERS_MIN: usize = 10;

/// How many look-ups one step of the audit has in flight.
pub const AUDIT_IN_FLIGHT_MAX: usize = 16;

/// The interval between two checks of what is listed: the node's own incarnation and record, and
/// former incarnations of the node that have to be purged.
pub const LISTING_CHECK_EVERY: Duration = Duration::from_secs(5);

/// How many users one step of a purge takes from a node's index: a `ZREM` of that many members
/// occupies Redis for well under a millisecond.
pub const PURGE_BATCH: usize = 500;

/// How many removals a purge has in flight.
pub const PURGE_IN_FLIGHT_MAX: usize = 128;

/// How many keys Redis scans in one step of [`crate::Directory::find`]: about a millisecond.
pub const FIND_STEP_KEYS: usize = 1_000;

/// How many users one page of a node's users has at most.
pub const PAGE_USERS_MAX: usize = 1_000;

/// How many bytes of a server's first line are read. Redis's longest one, about its protected mode,
/// has 900 bytes.
pub const GREETING_BYTES_MAX: u64 = 1_024;

/// How many characters of a server's reply are shown.
pub const REPLY_CHARS_MAX: usize = 200;

/// How many problems are shown; further ones are only counted.
pub const TROUBLES_SHOWN_MAX: usize = 4;

/// How long a refused command counts as a problem if it is not repeated. A program repeats every
/// command that it needs within 5 s.
pub const REFUSAL_TTL: Duration = Duration::from_secs(60);

/// After this long without problems the next one is logged at once, even if the log had the same
/// one within the last minute.
pub const LOG_THROTTLE_RESET_AFTER: Duration = Duration::from_secs(5);
