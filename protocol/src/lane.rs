//! What travels on a lane: batches of frames between two nodes, compact and binary.
//!
//! A lane starts with a [`PREAMBLE_BYTES`]-byte preamble and then carries batches. A batch has a
//! [`BatchHeader`] that a relay can route by without touching what follows, and then its frames: either
//! messages, receipts or notices. All numbers are little-endian.
//!
//! ```text
//! preamble  "TKL" version=1                                             4 bytes
//! header    kind:1 flags:1 count:2 length:4 peer:16 first:8 span:4 batch:4 ids:16  56 bytes
//! message   seq:8 sent_at:8 to_length:1 from_length:1 flags:1 reserved:1
//!           body_length:4                                               24 bytes,
//!           then `to`, `from` and `body`
//! receipt   seq:8 status:1 flags:1 missed:2                            12 bytes
//! notice    flags:1 user_length:1                                       2 bytes, then the user
//! ```
//!
//! On its way to the relay a header's `peer` is the destination; the relay replaces it by the
//! origin, which it knows from the link's certificate. A refused batch comes back as its header
//! alone, with the kind changed and the destination as its peer.

mod batch;
mod header;
mod message;
mod notice;
mod receipt;

pub use batch::{Batch, BatchBuilder};
pub use header::{BatchHeader, BatchKind, HEADER_BYTES};
pub use message::{MESSAGE_FIXED_BYTES, Message};
pub use notice::LoginNotice;
pub use receipt::{RECEIPT_BYTES, Receipt, ReceiptStatus};

use thiserror::Error;

/// The version of this format.
pub const LANE_VERSION: u8 = 1;

/// The first bytes of every lane.
pub const PREAMBLE: [u8; PREAMBLE_BYTES] = [b'T', b'K', b'L', LANE_VERSION];

/// The size of [`PREAMBLE`].
pub const PREAMBLE_BYTES: usize = 4;

/// How many lanes of messages a link has in each direction. The recipient's hash picks one.
pub const MESSAGE_LANES: usize = 4;

/// All lanes of a link in one direction: those for messages and, last, the one for receipts,
/// refusals and notices, which never wait behind a body.
pub const LANES: usize = MESSAGE_LANES + 1;

/// The index of the lane that carries receipts, refusals and notices.
pub const RECEIPT_LANE: usize = MESSAGE_LANES;

/// The largest body, in bytes: what a client's frame may carry at most, however it is configured.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of frames in one batch.
pub const BATCH_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;

/// Why bytes from a lane make no sense. The link that sent them is beyond repair.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadLane {
    /// The stream does not start as a lane of this version.
    #[error("a lane starts with \"TKL\" and version {LANE_VERSION}, not {0:02x?}")]
    Preamble([u8; PREAMBLE_BYTES]),
    /// A header of an unknown kind.
    #[error("no batch is of kind {0}")]
    Kind(u8),
    /// A batch over [`BATCH_BYTES_MAX`].
    #[error("a batch has at most {BATCH_BYTES_MAX} bytes, this one claims {0}")]
    TooLong(u32),
    /// A batch whose frames do not fill it exactly, or have impossible fields.
    #[error("the frames of a batch do not fit it")]
    Frames,
}
