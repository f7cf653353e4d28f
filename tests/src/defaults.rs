//! Every limit and time that the local cluster and its clients keep to, in one place.

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

/// How long a client waits for the next frame, or for a socket to open, unless told otherwise.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one HTTP request to an ops or client port may take.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait between two looks at a condition that nothing announces.
pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The read buffer of one client's WebSocket, in bytes: small, as tests open thousands.
pub const CLIENT_READ_BUFFER_BYTES: usize = 4 * 1024;

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

/// The largest datagram that a proxy passes on, in bytes: the largest that UDP has.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;

/// What a proxy asks of the kernel for each of its sockets' buffers, in bytes.
pub const PROXY_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// How many sockets of its node a proxy passes on at a time.
pub const PROXY_FLOWS_MAX: usize = 64;

/// How many datagrams of one direction may be late at a time; further ones are lost.
pub const PROXY_DELAYED_MAX: usize = 16 * 1024;

/// A socket of the node from which nothing came for so long is given up by its proxy.
pub const PROXY_FLOW_IDLE: Duration = Duration::from_secs(60);

/// How many logins the load generator has under way at a time.
pub const LOAD_LOGINS_AT_ONCE: usize = 64;

/// How long the load generator waits for any of these logins to be answered.
pub const LOAD_LOGIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a session of the load generator stays away when its connection has ended, in
/// milliseconds. Each draws its own time, so that they do not all come at once.
pub const LOAD_COMEBACK_MS: std::ops::Range<u64> = 200..2_000;

/// How long the load generator waits for what is still on its way, counted from the last arrival,
/// before it calls it lost: longer than a send's deadline.
pub const LOAD_SETTLE_PATIENCE: Duration = Duration::from_secs(6);

/// The same for the first message over each pair, which is sent again.
pub const LOAD_PRIME_PATIENCE: Duration = Duration::from_millis(500);

/// How often that is sent.
pub const LOAD_PRIMES_MAX: usize = 20;

/// The buffer that the load generator reads every session's socket into, in bytes: several of the
/// largest frames.
pub const LOAD_BUFFER_BYTES: usize = 256 * 1024;

/// How many sockets the load generator sees to between two looks at what is due.
pub const LOAD_EVENTS_AT_ONCE: usize = 256;

/// To how many decimal digits latencies are recorded.
pub const LATENCY_DIGITS: u8 = 3;

/// How long a send may take to its outcome, as the contract says.
pub const SEND_DEADLINE: Duration = Duration::from_secs(5);

/// How long a node may believe a route, as the contract says.
pub const ROUTE_LIFE: Duration = Duration::from_secs(5);

/// By how much a loaded machine may be late in a run with faults, before lateness counts.
pub const FAULT_SLACK: Duration = Duration::from_secs(6);

/// For so long after a node was hurt, its users may still be missing in the directory.
pub const FAULT_ECHO: Duration = Duration::from_secs(5);

/// For how long a client that reads slowly reads nothing at all, at the most.
pub const FAULT_DOZE_MAX: Duration = Duration::from_secs(4);

/// How often the observer of a run with faults makes sure that it is not kept from running.
pub const FAULT_PULSE: Duration = Duration::from_millis(50);

/// How long a cluster may take to be whole again after the last fault of a run.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client in a run with faults waits for its welcome before it tries another node.
pub const FAULT_LOGIN_TIMEOUT: Duration = Duration::from_secs(4);

/// How long such a client waits until a node has answered its close.
pub const FAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a process that came up with the name of another may take to end.
pub const RIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest latency that is told from longer ones, in nanoseconds: a minute.
pub const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// How long servers get to put in order what many logins have left, before their memory is read.
pub const LOAD_CALM: Duration = Duration::from_secs(2);

/// How many entries are registered at a time where a directory is made large.
pub const LOAD_FILLS_AT_ONCE: usize = 256;
