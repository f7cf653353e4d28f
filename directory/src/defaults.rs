//! Every limit and every timeout of what is said to Redis, with the reason for its value.

use std::time::Duration;

/// The prefix of all keys where no other is given.
pub const KEY_PREFIX: &str = "trunkline";

/// After this long a call fails, whatever Redis or the network does: connecting, waiting for a
/// place in the connection's queue and the answer included. Half a lease, so that a renewal that
/// failed can be tried once more before the lease ends.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that is silent for this long is probed by the kernel.
pub const TCP_KEEPALIVE_IDLE: Duration = Duration::from_secs(5);

/// The pause between two of the kernel's probes.
pub const TCP_KEEPALIVE_EVERY: Duration = Duration::from_secs(2);

/// After this long without an acknowledgement the kernel gives a connection up, where it would
/// otherwise retransmit for a quarter of an hour.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Commands that may wait to be written to the connection; further callers wait in line.
pub const CALLS_QUEUED_MAX: usize = 256;

/// How long a lease lasts without being renewed, by Redis' clock. Also how long a command sent
/// under it may still take effect.
pub const LEASE_TTL: Duration = Duration::from_secs(2);

/// The pause between two renewals: a lease survives three that fail, and an emptied Redis is
/// noticed within this time.
pub const LEASE_RENEW_EVERY: Duration = Duration::from_millis(500);

/// For so long after a node has come by its lease, it believes no miss: Redis may have been emptied
/// just before, and the others notice that within this time, by their next renewal or, if they had to
/// connect anew, the one after.
pub const MISS_DOUBT: Duration = LEASE_TTL;

/// How long after a failed call its command may still take effect, by the node's clock: the
/// lease under which it was sent, and some slack for two clocks that tick differently.
pub const DOUBT: Duration = Duration::from_millis(2_500);

/// Registrations and removals that a node has in flight at a time. Enough to fill the pipe to
/// Redis, few enough that none of them waits long there.
pub const OPERATIONS_IN_FLIGHT_MAX: usize = 64;

/// The pause before an operation that failed is tried again; it doubles with each failure.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause before an operation that failed is tried again.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Users that a node registers again per second after it took a new incarnation: 5,000 take
/// 2.5 s, and a hundred nodes that rebuild at once leave Redis room for logins, which go first.
pub const REBUILD_PER_SECOND: u32 = 2_000;

/// The pause between two steps of the audit.
pub const AUDIT_STEP_EVERY: Duration = Duration::from_millis(500);

/// Within this time the audit has looked at every user of the node and at every entry. It leaves
/// a quarter of the promised minute for steps that fail.
pub const AUDIT_CYCLE: Duration = Duration::from_secs(45);

/// The fewest users that one step of the audit looks at.
pub const AUDIT_STEP_USERS_MIN: usize = 10;

/// Look-ups that one step of the audit has in flight at a time.
pub const AUDIT_IN_FLIGHT_MAX: usize = 16;

/// The pause between two looks at what is listed: the node's own incarnation and card, and
/// former incarnations of the node that are still to be purged.
pub const LISTING_CHECK_EVERY: Duration = Duration::from_secs(5);

/// Users that one step of a purge takes from a node's index: a `ZREM` of as many members keeps
/// Redis well under a millisecond.
pub const PURGE_BATCH: usize = 500;

/// Removals that a purge has in flight at a time.
pub const PURGE_IN_FLIGHT_MAX: usize = 128;

/// Keys that Redis looks at in one step of [`crate::Directory::find`]: about a millisecond.
pub const FIND_STEP_KEYS: usize = 1_000;

/// The most users in one page of a node's users.
pub const PAGE_USERS_MAX: usize = 1_000;

/// The most that is read of what a server says first: the longest line of Redis, about its protected
/// mode, has 900 bytes.
pub const GREETING_BYTES_MAX: u64 = 1_024;

/// The most of a server's words that is shown.
pub const SAID_CHARS_MAX: usize = 200;

/// Troubles that are shown at a time; of further ones there is the number.
pub const TROUBLES_SHOWN_MAX: usize = 4;

/// For so long a refusal counts of something that is not tried again. What a program needs it tries
/// again within 5 s.
pub const REFUSAL_KEPT: Duration = Duration::from_secs(60);

/// After so long without any trouble the next one is logged at once, also one that the log had
/// within the last minute.
pub const WELL_AGAIN: Duration = Duration::from_secs(5);
