//! Every limit and time that the local cluster and the commands keep to, in one place.

use std::time::Duration;

/// How long a program may take to print its ready line, and Redis to answer its first `PING`. Far
/// above what an idle machine needs (tens of milliseconds): two busy cores may be shared by many.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a program that listens may take until its `/readyz` says that it is linked and
/// registered.
pub const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a program may take to end after SIGTERM before it is killed: a node's drain and then
/// some.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one HTTP request to an ops or client port may take.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait between two looks at a condition that nothing announces.
pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The longest HTTP answer that is read, in bytes.
pub const HTTP_ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How many lines of a program's log stand in an error, or are printed when a test fails.
pub const LOG_TAIL_LINES: usize = 30;

/// The first port of a cluster that does not take the usual ones. The range up to
/// [`PORT_RANGE_END`] lies below the ports that the kernel gives to outgoing connections, so that
/// a program that is down for a moment does not lose its port to one.
pub const PORT_RANGE_START: u16 = 16_384;

/// One past the last port of that range.
pub const PORT_RANGE_END: u16 = 32_768;

/// How many ports one cluster leases: Redis, relay and its ops port, and two for each node.
pub const PORTS_PER_CLUSTER: u16 = 64;

/// How long a reader of the status stream waits for the relay, or for its next line.
pub const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a reader of the status stream shows that it is there.
pub const STATUS_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How many logins of a load run at a time.
pub const LOAD_LOGINS_AT_ONCE: usize = 64;

/// How many messages a user of a load may be behind; further ones are not sent.
pub const LOAD_DUE_MAX: usize = 64;

/// How long a user of a load stays away when its connection has ended, in milliseconds. Each draws
/// its own time, so that they do not all come back at once.
pub const LOAD_RECONNECT_MS: std::ops::Range<u64> = 200..2_000;

/// How often a load reports.
pub const LOAD_REPORT_EVERY: Duration = Duration::from_millis(500);

/// To how many decimal digits a load records latencies.
pub const LOAD_LATENCY_DIGITS: u8 = 3;

/// The longest latency that a load tells from longer ones, in microseconds: a minute.
pub const LOAD_LATENCY_MAX_US: u64 = 60_000_000;
