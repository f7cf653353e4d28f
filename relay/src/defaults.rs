//! Every limit and timeout of a relay. Those of a link's two ends are in
//! [`trunkline_link::defaults`], those of Redis in [`trunkline_directory::defaults`].

use std::time::Duration;

/// How many files a relay may have open: a small socket for each node, status streams, and the rest.
pub const FILES: u64 = NODES_MAX as u64 + 128;

/// Nodes, by name, that a relay ever takes up. It bounds the matrix of flows.
pub const NODES_MAX: usize = 1_024;

/// Connections at a time, handshakes included. Each node may have two while one supersedes the
/// other.
pub const CONNECTIONS_MAX: usize = 2 * NODES_MAX;

/// Handshakes at a time that have not shown a certificate yet.
pub const HANDSHAKES_MAX: usize = 256;

/// Control messages that may wait for a node. It takes seconds of not reading to fill it, and
/// then the link is closed.
pub const CONTROL_QUEUE_MAX: usize = 64;

/// Commands of one operator that are carried out at a time; further ones wait.
pub const COMMANDS_MAX: usize = 16;

/// Test messages that may be under way at a time.
pub const TESTS_MAX: usize = 8;

/// Steps that are remembered of messages that are traced.
pub const FOLLOWED_MAX: usize = 512;

/// How long the outcome of a test message is waited for: longer than any deadline of a node that
/// an operator would wait for.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the last steps may take to be told, when the outcome is known.
pub const STEPS_LATE: Duration = Duration::from_secs(1);

/// The priority of control streams among a connection's streams; that of lanes of messages is 0.
pub const CONTROL_PRIORITY: i32 = 2;

/// The priority of the lane of receipts.
pub const RECEIPT_PRIORITY: i32 = 1;

/// The longest version of its program that a node may tell.
pub const SOFTWARE_BYTES_MAX: usize = 64;

/// The most that a node may tell of its trouble with Redis; the rest is cut off.
pub const TROUBLE_BYTES_MAX: usize = 2_048;

/// The buckets of a node's histogram of latencies that are passed on to operators.
pub const LATENCY_BUCKETS_MAX: usize = 1_024;

/// How long changes of the membership gather before the nodes are told.
pub const MEMBERS_GATHER: Duration = Duration::from_millis(20);

/// How often nodes are told what changes all the time: how many sessions each has.
pub const MEMBERS_EVERY: Duration = Duration::from_secs(1);

/// A connection that was lost and not dialled again for so long is as good as silent. Also how
/// long an incarnation may stand in the directory with neither link nor lease, from the moment
/// that the relay first sees it. Nodes dial again within 750 ms: this is three times that.
pub const GRACE: Duration = Duration::from_millis(2_250);

/// How long an incarnation that its own process gave up is left to that process to clear away.
pub const RENOUNCED_GRACE: Duration = Duration::from_secs(60);

/// Redis must have answered for so long before a lease that is not there counts: the nodes need
/// that time to notice that Redis is back.
pub const REDIS_SETTLED: Duration = Duration::from_millis(1_500);

/// A lease counts as renewed since a verdict if it was by at least this much: the lease's age is
/// known only to a round trip.
pub const LEASE_AGE_SLACK: Duration = Duration::from_millis(500);

/// How often liveness looks at the clock.
pub const TICK: Duration = Duration::from_millis(50);

/// How often it does while a round of probes is under way.
pub const TICK_IN_ROUND: Duration = Duration::from_millis(10);

/// A relay that did not look at the clock for so long was away itself: nothing that it did not
/// hear in the meantime counts as silence.
pub const ABSENCE: Duration = Duration::from_secs(1);

/// How often a small datagram is sent to a node's port, so that its kernel can refuse it.
pub const KNOCK_EVERY: Duration = Duration::from_millis(100);

/// Probes in a round that follows a kernel's refusal.
pub const PROBES: u8 = 3;

/// The pause after each of them.
pub const PROBE_EVERY: Duration = Duration::from_millis(50);

/// Refusals that it takes, together with a round of unanswered probes, for a verdict.
pub const REFUSALS_MIN: u8 = 2;

/// A round that is not answered and sees no second refusal for so long is dropped.
pub const ROUND_MAX: Duration = Duration::from_secs(1);

/// How long a node that has a name is given to answer, when another process claims that name.
pub const CLAIM_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the list of incarnations is read: it finds those that nobody else would.
pub const LISTING_EVERY: Duration = Duration::from_secs(1);

/// How often the leases of nodes that are not heard are read.
pub const LEASES_EVERY: Duration = Duration::from_millis(250);

/// Incarnations that are watched at a time; further ones in the directory wait.
pub const LIVES_MAX: usize = 4 * NODES_MAX;

/// Purges at a time.
pub const PURGES_MAX: usize = 16;

/// The pause before something that Redis did not do is asked of it again.
pub const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Requests to the cleaner that may wait.
pub const REQUESTS_MAX: usize = 2 * LIVES_MAX;

/// Reports from the cleaner that may wait; when the queue is full, the cleaner does.
pub const REPORTS_MAX: usize = 256;

/// Leases that are read at a time.
pub const LEASES_IN_FLIGHT_MAX: usize = 32;

/// How long a node that is dead or has left is still shown.
pub const SHOWN: Duration = Duration::from_secs(5 * 60);

/// Nodes that are dead or have left, and are still shown.
pub const SHOWN_MAX: usize = 64;

/// Connections that were turned away and get an event of their own; the others are only logged.
pub const REFUSAL_EVENTS_MAX: u32 = 16;

/// How often that allowance grows by one.
pub const REFUSAL_EVENT_EVERY: Duration = Duration::from_secs(1);

/// Status streams at a time.
pub const STATUS_CLIENTS_MAX: usize = 32;

/// The time between snapshots that a client may ask for, in milliseconds.
pub const INTERVAL_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

/// Events that may wait for a status client; one that reads more slowly misses some.
pub const EVENTS_WAITING_MAX: usize = 256;

/// How long a status client may take to read one line.
pub const STATUS_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time between the recent snapshots of the history, and how many are kept: five minutes.
pub const RECENT_EVERY: Duration = Duration::from_secs(1);
/// See [`RECENT_EVERY`].
pub const RECENT_MAX: usize = 300;

/// Each so many recent snapshots, one is kept for longer: ten seconds.
pub const SPARSE_EACH: u64 = 10;
/// How many of them are kept: an hour.
pub const SPARSE_MAX: usize = 360;

/// Events that the history keeps, for [`EVENTS_KEPT`] at the most.
pub const EVENTS_MAX: usize = 4_096;
/// See [`EVENTS_MAX`].
pub const EVENTS_KEPT: Duration = Duration::from_secs(60 * 60);

/// The bytes of all lines that the history keeps. Three nodes fill a tenth of it in an hour; with
/// many nodes the history is shorter.
pub const HISTORY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A snapshot that is older says that the data path does not answer.
pub const STALE: Duration = Duration::from_secs(5);

/// Requests from the status side that may wait for the data path.
pub const ASKS_MAX: usize = 64;

/// A certificate with less than this left is near its end.
pub const CERTIFICATE_WARNING: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How often that is looked at.
pub const CERTIFICATE_CHECK_EVERY: Duration = Duration::from_secs(12 * 60 * 60);

/// How long a relay that is leaving waits until its last words have arrived.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
