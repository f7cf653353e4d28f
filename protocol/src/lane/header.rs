use super::{
    format::{BATCH_BYTES_MAX, BadLane, part},
    message::FIXED_BYTES as MESSAGE_BYTES_MIN,
    receipt::RECEIPT_BYTES,
};
use crate::names::Incarnation;

/// The size of a [`BatchHeader`] on the wire.
pub const HEADER_BYTES: usize = 56;

/// Set on a batch with a traced message.
const FLAG_TRACED: u8 = 1;

/// What a batch carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BatchKind {
    /// Messages, from the node that has custody to one where their recipients have sessions.
    Messages = 1,
    /// Receipts, back to the node that has custody.
    Receipts = 2,
    /// The header of a batch of messages that was refused: a queue on its path was full.
    RefusedFull = 3,
    /// The header of a batch of messages that was refused: its destination has no link.
    RefusedGone = 4,
    /// Notices that users have logged in, to the other nodes where they have sessions.
    Notices = 5,
}

impl BatchKind {
    fn from_byte(byte: u8) -> Result<Self, BadLane> {
        Ok(match byte {
            1 => Self::Messages,
            2 => Self::Receipts,
            3 => Self::RefusedFull,
            4 => Self::RefusedGone,
            5 => Self::Notices,
            other => return Err(BadLane::Kind(other)),
        })
    }
}

/// The first bytes of a batch: all that a relay reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// What the batch carries.
    pub kind: BatchKind,
    /// Whether one of its messages or receipts is traced.
    pub traced: bool,
    /// How many frames follow.
    pub count: u16,
    /// How many bytes of frames follow, at most [`BATCH_BYTES_MAX`].
    pub length: u32,
    /// The destination on the path to a relay, the origin on the path from it.
    pub peer: Incarnation,
    /// The lowest number among the batch's messages.
    pub first: u64,
    /// The highest number among the batch's messages is `first + span`.
    pub span: u32,
    /// The batch's own number, by which its origin recognizes it when it is refused.
    pub batch: u32,
    /// The incarnation in the ids of its messages: the first one of the process that accepted them.
    /// A message keeps its id when the process takes another incarnation.
    pub id_incarnation: Incarnation,
}

impl BatchHeader {
    /// Encodes the header.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1] = if self.traced { FLAG_TRACED } else { 0 };
        bytes[2..4].copy_from_slice(&self.count.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.peer.to_bytes());
        bytes[24..32].copy_from_slice(&self.first.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.span.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.batch.to_le_bytes());
        bytes[40..56].copy_from_slice(&self.id_incarnation.to_bytes());
        bytes
    }

    /// Decodes and checks a header. Unknown flags are ignored.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, BadLane> {
        let header = Self {
            kind: BatchKind::from_byte(bytes[0])?,
            traced: bytes[1] & FLAG_TRACED != 0,
            count: u16::from_le_bytes(part(bytes, 2)),
            length: u32::from_le_bytes(part(bytes, 4)),
            peer: Incarnation::from_bytes(part(bytes, 8)),
            first: u64::from_le_bytes(part(bytes, 24)),
            span: u32::from_le_bytes(part(bytes, 32)),
            batch: u32::from_le_bytes(part(bytes, 36)),
            id_incarnation: Incarnation::from_bytes(part(bytes, 40)),
        };
        if header.length as usize > BATCH_BYTES_MAX {
            return Err(BadLane::TooLong(header.length));
        }
        // A relay counts what the header says, without a look at the frames. A refusal has the count
        // of what was refused.
        let frame_bytes_min = match header.kind {
            BatchKind::Messages => MESSAGE_BYTES_MIN,
            BatchKind::Receipts => RECEIPT_BYTES,
            BatchKind::Notices => 1,
            BatchKind::RefusedFull | BatchKind::RefusedGone => 0,
        };
        if usize::from(header.count) * frame_bytes_min > header.length as usize {
            return Err(BadLane::Count(header.count, header.length));
        }
        Ok(header)
    }

    /// The refusal of this batch, for its origin: no frames, and `destination` as the peer.
    pub fn refused(&self, kind: BatchKind, destination: Incarnation) -> Self {
        Self { kind, length: 0, peer: destination, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_header() -> impl Strategy<Value = BatchHeader> {
        let kind = prop::sample::select(vec![
            BatchKind::Messages,
            BatchKind::Receipts,
            BatchKind::RefusedFull,
            BatchKind::RefusedGone,
            BatchKind::Notices,
        ]);
        let numbers = (any::<u16>(), 0..=BATCH_BYTES_MAX as u32, any::<u64>(), any::<u32>());
        let incarnations = (any::<[u8; 16]>(), any::<[u8; 16]>());
        ((kind, any::<bool>()), incarnations, numbers, any::<u32>()).prop_map(
            |((kind, traced), (peer, ids), (count, length, first, span), batch)| BatchHeader {
                kind,
                traced,
                count: count.min((length as usize / MESSAGE_BYTES_MIN) as u16),
                length,
                peer: Incarnation::from_bytes(peer),
                first,
                span,
                batch,
                id_incarnation: Incarnation::from_bytes(ids),
            },
        )
    }

    #[test]
    fn golden_bytes() {
        let header = BatchHeader {
            kind: BatchKind::Messages,
            traced: true,
            count: 0x0102,
            length: 0x0003_0405,
            peer: Incarnation::from_bytes([0xaa; 16]),
            first: 0x1112_1314_1516_1718,
            span: 0x2122_2324,
            batch: 0x3132_3334,
            id_incarnation: Incarnation::from_bytes([0xbb; 16]),
        };
        let golden = [
            0x01, 0x01, 0x02, 0x01, 0x05, 0x04, 0x03, 0x00, // kind, flags, count, length
            0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, // peer
            0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, //
            0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, // first
            0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31, // span, batch
            0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, // ids
            0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, //
        ];
        assert_eq!(header.encode(), golden);
        assert_eq!(BatchHeader::decode(&golden), Ok(header));
    }

    #[test]
    fn unknown_kind_and_excessive_length_are_malformed() {
        let mut bytes = [0; HEADER_BYTES];
        assert_eq!(BatchHeader::decode(&bytes), Err(BadLane::Kind(0)));
        bytes[0] = 1;
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(BatchHeader::decode(&bytes), Err(BadLane::TooLong(u32::MAX)));
    }

    #[test]
    fn count_must_fit_the_length() {
        let mut bytes = [0; HEADER_BYTES];
        for (kind, length, fits) in [
            (1, 48, true),
            (1, 47, false),
            (2, 24, true),
            (2, 0, false),
            (3, 0, true),
            (5, 1, false),
        ] {
            bytes[0] = kind;
            bytes[2] = 2;
            bytes[4] = length;
            assert_eq!(BatchHeader::decode(&bytes).is_ok(), fits, "{kind} {length}");
        }
    }

    proptest! {
        #[test]
        fn headers_round_trip(header in any_header()) {
            prop_assert_eq!(BatchHeader::decode(&header.encode()), Ok(header));
        }

        #[test]
        fn decoding_any_bytes_does_not_panic(bytes: [u8; HEADER_BYTES]) {
            let _ = BatchHeader::decode(&bytes);
        }
    }
}
