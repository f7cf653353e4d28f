use super::{
    format::{BATCH_BYTES_MAX, BadLane},
    header::{BatchHeader, BatchKind, HEADER_BYTES},
    message::Message,
    notice::LoginNotice,
    receipt::Receipt,
};
use crate::names::Incarnation;

/// A complete batch that was received.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Its header; the peer is the origin.
    pub header: BatchHeader,
    /// Its frames, `header.length` bytes.
    pub frames: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Takes the first batch off `bytes`; `None` if it is incomplete.
    pub fn split_off(bytes: &mut &'a [u8]) -> Result<Option<Self>, BadLane> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = BatchHeader::decode(header)?;
        let Some((frames, rest)) = rest.split_at_checked(header.length as usize) else {
            return Ok(None);
        };
        *bytes = rest;
        Ok(Some(Self { header, frames }))
    }

    /// The messages of a batch of [`BatchKind::Messages`]. After an error there are no more.
    pub fn messages(&self) -> impl Iterator<Item = Result<Message<'a>, BadLane>> + use<'a> {
        frames(self.frames, Message::decode)
    }

    /// The receipts of a batch of [`BatchKind::Receipts`]. After an error there are no more.
    pub fn receipts(&self) -> impl Iterator<Item = Result<Receipt, BadLane>> + use<'a> {
        frames(self.frames, Receipt::decode)
    }

    /// The notices of a batch of [`BatchKind::Notices`]. After an error there are no more.
    pub fn notices(&self) -> impl Iterator<Item = Result<LoginNotice<'a>, BadLane>> + use<'a> {
        frames(self.frames, LoginNotice::decode)
    }
}

fn frames<'a, T>(
    mut rest: &'a [u8],
    decode: impl Fn(&mut &'a [u8]) -> Result<T, BadLane>,
) -> impl Iterator<Item = Result<T, BadLane>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let frame = decode(&mut rest);
        if frame.is_err() {
            rest = &[];
        }
        Some(frame)
    })
}

/// Builds a batch: frames are appended behind room for the header, which is written when the batch
/// is sealed.
#[derive(Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    count: u16,
    traced: bool,
    first: u64,
    last: u64,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self { bytes: Vec::new(), count: 0, traced: false, first: u64::MAX, last: 0 }
    }
}

impl BatchBuilder {
    /// Whether nothing was appended since the last seal.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many frames were appended.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Whether another frame of `bytes` still fits into the batch.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.count < u16::MAX && self.frame_bytes() + bytes <= BATCH_BYTES_MAX
    }

    /// Appends the frame that `encode` writes. `seq` is the number of its message.
    ///
    /// Check [`Self::has_room`] first: the lane's reader rejects a batch over the limits.
    pub fn push(&mut self, seq: u64, encode: impl FnOnce(&mut Vec<u8>)) {
        if self.bytes.is_empty() {
            self.bytes.resize(HEADER_BYTES, 0);
        }
        encode(&mut self.bytes);
        self.count += 1;
        self.first = self.first.min(seq);
        self.last = self.last.max(seq);
    }

    /// Marks the batch as one with a traced frame.
    pub fn set_traced(&mut self) {
        self.traced = true;
    }

    /// Writes the header and moves the batch to the end of `out`; the builder becomes empty and
    /// keeps its memory. Does nothing if it was empty. [`BatchHeader`] describes the arguments.
    pub fn seal_into(
        &mut self,
        out: &mut Vec<u8>,
        kind: BatchKind,
        peer: Incarnation,
        batch: u32,
        id_incarnation: Incarnation,
    ) {
        if self.is_empty() {
            return;
        }
        let header = BatchHeader {
            kind,
            traced: self.traced,
            count: self.count,
            length: self.frame_bytes() as u32,
            peer,
            first: self.first,
            span: u32::try_from(self.last - self.first).unwrap_or(u32::MAX),
            batch,
            id_incarnation,
        };
        self.bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
        out.extend_from_slice(&self.bytes);
        self.bytes.clear();
        (self.count, self.traced, self.first, self.last) = (0, false, u64::MAX, 0);
    }

    fn frame_bytes(&self) -> usize {
        self.bytes.len().saturating_sub(HEADER_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lane::receipt::ReceiptStatus;

    fn peer() -> Incarnation {
        Incarnation::from_bytes([7; 16])
    }

    #[test]
    fn incomplete_batch_is_not_split_off() {
        let mut builder = BatchBuilder::default();
        for seq in [9, 4, 6] {
            let message =
                Message { seq, traced: false, sent_at_ms: 1, to: "b", from: "a", body: b"1" };
            builder.push(seq, |out| message.encode(out));
        }
        let mut out = Vec::new();
        builder.set_traced();
        builder.seal_into(&mut out, BatchKind::Messages, peer(), 3, peer());
        assert!(builder.is_empty());

        for cut in 0..out.len() {
            assert!(Batch::split_off(&mut &out[..cut]).unwrap().is_none(), "cut at {cut}");
        }
        let mut bytes = out.as_slice();
        let batch = Batch::split_off(&mut bytes).unwrap().unwrap();
        assert!(bytes.is_empty());
        assert!(batch.header.traced);
        assert_eq!((batch.header.count, batch.header.batch), (3, 3));
        assert_eq!((batch.header.first, batch.header.span), (4, 5));
        let seqs: Vec<_> = batch.messages().map(|message| message.unwrap().seq).collect();
        assert_eq!(seqs, [9, 4, 6]);
    }

    #[test]
    fn truncated_frame_ends_the_batch_with_an_error() {
        let mut builder = BatchBuilder::default();
        builder.push(1, |out| out.extend_from_slice(&[0; 30]));
        let mut out = Vec::new();
        builder.seal_into(&mut out, BatchKind::Receipts, peer(), 0, peer());
        let batch = Batch::split_off(&mut out.as_slice()).unwrap().unwrap();
        assert_eq!(batch.receipts().collect::<Vec<_>>(), [Err(BadLane::Frames)]);
    }

    proptest! {
        #[test]
        fn any_number_of_receipts_round_trips(seqs in prop::collection::vec(any::<u64>(), 1..200)) {
            let mut builder = BatchBuilder::default();
            let receipt = |seq| Receipt { seq, status: ReceiptStatus::Taken, route_stale: false, missed: 0 };
            for &seq in &seqs {
                builder.push(seq, |out| receipt(seq).encode(out));
            }
            let mut out = Vec::new();
            builder.seal_into(&mut out, BatchKind::Receipts, peer(), 1, peer());
            let batch = Batch::split_off(&mut out.as_slice()).unwrap().unwrap();
            let read: Vec<_> = batch.receipts().map(|receipt| receipt.unwrap().seq).collect();
            prop_assert_eq!(read, seqs);
        }

        #[test]
        fn splitting_any_bytes_does_not_panic(bytes: Vec<u8>) {
            let mut rest = bytes.as_slice();
            while let Ok(Some(batch)) = Batch::split_off(&mut rest) {
                let _ = (batch.messages().count(), batch.receipts().count(), batch.notices().count());
            }
        }
    }
}
