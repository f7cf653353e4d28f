//! The format of a lane: batches of frames between two nodes, compact and binary.
//!
//! A lane starts with a [`PREAMBLE_BYTES`]-byte preamble; batches follow. A batch is a
//! [`BatchHeader`], which is all that a relay reads, and then frames of one kind: messages,
//! receipts or notices. All numbers are little-endian.
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
//! On the path to the relay, `peer` is the destination. The relay replaces it by the origin, which
//! it knows from the link's certificate. A refused batch comes back as its header alone, with
//! another kind and with the destination as its peer.
//!
//! The codec is our own, because a relay has to route a batch without decoding its frames, and a
//! node has to decode frames without copying them.

mod batch;
mod format;
mod header;
mod message;
mod notice;
mod receipt;

pub use batch::{Batch, BatchBuilder};
pub use format::{
    BATCH_BYTES_MAX, BODY_BYTES_MAX, BadLane, LANE_VERSION, LANES, MESSAGE_LANES, PREAMBLE,
    PREAMBLE_BYTES, RECEIPT_LANE,
};
pub use header::{BatchHeader, BatchKind, HEADER_BYTES};
pub use message::Message;
pub use notice::LoginNotice;
pub use receipt::{RECEIPT_BYTES, Receipt, ReceiptStatus};
