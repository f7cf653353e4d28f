//! Messages in custody, and the buffers that hold them.

use std::{hash::BuildHasher, time::Instant};

use foldhash::fast::FixedState;
use smallvec::SmallVec;
use trunkline_protocol::lane::{MESSAGE_LANES, Message};

use super::delivery::{SendCharge, SessionKey};
use crate::{
    custody::Payload,
    defaults::{FRAME_OVERHEAD_BYTES_MAX, MESSAGE_BYTES_POOLED_MAX, MESSAGES_POOLED_MAX},
};

/// The length up to which a send's id needs no allocation of its own.
const ID_BYTES_USUAL: usize = 16;

/// Who sent a message, and gets its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Session(SessionKey),
    /// An operator's delivery test. The number only keeps the order of one test apart from that of
    /// others.
    Probe(u32),
}

impl Sender {
    fn to_u64(self) -> u64 {
        match self {
            Self::Session(key) => key.to_u64(),
            // No session's number has such an upper half.
            Self::Probe(number) => u64::from(u32::MAX) << 32 | u64::from(number),
        }
    }
}

/// A message in custody, as its sender gave it.
#[derive(Debug)]
pub(super) struct PendingMessage {
    pub(super) sender: Sender,
    pub(super) accepted_at: Instant,
    /// The lane that its recipient's hash picks.
    pub(super) lane: u8,
    /// The sender's own id for it. It is kept out of the frame, because a receipt needs it and
    /// nothing else of the message.
    id: SmallVec<[u8; ID_BYTES_USUAL]>,
    /// The message as it goes on a lane.
    frame: Vec<u8>,
}

impl PendingMessage {
    pub(super) fn is_traced(&self) -> bool {
        matches!(self.sender, Sender::Probe(_))
    }

    pub(super) fn id(&self) -> &str {
        str::from_utf8(&self.id).expect("it was text")
    }

    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// What it takes of its session's limits.
    pub(super) fn charge(&self) -> SendCharge {
        let receipt_bytes = FRAME_OVERHEAD_BYTES_MAX + self.id.len();
        SendCharge { receipt_bytes, message_bytes: self.bytes() }
    }
}

impl Payload for PendingMessage {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.len() + self.frame.capacity()
    }

    fn sender(&self) -> u64 {
        self.sender.to_u64()
    }
}

/// The buffers of messages that have ended, for new ones. The last one that was freed is used first,
/// because it is still in the processor's caches.
#[derive(Debug, Default)]
pub(super) struct MessagePool {
    free: Vec<Vec<u8>>,
}

impl MessagePool {
    /// A message in custody from `accepted_at` on.
    pub(super) fn write(
        &mut self,
        sender: Sender,
        accepted_at: Instant,
        id: &str,
        message: &Message<'_>,
    ) -> PendingMessage {
        let mut frame = self.take(message.encoded_bytes());
        message.encode(&mut frame);
        let (lane, id) = (lane_of(message.to), SmallVec::from_slice(id.as_bytes()));
        PendingMessage { sender, accepted_at, lane, id, frame }
    }

    /// Takes the buffer of a message that has ended.
    pub(super) fn recycle(&mut self, PendingMessage { mut frame, .. }: PendingMessage) {
        if frame.capacity() <= MESSAGE_BYTES_POOLED_MAX && self.free.len() < MESSAGES_POOLED_MAX {
            frame.clear();
            self.free.push(frame);
        }
    }

    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let free = if bytes <= MESSAGE_BYTES_POOLED_MAX { self.free.pop() } else { None };
        let mut buffer = free.unwrap_or_default();
        buffer.reserve_exact(bytes);
        buffer
    }
}

fn lane_of(user: &str) -> u8 {
    (FixedState::default().hash_one(user) % MESSAGE_LANES as u64) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(messages: &mut MessagePool, id: &str, body: &[u8]) -> PendingMessage {
        let message =
            Message { seq: 1, traced: false, sent_at_ms: 2, to: "bob", from: "alice", body };
        messages.write(Sender::Probe(0), Instant::now(), id, &message)
    }

    #[test]
    fn recycled_buffer_holds_nothing_of_its_former_message() {
        let mut messages = MessagePool::default();
        let long = write(&mut messages, "a-long-id", &[b'x'; 100]);
        messages.recycle(long);
        let short = write(&mut messages, "b", b"{}");
        assert!(messages.free.is_empty());
        assert_eq!(short.id(), "b");
        let message = Message::decode(&mut short.frame()).unwrap();
        assert_eq!((message.to, message.from, message.body), ("bob", "alice", &b"{}"[..]));
        assert!(short.bytes() > 100, "what it holds counts, not what it says");
    }

    #[test]
    fn pool_is_bounded_in_count_and_size() {
        let mut messages = MessagePool::default();
        let large = write(&mut messages, "large", &vec![b'x'; MESSAGE_BYTES_POOLED_MAX]);
        messages.recycle(large);
        assert!(messages.free.is_empty());
        let small: Vec<_> =
            (0..=MESSAGES_POOLED_MAX).map(|_| write(&mut messages, "small", b"{}")).collect();
        small.into_iter().for_each(|message| messages.recycle(message));
        assert_eq!(messages.free.len(), MESSAGES_POOLED_MAX);
    }
}
