use bytes::Bytes;
use quinn::{ReadError, RecvStream};
use thiserror::Error;
use trunkline_protocol::lane::{
    BadLane, Batch, BatchHeader, HEADER_BYTES, PREAMBLE, PREAMBLE_BYTES,
};

use crate::defaults::READ_CHUNKS_MAX;

/// Why a lane ended.
#[derive(Debug, Error)]
pub enum LaneError {
    /// The peer sent malformed bytes.
    #[error(transparent)]
    Malformed(#[from] BadLane),
    /// The stream was lost.
    #[error("the lane broke: {0}")]
    Broken(#[from] ReadError),
    /// The peer finished the stream, which must stay open as long as the link.
    #[error("the lane was finished")]
    Finished,
}

/// The reading end of a lane.
#[derive(Debug)]
pub struct LaneReader {
    stream: RecvStream,
    splitter: Splitter,
}

impl LaneReader {
    /// Takes over a stream that the peer opened.
    pub fn new(stream: RecvStream) -> Self {
        Self { stream, splitter: Splitter::default() }
    }

    /// Waits for bytes, and calls `on_batch` for each batch that they complete. Cancel-safe.
    pub async fn read(&mut self, mut on_batch: impl FnMut(Batch<'_>)) -> Result<(), LaneError> {
        let mut chunks = [const { Bytes::new() }; READ_CHUNKS_MAX];
        let read = self.stream.read_chunks(&mut chunks).await?.ok_or(LaneError::Finished)?;
        for chunk in &chunks[..read] {
            self.splitter.split(chunk, &mut on_batch)?;
        }
        Ok(())
    }
}

/// Finds the batches in a stream of arbitrary pieces. It copies only batches that span several
/// pieces; `tokio_util::codec` would copy every byte into its own buffer first.
#[derive(Debug, Default)]
struct Splitter {
    started: bool,
    partial: Vec<u8>,
}

impl Splitter {
    fn split(
        &mut self,
        mut piece: &[u8],
        on_batch: &mut impl FnMut(Batch<'_>),
    ) -> Result<(), BadLane> {
        if !self.started && !self.start(&mut piece)? {
            return Ok(());
        }
        while !self.partial.is_empty() {
            let needed = self.needed()?;
            let (now, rest) = piece.split_at(needed.min(piece.len()));
            self.partial.extend_from_slice(now);
            piece = rest;
            if now.len() < needed {
                return Ok(());
            }
            let mut whole = self.partial.as_slice();
            if let Some(batch) = Batch::split_off(&mut whole)? {
                on_batch(batch);
                self.partial.clear();
            }
        }
        while let Some(batch) = Batch::split_off(&mut piece)? {
            on_batch(batch);
        }
        self.partial.extend_from_slice(piece);
        Ok(())
    }

    /// Takes the preamble off the front; `false` while it is not all there.
    fn start(&mut self, piece: &mut &[u8]) -> Result<bool, BadLane> {
        let missing = PREAMBLE_BYTES - self.partial.len();
        let (now, rest) = piece.split_at(missing.min(piece.len()));
        self.partial.extend_from_slice(now);
        *piece = rest;
        let Some(preamble) = self.partial.first_chunk::<PREAMBLE_BYTES>() else { return Ok(false) };
        if *preamble != PREAMBLE {
            return Err(BadLane::Preamble(*preamble));
        }
        self.partial.clear();
        self.started = true;
        Ok(true)
    }

    /// How many bytes the partial batch lacks until its header, or all of it, is there.
    fn needed(&self) -> Result<usize, BadLane> {
        let whole = match self.partial.first_chunk::<HEADER_BYTES>() {
            None => HEADER_BYTES,
            Some(header) => HEADER_BYTES + BatchHeader::decode(header)?.length as usize,
        };
        Ok(whole - self.partial.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use trunkline_protocol::{
        Incarnation,
        lane::{BatchBuilder, BatchKind, Message},
    };

    use super::*;

    fn lane_of(batches: &[Vec<u64>]) -> Vec<u8> {
        let mut bytes = PREAMBLE.to_vec();
        let mut builder = BatchBuilder::default();
        for (number, seqs) in batches.iter().enumerate() {
            for &seq in seqs {
                let message = Message {
                    seq,
                    traced: false,
                    sent_at_ms: 0,
                    to: "b",
                    from: "a",
                    body: b"\"hi\"",
                };
                builder.push(seq, |out| message.encode(out));
            }
            let peer = Incarnation::from_bytes([1; 16]);
            builder.seal_into(&mut bytes, BatchKind::Messages, peer, number as u32, peer);
        }
        bytes
    }

    fn split(pieces: &[&[u8]]) -> Result<Vec<Vec<u64>>, BadLane> {
        let mut splitter = Splitter::default();
        let mut batches = Vec::new();
        for piece in pieces {
            splitter.split(piece, &mut |batch: Batch<'_>| {
                batches.push(batch.messages().map(|message| message.unwrap().seq).collect());
            })?;
        }
        Ok(batches)
    }

    #[test]
    fn single_bytes_give_the_same_batches() {
        let batches = vec![vec![1, 2, 3], vec![4], vec![5, 6]];
        let bytes = lane_of(&batches);
        let pieces: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(split(&pieces).unwrap(), batches);
        assert_eq!(split(&[&bytes]).unwrap(), batches);
    }

    #[test]
    fn stream_that_is_no_lane_is_malformed() {
        assert!(matches!(split(&[b"GET / HTTP/1.1\r\n"]), Err(BadLane::Preamble(_))));
        assert!(matches!(split(&[b"TK", b"L\x02"]), Err(BadLane::Preamble(_))));
        let mut garbage = PREAMBLE.to_vec();
        garbage.extend_from_slice(&[0xff; HEADER_BYTES]);
        assert!(matches!(split(&[&garbage]), Err(BadLane::Kind(0xff))));
    }

    proptest! {
        #[test]
        fn any_pieces_give_the_same_batches(
            batches in prop::collection::vec(prop::collection::vec(any::<u64>(), 1..5), 0..6),
            mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bytes = lane_of(&batches);
            let mut at: Vec<_> = cuts.drain(..).map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<_> = at.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(split(&pieces).unwrap(), batches);
        }
    }
}
