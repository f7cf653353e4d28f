use serde::{Deserialize, Serialize};

use super::format::{BadLane, part};

/// The size of an encoded receipt.
pub const RECEIPT_BYTES: usize = 12;

/// Set if the user has sessions on other nodes too.
const FLAG_ROUTE_STALE: u8 = 1;

/// The result of a branch at its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReceiptStatus {
    /// The socket of at least one session took every byte.
    Taken = 1,
    /// The queue of every session of the user was full.
    Full = 2,
    /// The user has no session on the node.
    NotHere = 3,
    /// A part was written to a socket that then closed: it may have arrived.
    Maybe = 4,
}

/// A node's answer to one branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message's number at the node that has custody.
    pub seq: u64,
    /// The branch's result.
    pub status: ReceiptStatus,
    /// The user has logged in on another node since: cached routes are stale.
    pub route_stale: bool,
    /// How many of the user's sessions on the node missed a message that others got.
    pub missed: u16,
}

impl Receipt {
    /// Appends the receipt.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut bytes = [0; RECEIPT_BYTES];
        bytes[0..8].copy_from_slice(&self.seq.to_le_bytes());
        bytes[8] = self.status as u8;
        bytes[9] = if self.route_stale { FLAG_ROUTE_STALE } else { 0 };
        bytes[10..12].copy_from_slice(&self.missed.to_le_bytes());
        out.extend_from_slice(&bytes);
    }

    /// Takes the first receipt off `frames`. Unknown flags are ignored.
    pub fn decode(frames: &mut &[u8]) -> Result<Self, BadLane> {
        let (bytes, rest) = frames.split_at_checked(RECEIPT_BYTES).ok_or(BadLane::Frames)?;
        let status = match bytes[8] {
            1 => ReceiptStatus::Taken,
            2 => ReceiptStatus::Full,
            3 => ReceiptStatus::NotHere,
            4 => ReceiptStatus::Maybe,
            _ => return Err(BadLane::Frames),
        };
        *frames = rest;
        Ok(Self {
            seq: u64::from_le_bytes(part(bytes, 0)),
            status,
            route_stale: bytes[9] & FLAG_ROUTE_STALE != 0,
            missed: u16::from_le_bytes(part(bytes, 10)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_bytes() {
        let receipt = Receipt {
            seq: 0x0102_0304_0506_0708,
            status: ReceiptStatus::NotHere,
            route_stale: true,
            missed: 0x1112,
        };
        let golden = [0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x03, 0x01, 0x12, 0x11];
        let mut out = Vec::new();
        receipt.encode(&mut out);
        assert_eq!(out, golden);
        assert_eq!(Receipt::decode(&mut golden.as_slice()), Ok(receipt));
    }

    proptest! {
        #[test]
        fn receipts_round_trip(seq: u64, status in 1..=4_u8, route_stale: bool, missed: u16) {
            let status =
                [ReceiptStatus::Taken, ReceiptStatus::Full, ReceiptStatus::NotHere, ReceiptStatus::Maybe][status as usize - 1];
            let receipt = Receipt { seq, status, route_stale, missed };
            let mut out = Vec::new();
            receipt.encode(&mut out);
            let mut frames = out.as_slice();
            prop_assert_eq!(Receipt::decode(&mut frames), Ok(receipt));
            prop_assert!(frames.is_empty());
        }

        #[test]
        fn decoding_any_bytes_does_not_panic(bytes: Vec<u8>) {
            let _ = Receipt::decode(&mut bytes.as_slice());
        }
    }
}
