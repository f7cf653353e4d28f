//! The limits and timeouts of the local cluster and of the commands.

use std::time::Duration;

/// How long a program may take to print its ready line, and Redis to answer its first `PING`. An
/// idle machine needs tens of milliseconds; tests run on busy ones.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a program that listens may take to become ready: linked and registered.
pub const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a program may take to end after SIGTERM before it is killed: longer than a node's drain.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one HTTP request to an ops or client port may take.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a condition is checked that nothing signals.
pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The longest HTTP response that is read, in bytes.
pub const HTTP_ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How many lines of a log an error quotes, and a failed test prints.
pub const LOG_TAIL_LINES: usize = 30;

/// The first port of a cluster that does not use the default ones. The range up to
/// [`PORT_RANGE_END`] is below the kernel's ephemeral ports, so that a program that is down for a
/// moment does not lose its port to an outgoing connection.
pub const PORT_RANGE_START: u16 = 16_384;

/// One past the last port of that range.
pub const PORT_RANGE_END: u16 = 32_768;

/// How many ports one cluster leases: one for Redis, two for the relay and for each node.
pub const PORTS_PER_CLUSTER: u16 = 64;

/// How long a reader of the status stream waits for the relay and for the next line.
pub const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// The QUIC keep-alive interval of a reader of the status stream.
pub const STATUS_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// The longest line of the status stream, in bytes: a snapshot of a few thousand nodes.
pub const STATUS_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long `status` waits before it dials the relay again.
pub const STATUS_RETRY: Duration = Duration::from_secs(1);

/// How many of the latest events `status` keeps for a terminal.
pub const STATUS_EVENTS_MAX: usize = 200;

/// How long `up` may take to reply to a command. Stopping a member has its own, shorter limit.
pub const CONTROL_REPLY_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a command that has connected to `up` may take to send its request.
pub const CONTROL_REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest request or reply between `up` and a command, in bytes.
pub const CONTROL_LINE_BYTES_MAX: usize = 64 * 1024;

/// How long `chat` waits before it connects again, unless the node names a time.
pub const CHAT_RETRY: Duration = Duration::from_secs(1);

/// How many input lines of `chat` may wait until they can be sent.
pub const CHAT_LINES_MAX: usize = 64;

/// How many logins of a load run at a time.
pub const LOAD_LOGINS_AT_ONCE: usize = 64;

/// How many messages a user of a load may be behind; further ones are not sent.
pub const LOAD_DUE_MAX: usize = 64;

/// How long a user of a load waits before it logs in again, in milliseconds. Random, so that they do not
/// all log in at once.
pub const LOAD_RECONNECT_MS: std::ops::Range<u64> = 200..2_000;

/// How often a load reports.
pub const LOAD_REPORT_EVERY: Duration = Duration::from_millis(500);

/// How long a load that ends waits for the last outcomes: longer than a send's deadline.
pub const LOAD_OUTCOMES_WITHIN: Duration = Duration::from_secs(6);

/// To how many decimal digits a load records latencies.
pub const LOAD_LATENCY_DIGITS: u8 = 3;

/// The longest latency that a load records as such, in microseconds: a minute.
pub const LOAD_LATENCY_MAX_US: u64 = 60_000_000;

/// How often `status` redraws a terminal when nothing arrives: the age of old values is shown.
pub const STATUS_REDRAW: Duration = Duration::from_secs(1);
