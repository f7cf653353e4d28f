//! Every limit and time of the load generator and its proxies, in one place.

use std::time::Duration;

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

/// The longest latency that is told from longer ones, in nanoseconds: a minute.
pub const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// How long servers get to put in order what many logins have left, before their memory is read.
pub const LOAD_CALM: Duration = Duration::from_secs(2);

/// How many entries are registered at a time where a directory is made large.
pub const LOAD_FILLS_AT_ONCE: usize = 256;
