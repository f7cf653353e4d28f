//! The limits and timeouts of the load generator and its proxies.

use std::time::Duration;

/// The largest datagram that a proxy passes on, in bytes: UDP's maximum.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;

/// The buffer size that a proxy requests for each socket, in bytes.
pub const PROXY_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// How many sockets of its node a proxy serves at a time.
pub const PROXY_FLOWS_MAX: usize = 64;

/// How many datagrams of one direction may be delayed at a time; further ones are lost.
pub const PROXY_DELAYED_MAX: usize = 16 * 1024;

/// How long a socket of the node may be silent before its proxy closes the flow.
pub const PROXY_FLOW_IDLE: Duration = Duration::from_secs(60);

/// How many logins run at a time.
pub const LOAD_LOGINS_AT_ONCE: usize = 64;

/// How long none of these logins may be answered.
pub const LOAD_LOGIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a session waits before it logs in again, in milliseconds. Random, so that they do not all
/// log in at once.
pub const LOAD_RECONNECT_MS: std::ops::Range<u64> = 200..2_000;

/// How long messages may be in flight after the last arrival before they count as lost: longer than a
/// send's deadline.
pub const LOAD_OUTCOME_TIMEOUT: Duration = Duration::from_secs(6);

/// The same for the first message over each pair, which is repeated.
pub const LOAD_PRIME_TIMEOUT: Duration = Duration::from_millis(500);

/// How often the first message is repeated.
pub const LOAD_PRIMES_MAX: usize = 20;

/// The read buffer of all sessions, in bytes: several of the largest frames.
pub const LOAD_BUFFER_BYTES: usize = 256 * 1024;

/// How many socket events are handled between two checks of what is due.
pub const LOAD_EVENTS_AT_ONCE: usize = 256;

/// The precision of recorded latencies, in decimal digits.
pub const LATENCY_DIGITS: u8 = 3;

/// The longest latency that is recorded as such, in nanoseconds: a minute.
pub const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// How long servers rest after many logins before their memory is measured.
pub const LOAD_QUIET_TIME: Duration = Duration::from_secs(2);

/// How many entries a directory filler registers at a time.
pub const LOAD_FILLS_AT_ONCE: usize = 256;
