use std::{collections::VecDeque, io, time::Instant};

use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};
use trunkline_protocol::lane::ReceiptStatus;

use super::ticket::Ticket;
use crate::defaults::{BUFFER_BYTES_MIN, BUFFERS_MAX, POOLED_BYTES_MAX};

/// The most bytes of a WebSocket header from a server (RFC 6455, section 5.2).
const HEADER_BYTES_MAX: usize = 10;

/// Room that is left for a header until the length is known: enough for all but huge frames.
const HEADER_BYTES_USUAL: usize = 4;

/// What waits to be written to one session's socket: whole WebSocket frames, and the tickets of those
/// that carry messages.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    /// Empty while nothing waits; then its memory, like that of `records`, is back in the pool.
    bytes: Vec<u8>,
    /// How much of `bytes` the socket has taken.
    taken: usize,
    /// How many bytes the socket has taken since it was opened.
    taken_ever: u64,
    /// How many of these the kernel does not have completely.
    unconfirmed: usize,
    records: VecDeque<Record>,
    /// Where the last frame begins if it is a pong, counted as [`Self::taken_ever`] is.
    last_pong: Option<u64>,
    /// Since when the socket takes nothing although something waits.
    blocked_since: Option<Instant>,
}

/// A frame that carries a message, or any number of frames without one.
#[derive(Debug)]
struct Record {
    /// Where it ends, counted as [`Outbound::taken_ever`] is.
    end: u64,
    bytes: u32,
    /// The message it carries, if any.
    ticket: Option<Ticket>,
}

impl Record {
    fn start(&self) -> u64 {
        self.end - u64::from(self.bytes)
    }
}

impl Outbound {
    /// How many bytes wait.
    pub(super) fn queued(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// Whether the kernel has everything.
    pub(super) fn is_done(&self) -> bool {
        self.queued() == 0 && self.unconfirmed == 0
    }

    /// How much memory what waits takes, in bytes: the frames and their records.
    pub(super) fn held_bytes(&self) -> usize {
        self.queued() + self.records.len() * size_of::<Record>()
    }

    /// Since when the socket takes nothing.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Appends a text frame with the payload that `write` writes.
    pub(super) fn text(
        &mut self,
        pool: &mut BufferPool,
        ticket: Option<Ticket>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.start_frame(pool);
        let payload = start + HEADER_BYTES_USUAL;
        self.bytes.resize(payload, 0);
        write(&mut self.bytes);
        let length = self.bytes.len() - payload;
        let (header, header_bytes) = header(length);
        // Closing or widening the gap moves the payload: by two bytes when it is tiny.
        self.bytes.splice(start..payload, header[..header_bytes].iter().copied());
        self.end_frame(start, ticket);
    }

    /// Appends a frame that is already whole.
    pub(super) fn raw(&mut self, pool: &mut BufferPool, frame: &[u8]) {
        let start = self.start_frame(pool);
        self.bytes.extend_from_slice(frame);
        self.end_frame(start, None);
    }

    /// Appends a pong. If the socket is blocked and the last frame is a pong that it has not begun, this
    /// one replaces it: an answer to the latest ping is enough (RFC 6455, section 5.5.3), and a client
    /// that pings without reading would fill the buffer.
    pub(super) fn pong(&mut self, pool: &mut BufferPool, frame: &[u8]) {
        if self.blocked_since.is_some()
            && let Some(pong) = self.last_pong.filter(|pong| *pong >= self.taken_ever)
            && let Some(last) = self.records.back_mut()
        {
            let replaced = last.end - pong;
            last.end = pong;
            last.bytes -= replaced as u32;
            self.bytes.truncate(self.bytes.len() - replaced as usize);
            self.records.pop_back_if(|last| last.bytes == 0);
        }
        let start = self.end();
        self.raw(pool, frame);
        self.last_pong = Some(start);
    }

    /// Where the last frame ends.
    fn end(&self) -> u64 {
        self.taken_ever + self.queued() as u64
    }

    fn start_frame(&mut self, pool: &mut BufferPool) -> usize {
        if self.bytes.capacity() == 0 {
            (self.bytes, self.records) = pool.take();
        }
        self.last_pong = None;
        self.bytes.len()
    }

    fn end_frame(&mut self, start: usize, ticket: Option<Ticket>) {
        let bytes = (self.bytes.len() - start) as u32;
        let end = self.end();
        let taken = self.taken_ever;
        // A record for each pong or receipt would take far more memory than the frame. One that was
        // begun stays alone: `take_back` keeps the whole of it.
        match self.records.back_mut() {
            Some(last) if last.ticket.is_none() && ticket.is_none() && last.start() >= taken => {
                last.end = end;
                last.bytes += bytes;
            }
            _ => self.records.push_back(Record { end, bytes, ticket }),
        }
    }

    /// Gives `write` what waits, once; it returns what the socket took, and how much of all that it
    /// took the kernel does not have completely. Calls `taken` for each message whose last byte the
    /// kernel has. Returns whether nothing waits any more.
    pub(super) fn flush(
        &mut self,
        pool: &mut BufferPool,
        now: Instant,
        write: impl FnOnce(&[u8]) -> (io::Result<usize>, usize),
        mut taken: impl FnMut(Ticket),
    ) -> io::Result<bool> {
        if self.is_done() {
            return Ok(true);
        }
        let unconfirmed_before = self.unconfirmed;
        let (written, unconfirmed) = write(&self.bytes[self.taken..]);
        let bytes = match written {
            Ok(0) if self.queued() > 0 => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.taken += bytes;
        self.taken_ever += bytes as u64;
        self.unconfirmed = unconfirmed;
        let confirmed = self.taken_ever - unconfirmed as u64;
        while let Some(record) = self.records.pop_front_if(|record| record.end <= confirmed) {
            record.ticket.into_iter().for_each(&mut taken);
        }
        let all = self.is_done();
        self.blocked_since = match self.blocked_since {
            _ if all => None,
            Some(since) if bytes == 0 && unconfirmed >= unconfirmed_before => Some(since),
            _ => Some(now),
        };
        if all {
            pool.give_back((std::mem::take(&mut self.bytes), std::mem::take(&mut self.records)));
            self.taken = 0;
        } else if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        Ok(all)
    }

    /// Removes every record of which the socket has taken no byte, and calls `lost` for each message
    /// among them. With `last`, a record that was begun goes too: it may still arrive.
    pub(super) fn take_back(&mut self, last: bool, mut lost: impl FnMut(Ticket, ReceiptStatus)) {
        let taken = self.taken_ever;
        let begun = |record: &Record| record.start() < taken;
        let kept = self.records.iter().take_while(|record| !last && begun(record)).count();
        for record in self.records.drain(kept..) {
            let status = if begun(&record) { ReceiptStatus::Maybe } else { ReceiptStatus::NotHere };
            record.ticket.into_iter().for_each(|ticket| lost(ticket, status));
        }
        // A record of which all is taken, and a part unconfirmed, ends before what is queued.
        let end = self.records.back().map_or(taken, |record| record.end.max(taken));
        self.bytes.truncate(self.taken + (end - taken) as usize);
        self.last_pong = None;
    }
}

fn header(payload_bytes: usize) -> ([u8; HEADER_BYTES_MAX], usize) {
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let mut bytes = [0; HEADER_BYTES_MAX];
    let length = payload_bytes as u64;
    header.format(length, &mut bytes.as_mut_slice()).expect("ten bytes hold every header");
    (bytes, header.len(length))
}

/// Empty buffers for the sessions that have something to write next. An idle session holds none.
#[derive(Debug, Default)]
pub(super) struct BufferPool {
    buffers: Vec<Buffer>,
}

type Buffer = (Vec<u8>, VecDeque<Record>);

impl BufferPool {
    fn take(&mut self) -> Buffer {
        let new = || (Vec::with_capacity(BUFFER_BYTES_MIN), VecDeque::new());
        self.buffers.pop().unwrap_or_else(new)
    }

    fn give_back(&mut self, mut buffer: Buffer) {
        let bytes = buffer.0.capacity() + buffer.1.capacity() * size_of::<Record>();
        if self.buffers.len() < BUFFERS_MAX && bytes <= POOLED_BYTES_MAX {
            buffer.0.clear();
            self.buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::ticket::MessageOrigin, *};

    fn ticket(seq: u64) -> Ticket {
        Ticket { origin: MessageOrigin::Local, seq, group: None, route_stale: false }
    }

    /// An outbound with one frame per payload length, numbered from 0.
    fn outbound(lengths: &[usize]) -> (Outbound, BufferPool) {
        let (mut outbound, mut pool) = (Outbound::default(), BufferPool::default());
        for (seq, &length) in lengths.iter().enumerate() {
            outbound.text(&mut pool, Some(ticket(seq as u64)), |out| {
                out.resize(out.len() + length, b'x');
            });
        }
        (outbound, pool)
    }

    fn flush(outbound: &mut Outbound, pool: &mut BufferPool, bytes: usize) -> (Vec<u8>, Vec<u64>) {
        flush_unconfirmed(outbound, pool, bytes, 0)
    }

    /// As [`flush`], to a socket of which the kernel does not have the last bytes.
    fn flush_unconfirmed(
        outbound: &mut Outbound,
        pool: &mut BufferPool,
        bytes: usize,
        unconfirmed: usize,
    ) -> (Vec<u8>, Vec<u64>) {
        let (mut sent, mut taken) = (Vec::new(), Vec::new());
        let write = |waiting: &[u8]| {
            let now = bytes.min(waiting.len());
            sent.extend_from_slice(&waiting[..now]);
            let blocked = now == 0 && !waiting.is_empty();
            (if blocked { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(now) }, unconfirmed)
        };
        outbound.flush(pool, Instant::now(), write, |ticket| taken.push(ticket.seq)).unwrap();
        (sent, taken)
    }

    #[test]
    fn headers_have_the_shortest_form() {
        for (length, header) in [
            (5, vec![0x81, 5]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (mut outbound, mut pool) = outbound(&[length]);
            let (sent, taken) = flush(&mut outbound, &mut pool, usize::MAX);
            assert_eq!(sent[..header.len()], header);
            assert!(sent[header.len()..].iter().all(|&byte| byte == b'x'));
            assert_eq!((sent.len(), taken), (header.len() + length, vec![0]));
        }
    }

    #[test]
    fn take_back_keeps_a_frame_that_was_begun() {
        let (mut outbound, mut pool) = outbound(&[10, 10, 10]);
        assert_eq!(flush(&mut outbound, &mut pool, 15).1, [0]);
        let mut lost = Vec::new();
        outbound.take_back(false, |ticket, status| lost.push((ticket.seq, status)));
        assert_eq!(lost, [(2, ReceiptStatus::NotHere)]);
        assert_eq!(outbound.queued(), 9);
        outbound.raw(&mut pool, b"bye");
        assert_eq!(
            flush(&mut outbound, &mut pool, usize::MAX),
            (b"xxxxxxxxxbye".to_vec(), vec![1])
        );
    }

    #[test]
    fn only_the_newest_of_unread_pongs_is_kept() {
        let (mut outbound, mut pool) = outbound(&[10]);
        outbound.raw(&mut pool, b"receipt");
        flush(&mut outbound, &mut pool, 0);
        for number in 0..1_000 {
            outbound.pong(&mut pool, format!("pong {number}").as_bytes());
        }
        assert_eq!(outbound.records.len(), 2, "frames without a message share a record");
        let held = outbound.held_bytes();
        assert_eq!(held, 12 + b"receiptpong 999".len() + 2 * size_of::<Record>());
        let (sent, taken) = flush(&mut outbound, &mut pool, usize::MAX);
        assert_eq!((&sent[12..], &taken[..]), (&b"receiptpong 999"[..], &[0][..]));
    }

    #[test]
    fn client_that_reads_gets_every_pong() {
        let (mut outbound, mut pool) = outbound(&[]);
        outbound.pong(&mut pool, b"first");
        outbound.pong(&mut pool, b"second");
        assert_eq!(flush(&mut outbound, &mut pool, usize::MAX).0, b"firstsecond");
    }

    #[test]
    fn pong_that_was_begun_or_is_not_last_stays() {
        let (mut outbound, mut pool) = outbound(&[]);
        outbound.pong(&mut pool, b"first");
        assert_eq!(flush(&mut outbound, &mut pool, 2).0, b"fi");
        flush(&mut outbound, &mut pool, 0);
        outbound.pong(&mut pool, b"second");
        outbound.raw(&mut pool, b"receipt");
        outbound.pong(&mut pool, b"third");
        outbound.pong(&mut pool, b"fourth");
        let (sent, _) = flush(&mut outbound, &mut pool, usize::MAX);
        assert_eq!(sent, b"rstsecondreceiptfourth");
    }

    #[test]
    fn frames_behind_one_that_was_begun_are_taken_back() {
        let (mut outbound, mut pool) = outbound(&[]);
        outbound.raw(&mut pool, b"begun");
        flush(&mut outbound, &mut pool, 2);
        outbound.raw(&mut pool, b"receipt");
        outbound.raw(&mut pool, b"receipt");
        outbound.take_back(false, |_, _| unreachable!());
        assert_eq!(flush(&mut outbound, &mut pool, usize::MAX).0, b"gun");
    }

    #[test]
    fn message_is_delivered_when_the_kernel_has_its_last_byte() {
        let (mut outbound, mut pool) = outbound(&[10, 10, 10]);
        // Two frames and a half are taken; of these, one and a half are in a record that waits.
        assert_eq!(flush_unconfirmed(&mut outbound, &mut pool, 30, 18).1, [0]);
        assert!(flush_unconfirmed(&mut outbound, &mut pool, 0, 18).1.is_empty());
        let mut lost = Vec::new();
        outbound.take_back(false, |ticket, _| lost.push(ticket.seq));
        assert!(lost.is_empty(), "all were begun");
        assert_eq!(flush_unconfirmed(&mut outbound, &mut pool, usize::MAX, 6).1, [1]);
        assert!(outbound.queued() == 0 && !outbound.is_done());
        let mut maybe = Vec::new();
        outbound.take_back(false, |ticket, _| maybe.push(ticket.seq));
        assert_eq!(flush(&mut outbound, &mut pool, 0).1, [2]);
        assert!(outbound.is_done() && maybe.is_empty());
    }

    #[test]
    fn unconfirmed_message_may_have_arrived() {
        let (mut outbound, mut pool) = outbound(&[10, 10]);
        assert!(flush_unconfirmed(&mut outbound, &mut pool, 24, 24).1.is_empty());
        let mut lost = Vec::new();
        outbound.take_back(true, |ticket, status| lost.push((ticket.seq, status)));
        assert_eq!(lost, [(0, ReceiptStatus::Maybe), (1, ReceiptStatus::Maybe)]);
    }

    #[test]
    fn last_take_back_reports_a_begun_frame_as_maybe() {
        let (mut outbound, mut pool) = outbound(&[10, 10]);
        flush(&mut outbound, &mut pool, 3);
        let mut lost = Vec::new();
        outbound.take_back(true, |ticket, status| lost.push((ticket.seq, status)));
        assert_eq!(lost, [(0, ReceiptStatus::Maybe), (1, ReceiptStatus::NotHere)]);
        assert_eq!(outbound.queued(), 0);
    }

    #[test]
    fn blocked_time_lasts_until_the_socket_takes_something() {
        let (mut outbound, mut pool) = outbound(&[10]);
        assert!(outbound.blocked_since().is_none());
        flush(&mut outbound, &mut pool, 0);
        let since = outbound.blocked_since().expect("it took nothing");
        flush(&mut outbound, &mut pool, 0);
        assert_eq!(outbound.blocked_since(), Some(since));
        flush(&mut outbound, &mut pool, usize::MAX);
        assert!(outbound.blocked_since().is_none());
    }

    proptest! {
        #[test]
        fn partial_writes_take_each_message_once_and_whole(
            lengths in prop::collection::vec(0..300_usize, 1..12),
            steps in prop::collection::vec(0..500_usize, 1..40),
        ) {
            let (mut all, mut pool) = outbound(&lengths);
            let expected = flush(&mut all, &mut pool, usize::MAX).0;

            let (mut outbound, mut pool) = outbound(&lengths);
            let (mut sent, mut taken) = (Vec::new(), Vec::new());
            for step in steps.into_iter().chain([usize::MAX]) {
                let (bytes, tickets) = flush(&mut outbound, &mut pool, step);
                sent.extend(bytes);
                taken.extend(tickets);
            }
            prop_assert_eq!(sent, expected);
            prop_assert_eq!(taken, (0..lengths.len() as u64).collect::<Vec<_>>());
        }
    }
}
