//! Messages in custody, and the memory they lie in.

use std::{hash::BuildHasher, time::Instant};

use foldhash::fast::FixedState;
use smallvec::SmallVec;
use trunkline_protocol::lane::{MESSAGE_LANES, Message};

use super::sessions::SessionKey;
use crate::{
    custody::Payload,
    defaults::{LETTER_BYTES_KEPT, LETTERS_KEPT, RECEIPT_BYTES},
};

/// How long an id may be to need no memory of its own.
const ID_BYTES_USUAL: usize = 16;

/// A message in custody, as its sender gave it.
#[derive(Debug)]
pub(super) struct PendingMessage {
    pub(super) session: SessionKey,
    pub(super) accepted_at: Instant,
    pub(super) lane: u8,
    /// The sender's own name for it. It lies here and not with the message, because it is all of that
    /// which a receipt still needs.
    id: SmallVec<[u8; ID_BYTES_USUAL]>,
    /// The message as it goes on a lane.
    frame: Vec<u8>,
}

impl PendingMessage {
    pub(super) fn id(&self) -> &str {
        str::from_utf8(&self.id).expect("it was text")
    }

    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// How many bytes its receipt needs at most in its sender's buffer.
    pub(super) fn receipt_bytes(&self) -> usize {
        RECEIPT_BYTES + self.id.len()
    }
}

impl Payload for PendingMessage {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.len() + self.frame.capacity()
    }

    fn sender(&self) -> u64 {
        self.session.to_u64()
    }
}

/// The memory of messages that have ended, for those to come: what was left last is still in the
/// processor's caches.
#[derive(Debug, Default)]
pub(super) struct MessagePool {
    kept: Vec<Vec<u8>>,
}

impl MessagePool {
    /// A message in custody from `accepted_at` on.
    pub(super) fn write(
        &mut self,
        session: SessionKey,
        accepted_at: Instant,
        id: &str,
        message: &Message<'_>,
    ) -> PendingMessage {
        let mut frame = self.take(message.encoded_bytes());
        message.encode(&mut frame);
        let (lane, id) = (lane_of(message.to), SmallVec::from_slice(id.as_bytes()));
        PendingMessage { session, accepted_at, lane, id, frame }
    }

    /// A message has ended.
    pub(super) fn recycle(&mut self, PendingMessage { mut frame, .. }: PendingMessage) {
        if frame.capacity() <= LETTER_BYTES_KEPT && self.kept.len() < LETTERS_KEPT {
            frame.clear();
            self.kept.push(frame);
        }
    }

    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let kept = if bytes <= LETTER_BYTES_KEPT { self.kept.pop() } else { None };
        let mut memory = kept.unwrap_or_default();
        memory.reserve_exact(bytes);
        memory
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
        messages.write(SessionKey::nobody(0), Instant::now(), id, &message)
    }

    #[test]
    fn memory_that_is_used_again_holds_nothing_of_before() {
        let mut messages = MessagePool::default();
        let long = write(&mut messages, "a-long-id", &[b'x'; 100]);
        messages.recycle(long);
        let short = write(&mut messages, "b", b"{}");
        assert!(messages.kept.is_empty());
        assert_eq!(short.id(), "b");
        let message = Message::decode(&mut short.frame()).unwrap();
        assert_eq!((message.to, message.from, message.body), ("bob", "alice", &b"{}"[..]));
        assert!(short.bytes() > 100, "what it holds counts, not what it says");
    }

    #[test]
    fn only_so_much_is_kept() {
        let mut messages = MessagePool::default();
        let large = write(&mut messages, "large", &vec![b'x'; LETTER_BYTES_KEPT]);
        messages.recycle(large);
        assert!(messages.kept.is_empty());
        let small: Vec<_> =
            (0..=LETTERS_KEPT).map(|_| write(&mut messages, "small", b"{}")).collect();
        small.into_iter().for_each(|sent| messages.recycle(sent));
        assert_eq!(messages.kept.len(), LETTERS_KEPT);
    }
}
