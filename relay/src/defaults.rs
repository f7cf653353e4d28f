//! Every limit and timeout of a relay. Those of a link's two ends are in
//! [`trunkline_link::defaults`], those of Redis in [`trunkline_directory::defaults`].

use std::{ops::RangeInclusive, time::Duration};

/// How many files a relay may have open: a probe socket per node, status streams, and a reserve.
pub const FILES: u64 = NODES_MAX as u64 + 128;

/// How often the relay's own certificate and the list of those that are denied are checked for changes:
/// the connections of a denied one end within a second.
pub const CERTIFICATES_CHECKED_EVERY: Duration = Duration::from_millis(400);

/// Nodes, by name, that a relay accepts. It bounds the traffic matrix.
pub const NODES_MAX: usize = 1_024;

/// Connections at a time, handshakes included. A node has two while one supersedes the other.
pub const CONNECTIONS_MAX: usize = 2 * NODES_MAX;

/// Handshakes at a time whose peer has not shown a certificate yet.
pub const HANDSHAKES_MAX: usize = 256;

/// How many of these may be of peers that have not shown that they receive at their address. A peer
/// beyond that is asked to, which takes one round trip.
pub const HANDSHAKES_UNVALIDATED_MAX: usize = 32;

/// How many of the places are kept for addresses that have had a link.
pub const HANDSHAKES_KEPT: usize = 128;

/// How many such addresses are remembered.
pub const KNOWN_ADDRESSES_MAX: usize = 4 * NODES_MAX;

/// Control messages that may wait for a node. A node that reads nothing fills the queue within
/// seconds; then its link is closed.
pub const CONTROL_QUEUE_MAX: usize = 64;

/// How many of them operators' commands may cause to wait. A further command is refused: a burst of
/// commands must not cost a node its link.
pub const CONTROL_QUEUE_FOR_OPERATORS: usize = CONTROL_QUEUE_MAX / 2;

/// The priority of control streams among a connection's streams; that of message lanes is 0.
pub const CONTROL_PRIORITY: i32 = 2;

/// The priority of the receipt lane.
pub const RECEIPT_PRIORITY: i32 = 1;

/// The longest program version that a node may report.
pub const SOFTWARE_BYTES_MAX: usize = 64;

/// The longest description of its trouble with Redis that a node may report; the rest is cut off.
pub const TROUBLE_BYTES_MAX: usize = 2_048;

/// The buckets of a node's latency histogram that are passed on to operators.
pub const LATENCY_BUCKETS_MAX: usize = 1_024;

// Membership

/// How long membership changes gather before they are announced to the nodes.
pub const MEMBERS_GATHER: Duration = Duration::from_millis(20);

/// How often numbers of sessions are announced, which change all the time.
pub const MEMBERS_EVERY: Duration = Duration::from_secs(1);

// Liveness

/// How long a node may take to reconnect after its link was lost, before the lost link counts as
/// silence. Also how long an incarnation may be listed in the directory with neither link nor lease,
/// from the moment that the relay first sees it. Nodes dial again within 750 ms: this is three times
/// that.
pub const RECONNECT_GRACE: Duration = Duration::from_millis(2_250);

/// How long a process that changed to another incarnation may take to purge the former one.
pub const ABANDONED_GRACE: Duration = Duration::from_secs(60);

/// How long Redis must have answered before a missing lease counts as lapsed: nodes need that time
/// to notice that Redis is back, and to renew.
pub const REDIS_STABLE_AFTER: Duration = Duration::from_millis(1_500);

/// A lease counts as renewed since a decision only if it was by at least this much: the lease's age
/// is known only to a round trip.
pub const LEASE_AGE_SLACK: Duration = Duration::from_millis(500);

/// The interval of liveness' clock.
pub const TICK: Duration = Duration::from_millis(50);

/// Its interval while a round of probes is running.
pub const TICK_WHILE_PROBING: Duration = Duration::from_millis(10);

/// A pause of the clock from which on the relay itself counts as stalled: what it did not hear in
/// the meantime is not silence.
pub const RELAY_STALL_MIN: Duration = Duration::from_secs(1);

/// How often a small datagram is sent to a node's port, so that its kernel can refuse it.
pub const PROBE_DATAGRAM_EVERY: Duration = Duration::from_millis(100);

/// Probes in a round that follows a connection-refused signal.
pub const PROBES: u8 = 3;

/// The pause after each of them.
pub const PROBE_EVERY: Duration = Duration::from_millis(50);

/// Connection-refused signals that it takes, together with a round of unanswered probes, to declare
/// a node dead.
pub const REFUSALS_MIN: u8 = 2;

/// A round without an answer and without a second connection-refused signal ends after this time.
pub const PROBE_ROUND_MAX: Duration = Duration::from_secs(1);

/// How long the holder of a name has to answer when another process claims the name.
pub const CLAIM_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the list of incarnations is read. It finds those that died unobserved.
pub const LISTING_EVERY: Duration = Duration::from_secs(1);

/// How often the leases of silent nodes are read.
pub const LEASES_EVERY: Duration = Duration::from_millis(250);

/// Incarnations that are tracked at a time; further ones in the directory wait.
pub const INCARNATIONS_MAX: usize = 4 * NODES_MAX;

/// Purges at a time.
pub const PURGES_MAX: usize = 16;

/// The pause before a command that Redis did not carry out is sent again.
pub const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How long a node that is dead or has left is still shown.
pub const ENDED_NODES_KEPT: Duration = Duration::from_secs(5 * 60);

/// Nodes that are dead or have left, and are still shown.
pub const ENDED_NODES_MAX: usize = 64;

// Control plane

/// Directory commands that may wait for the directory worker.
pub const DIRECTORY_COMMANDS_MAX: usize = 2 * INCARNATIONS_MAX;

/// Replies of the directory worker that may wait; when the queue is full, the worker waits.
pub const DIRECTORY_REPLIES_MAX: usize = 256;

/// Leases that are read at a time.
pub const LEASES_IN_FLIGHT_MAX: usize = 32;

/// Requests of the control plane that may wait for the data path.
pub const REQUESTS_MAX: usize = 64;

/// Status streams at a time.
pub const STATUS_CLIENTS_MAX: usize = 32;

/// How many of these viewers may have. The rest is kept for admins.
pub const STATUS_STREAMS_FOR_VIEWERS: usize = 24;

/// How many one certificate's role and name may have.
pub const STATUS_STREAMS_PER_NAME_MAX: usize = 16;

/// The snapshot interval that a client may ask for, in milliseconds.
pub const INTERVAL_MS: RangeInclusive<u64> = 100..=60_000;

/// Events that may wait for a status client; a slower client misses some.
pub const EVENTS_WAITING_MAX: usize = 256;

/// How long a status client may take to read one line.
pub const STATUS_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Commands of one admin that run at a time; further ones wait.
pub const COMMANDS_MAX: usize = 16;

/// The interval of the recent snapshots in the history.
pub const RECENT_EVERY: Duration = Duration::from_secs(1);

/// How many recent snapshots the history keeps: five minutes.
pub const RECENT_MAX: usize = 300;

/// Of this many snapshots that are no longer recent, one is kept: one in ten seconds.
pub const SPARSE_EACH: u64 = 10;

/// How many sparse snapshots the history keeps: an hour.
pub const SPARSE_MAX: usize = 360;

/// Events that the history keeps.
pub const EVENTS_MAX: usize = 4_096;

/// How long the history keeps events.
pub const EVENTS_KEPT: Duration = Duration::from_secs(60 * 60);

/// The bytes of all lines in the history. Three nodes fill a tenth of it in an hour; with many nodes
/// the history is shorter.
pub const HISTORY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The age from which on the latest snapshot means that the data path does not answer.
pub const SNAPSHOT_STALE: Duration = Duration::from_secs(5);

/// Rejected connections that get an event of their own; the others are only logged.
pub const REJECTION_EVENTS_MAX: u32 = 16;

/// How often that allowance grows by one.
pub const REJECTION_EVENT_EVERY: Duration = Duration::from_secs(1);

// Delivery tests

/// Delivery tests at a time.
pub const TESTS_MAX: usize = 8;

/// Trace events that are remembered, and likewise hops through the switch.
pub const TRACE_EVENTS_MAX: usize = 512;

/// How long a delivery test may take: longer than any delivery deadline of a node.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the last trace events may take to arrive after the outcome.
pub const TRACE_EVENTS_TIMEOUT: Duration = Duration::from_secs(1);

// The process

/// How long a relay that shuts down waits until its nodes have acknowledged it.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
