//! Every limit and timeout of a link.

use std::time::Duration;

/// The interval between the heartbeats that either end sends on the control stream.
pub const HEARTBEAT: Duration = Duration::from_millis(250);

/// A link without a heartbeat for this long is silent.
pub const SILENCE: Duration = Duration::from_millis(1_500);

/// After this long without a packet quinn closes a connection. Longer than [`SILENCE`], which
/// decides whether a link is lost; this timeout only frees connections that nothing polls any more.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// quinn's own keep-alive, which proves that the peer's driver runs.
pub const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How long a handshake may take, and how long the hello after it.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);

/// The delay between the attempts at two addresses of one name, while the first has not answered:
/// RFC 8305's recommendation.
pub const DIAL_STAGGER: Duration = Duration::from_millis(250);

/// The round-trip time that is assumed before the first measurement: a LAN's, not QUIC's 333 ms.
pub const INITIAL_RTT: Duration = Duration::from_millis(20);

/// How many bytes of a lane may be in flight. quinn closes a connection with more than 1,024 gaps
/// in one stream; with full packets this window has fewer.
pub const LANE_WINDOW_BYTES: u32 = 1_280 * 1024;

/// How many bytes of all streams may be in flight, and how many unacknowledged bytes a writer
/// keeps.
pub const LINK_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// The minimum of the congestion window, after any loss: 3 MB/s at a round-trip time of 20 ms.
pub const IN_FLIGHT_BYTES_MIN: u64 = 64 * 1024;

/// The largest packet that is accepted, and that path MTU discovery tries. On Ethernet discovery
/// ends at 1,472; on jumbo frames and loopback here: quinn gives the kernel ten packets at once,
/// and the kernel takes 64 KiB at most.
pub const MTU_BYTES_MAX: u16 = 6_550;

/// The requested size of a UDP socket's buffers, in each direction.
pub const UDP_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A lane's buffer is a queue of chunks of about this size; each is one write to quinn.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// The initial capacity of a lane's smallest chunk.
pub const CHUNK_BYTES_MIN: usize = 1024;

/// How many packets' payloads a lane's reader takes from quinn at once.
pub const READ_CHUNKS_MAX: usize = 32;

/// How many bytes may be queued in a lane of messages.
pub const MESSAGE_LANE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many bytes may be queued in the lane of receipts. It is larger than what the messages of all
/// lanes can cause, so that overload does not turn outcomes into guesses.
pub const RECEIPT_LANE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long the last messages to a peer may take to arrive before its connection is closed.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
