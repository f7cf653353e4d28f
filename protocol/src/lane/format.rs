use thiserror::Error;

/// The version of the lane format.
pub const LANE_VERSION: u8 = 1;

/// The first bytes of every lane.
pub const PREAMBLE: [u8; PREAMBLE_BYTES] = [b'T', b'K', b'L', LANE_VERSION];

/// The size of [`PREAMBLE`].
pub const PREAMBLE_BYTES: usize = 4;

/// How many lanes of messages a link has in each direction. The recipient's hash picks one, which
/// keeps one recipient's messages in order.
pub const MESSAGE_LANES: usize = 4;

/// All lanes of a link in one direction: those for messages, and the last one for receipts,
/// refusals and notices, which never wait behind a body.
pub const LANES: usize = MESSAGE_LANES + 1;

/// The index of the lane that carries receipts, refusals and notices.
pub const RECEIPT_LANE: usize = MESSAGE_LANES;

/// The largest body, in bytes. No configuration allows a client's frame a larger one.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of frames in one batch.
pub const BATCH_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;

/// Why bytes from a lane are malformed. A reader cannot find the next batch after an error, so the
/// link has to be closed.
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
    /// More frames than the batch can have.
    #[error("{0} frames cannot be in {1} bytes")]
    Count(u16, u32),
    /// The frames of a batch do not fill it exactly, or have invalid fields.
    #[error("the frames of a batch do not fit it")]
    Frames,
}

/// The `N` bytes of a fixed-size record that start at `at`.
///
/// # Panics
/// If the record is shorter than that.
pub(super) fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N bytes")
}
