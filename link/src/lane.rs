use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use bytes::Bytes;
use thiserror::Error;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Notify,
};
use trunkline_protocol::lane::PREAMBLE;

use crate::defaults::CHUNK_BYTES;

/// The smallest chunk that is allocated.
const CHUNK_BYTES_MIN: usize = 1024;

/// The lane's stream broke, or its link was closed.
#[derive(Debug, Error)]
#[error("the lane was closed")]
pub struct LaneClosed;

/// The writing end of a lane: a bounded buffer, and a task that writes it out.
///
/// Appending costs no wake-up. [`Lane::flush`] after a round of appends wakes the writer once,
/// which gives quinn everything that has gathered in chunks of about [`CHUNK_BYTES`].
///
/// Cheap to clone; all clones are one lane.
#[derive(Clone, Debug)]
pub struct Lane(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whole batches, oldest first. The last chunk is the one being filled.
    chunks: RefCell<VecDeque<Chunk>>,
    /// The bytes in `chunks`.
    queued: Cell<usize>,
    bytes_max: usize,
    /// The last batch that was given to quinn; from then on its fate is out of our hands.
    handed: Cell<u32>,
    /// The size of the last chunk written, by which the next is allocated.
    usual: Cell<usize>,
    wake: Notify,
}

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    last_batch: u32,
}

impl Lane {
    /// A lane in which at most `bytes_max` bytes may wait.
    pub fn new(bytes_max: usize) -> Self {
        Self(Rc::new(Inner {
            chunks: RefCell::default(),
            queued: Cell::new(0),
            bytes_max,
            handed: Cell::new(0),
            usual: Cell::new(CHUNK_BYTES_MIN),
            wake: Notify::new(),
        }))
    }

    /// Whether `bytes` more may be appended.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.0.queued.get() + bytes <= self.0.bytes_max
    }

    /// How many bytes wait to be written.
    pub fn queued_bytes(&self) -> usize {
        self.0.queued.get()
    }

    /// The number of the last batch that was given to quinn, 0 if none was.
    pub fn handed(&self) -> u32 {
        self.0.handed.get()
    }

    /// Appends the whole batch that `write` writes. `batch` is its number, which only grows.
    ///
    /// The caller has asked [`Self::has_room`]; what it appends is never refused here.
    pub fn append(&self, batch: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let mut chunks = self.0.chunks.borrow_mut();
        if chunks.back().is_none_or(|chunk| chunk.bytes.len() >= CHUNK_BYTES) {
            let bytes = Vec::with_capacity(self.0.usual.get());
            chunks.push_back(Chunk { bytes, last_batch: batch });
        }
        let chunk = chunks.back_mut().expect("one was pushed if there was none");
        let before = chunk.bytes.len();
        write(&mut chunk.bytes);
        chunk.last_batch = batch;
        self.0.queued.set(self.0.queued.get() + chunk.bytes.len() - before);
    }

    /// Wakes the writer, if there is something to write.
    pub fn flush(&self) {
        if self.0.queued.get() > 0 {
            self.0.wake.notify_one();
        }
    }

    /// Writes the lane's preamble and then what is appended, for as long as the stream takes it.
    ///
    /// # Errors
    /// Always ends with [`LaneClosed`], when the stream breaks.
    pub async fn write_to(&self, mut stream: impl LaneStream) -> Result<(), LaneClosed> {
        stream.write(Bytes::from_static(&PREAMBLE)).await?;
        loop {
            while let Some(bytes) = self.take() {
                stream.write(bytes).await?;
            }
            self.0.wake.notified().await;
        }
    }

    fn take(&self) -> Option<Bytes> {
        let chunk = self.0.chunks.borrow_mut().pop_front()?;
        self.0.queued.set(self.0.queued.get() - chunk.bytes.len());
        self.0.handed.set(chunk.last_batch);
        let usual = chunk.bytes.len().next_power_of_two();
        self.0.usual.set(usual.clamp(CHUNK_BYTES_MIN, 2 * CHUNK_BYTES));
        Some(chunk.bytes.into())
    }
}

/// What a lane writes to: a QUIC stream, or in tests anything that takes bytes.
pub trait LaneStream {
    /// Writes all of `bytes`.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), LaneClosed>>;
}

impl LaneStream for quinn::SendStream {
    async fn write(&mut self, bytes: Bytes) -> Result<(), LaneClosed> {
        self.write_chunk(bytes).await.map_err(|_| LaneClosed)
    }
}

impl LaneStream for tokio::io::DuplexStream {
    async fn write(&mut self, bytes: Bytes) -> Result<(), LaneClosed> {
        write_all(self, bytes).await
    }
}

async fn write_all<W: AsyncWrite + Unpin>(stream: &mut W, bytes: Bytes) -> Result<(), LaneClosed> {
    stream.write_all(&bytes).await.map_err(|_| LaneClosed)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn what_is_appended_is_written_in_order_and_counted() {
        let lane = Lane::new(100);
        lane.append(1, |out| out.extend_from_slice(&[1; 60]));
        assert!(lane.has_room(40) && !lane.has_room(41));
        lane.append(2, |out| out.extend_from_slice(&[2; 40]));
        assert_eq!((lane.queued_bytes(), lane.handed()), (100, 0));

        let (near, mut far) = tokio::io::duplex(1024);
        let writing = lane.write_to(near);
        let reading = async {
            let mut bytes = [0; 104];
            far.read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes[..4], PREAMBLE);
            assert_eq!((bytes[4], bytes[63], bytes[64], bytes[103]), (1, 1, 2, 2));
            assert_eq!((lane.queued_bytes(), lane.handed()), (0, 2));
            lane.append(3, |out| out.push(3));
            lane.flush();
            assert_eq!(far.read_u8().await.unwrap(), 3);
            assert_eq!(lane.handed(), 3);
        };
        tokio::select! {
            _ = writing => panic!("the stream is open"),
            () = reading => {}
        }
    }

    #[tokio::test]
    async fn a_blocked_stream_keeps_whole_chunks_back() {
        let lane = Lane::new(usize::MAX);
        for batch in 1..=3 {
            lane.append(batch, |out| out.extend_from_slice(&[0; CHUNK_BYTES]));
        }
        let (near, far) = tokio::io::duplex(16);
        tokio::select! {
            biased;
            _ = lane.write_to(near) => panic!("nobody reads"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!((lane.handed(), lane.queued_bytes()), (1, 2 * CHUNK_BYTES));
        drop(far);
    }

    #[tokio::test]
    async fn a_broken_stream_ends_the_writer() {
        let lane = Lane::new(100);
        let (near, far) = tokio::io::duplex(16);
        drop(far);
        lane.append(1, |out| out.push(1));
        assert!(lane.write_to(near).await.is_err());
    }
}
