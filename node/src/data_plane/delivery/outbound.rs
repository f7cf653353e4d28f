#[cfg(test)]
mod tests;

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
