//! Every limit and timeout of a link.

use std::time::Duration;

/// How often either end says on the control stream that its process runs.
pub const HEARTBEAT: Duration = Duration::from_millis(250);

/// A link without a heartbeat for so long is silent.
pub const SILENCE: Duration = Duration::from_millis(1_500);

/// quinn gives a connection up after so long without a packet. Longer than [`SILENCE`], which is
/// what judges; this only frees what nobody looks after any more.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// quinn's own keep-alive, which proves that the peer's driver runs.
pub const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How long a handshake may take, and how long the hello after it.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long after one of a name's addresses the next one is dialled, while the first has not answered:
/// RFC 8305's recommendation.
pub const DIAL_STAGGER: Duration = Duration::from_millis(250);

/// The round trip that is assumed before one was measured: a LAN's, not QUIC's 333 ms.
pub const INITIAL_RTT: Duration = Duration::from_millis(20);

/// How many bytes of a lane may be under way to its reader. quinn closes a connection that has
/// more than 1,024 holes in one stream, which this stays below with full packets.
pub const LANE_WINDOW_BYTES: u32 = 1_280 * 1024;

/// How many bytes of all streams may be under way to a reader, and how many a writer keeps until
/// they are acknowledged.
pub const LINK_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// How many bytes may be under way on a link whatever was lost: 3 MB/s over a round trip of 20 ms.
pub const IN_FLIGHT_BYTES_MIN: u64 = 64 * 1024;

/// The largest packet that is taken, and that path discovery tries. Ethernet ends it at 1,472; jumbo
/// frames and loopback here: quinn gives the kernel ten packets at once, which is 64 KiB at most.
pub const MTU_BYTES_MAX: u16 = 6_550;

/// What is asked of the kernel for a UDP socket's buffers, each way.
pub const UDP_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A lane's buffer is a queue of chunks of about this size; each is one write to quinn.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// How many bytes may wait in a lane of messages.
pub const MESSAGE_LANE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many bytes may wait in the lane of receipts. It is larger than what the messages of all
/// lanes can cause, so that overload does not turn outcomes into guesses.
pub const RECEIPT_LANE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long a peer's last words may take to arrive before its connection is closed.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
