use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use bytes::Bytes;
use thiserror::Error;
use tokio::{io::AsyncWriteExt, sync::Notify};
use trunkline_protocol::lane::PREAMBLE;

use crate::defaults::{CHUNK_BYTES, CHUNK_BYTES_MIN};

/// The lane's stream was lost, or its link was closed.
#[derive(Debug, Error)]
#[error("the lane was closed")]
pub struct LaneClosed;

/// The writing end of a lane: a bounded buffer, and a task that writes it to the stream.
///
/// An append wakes nobody. [`Lane::flush`] after a round of appends wakes the writer once, which
/// gives quinn the buffer in chunks of about [`CHUNK_BYTES`]: batching without a timer. A codec's
/// `Sink` would copy each batch once more and could neither report the queued bytes nor the last
/// batch written.
///
/// Cheap to clone; all clones are the same lane.
#[derive(Clone, Debug)]
pub struct Lane(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whole batches, oldest first. Appends go to the last chunk.
    chunks: RefCell<VecDeque<Chunk>>,
    /// The bytes in `chunks`.
    queued: Cell<usize>,
    bytes_max: usize,
    /// The last batch that was given to quinn. It may arrive even if the link is lost; later
    /// batches certainly do not, and can be sent again.
    handed: Cell<u32>,
    /// The size of the last chunk written, which predicts the size of the next one.
    next_capacity: Cell<usize>,
    wake: Notify,
}

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    last_batch: u32,
}

impl Lane {
    /// Creates a lane that queues `bytes_max` bytes at most.
    pub fn new(bytes_max: usize) -> Self {
        Self(Rc::new(Inner {
            chunks: RefCell::default(),
            queued: Cell::new(0),
            bytes_max,
            handed: Cell::new(0),
            next_capacity: Cell::new(CHUNK_BYTES_MIN),
            wake: Notify::new(),
        }))
    }

    /// Whether `bytes` more may be appended.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.0.queued.get() + bytes <= self.0.bytes_max
    }

    /// How many bytes are queued.
    pub fn queued_bytes(&self) -> usize {
        self.0.queued.get()
    }

    /// The number of the last batch that was given to quinn, 0 if none was.
    pub fn handed(&self) -> u32 {
        self.0.handed.get()
    }

    /// Appends the complete batch that `write` writes. `batch` is its number, which must increase.
    ///
    /// Check [`Self::has_room`] first: this call never refuses a batch.
    pub fn append(&self, batch: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let mut chunks = self.0.chunks.borrow_mut();
        if chunks.back().is_none_or(|chunk| chunk.bytes.len() >= CHUNK_BYTES) {
            let bytes = Vec::with_capacity(self.0.next_capacity.get());
            chunks.push_back(Chunk { bytes, last_batch: batch });
        }
        let chunk = chunks.back_mut().expect("one was pushed if there was none");
        let before = chunk.bytes.len();
        write(&mut chunk.bytes);
        chunk.last_batch = batch;
        self.0.queued.set(self.0.queued.get() + chunk.bytes.len() - before);
    }

    /// Wakes the writer, if bytes are queued.
    pub fn flush(&self) {
        if self.0.queued.get() > 0 {
            self.0.wake.notify_one();
        }
    }

    /// Writes the preamble and then each appended batch, until the stream is lost.
    ///
    /// # Errors
    /// Always [`LaneClosed`].
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
        let capacity = chunk.bytes.len().next_power_of_two();
        self.0.next_capacity.set(capacity.clamp(CHUNK_BYTES_MIN, 2 * CHUNK_BYTES));
        Some(chunk.bytes.into())
    }
}

/// The stream that a lane writes to: QUIC's, or an in-memory one in tests.
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
        self.write_all(&bytes).await.map_err(|_| LaneClosed)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn batches_are_written_in_order_and_counted() {
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
    async fn blocked_stream_holds_back_whole_chunks() {
        let lane = Lane::new(usize::MAX);
        for batch in 1..=3 {
            lane.append(batch, |out| out.extend_from_slice(&[0; CHUNK_BYTES]));
        }
        let (near, far) = tokio::io::duplex(16);
        tokio::select! {
            biased;
            _ = lane.write_to(near) => panic!("the stream is blocked"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!((lane.handed(), lane.queued_bytes()), (1, 2 * CHUNK_BYTES));
        drop(far);
    }

    #[tokio::test]
    async fn lost_stream_ends_the_writer() {
        let lane = Lane::new(100);
        let (near, far) = tokio::io::duplex(16);
        drop(far);
        lane.append(1, |out| out.push(1));
        assert!(lane.write_to(near).await.is_err());
    }
}
