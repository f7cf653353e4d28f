//! The stream under the WebSocket codec.

use std::{
    cell::RefCell,
    io::{self, Read, Write},
    ops::Range,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};

use crate::defaults::{BYTES_PER_TURN, READ_BYTES, READ_BYTES_CHARGED_MIN};

/// One read buffer that all sessions share: a system call reads everything that a client has sent,
/// and an idle session needs no buffer of its own.
#[derive(Clone, Debug)]
pub(in crate::edge) struct ReadAhead(Rc<RefCell<Box<[u8]>>>);

impl Default for ReadAhead {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; READ_BYTES].into())))
    }
}

/// A non-blocking stream for the codec. Reading registers the task's waker when there is nothing to
/// read. What the codec writes by itself (pongs, the answer to a close) is kept for the session's
/// outgoing queue.
#[derive(Debug)]
pub(super) struct Socket<R> {
    half: R,
    waker: Waker,
    read_ahead: ReadAhead,
    /// The part of the shared buffer that the codec has not read yet, during a turn.
    ahead: Range<usize>,
    /// The part that it had not read at the end of the last turn.
    leftover: Bytes,
    /// How many more bytes this turn may read from the socket.
    budget: usize,
    /// Whether this turn received anything.
    received: bool,
    /// How many bytes the codec has read of a message that is not complete, headers included.
    unfinished: usize,
    replies: Vec<u8>,
}

impl<R> Socket<R> {
    pub(super) fn new(half: R, read_ahead: ReadAhead) -> Self {
        Self {
            half,
            waker: Waker::noop().clone(),
            read_ahead,
            ahead: 0..0,
            leftover: Bytes::new(),
            budget: 0,
            received: false,
            unfinished: 0,
            replies: Vec::new(),
        }
    }

    /// Begins a turn that reads at most `budget` bytes. An empty socket wakes the task of `cx` when it
    /// has input.
    pub(super) fn begin_turn(&mut self, budget: usize, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            self.waker = cx.waker().clone();
        }
        self.budget = budget;
        self.received = false;
    }

    /// Whether the turn has spent its budget: then the socket may have more input, although a read
    /// fails with `WouldBlock`.
    pub(super) fn is_exhausted(&self) -> bool {
        self.budget == 0
    }

    /// Ends a turn: the next session may use the shared buffer. Returns whether the client sent
    /// anything in it.
    pub(super) fn end_turn(&mut self) -> bool {
        let ahead = std::mem::take(&mut self.ahead);
        if !ahead.is_empty() {
            self.leftover = Bytes::copy_from_slice(&self.read_ahead.0.borrow()[ahead]);
        }
        self.received
    }

    /// How many bytes the codec has read since the last complete message, without control frames:
    /// at least what a fragmented message has so far, headers included.
    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// The codec has returned a complete message.
    pub(super) fn finish_message(&mut self) {
        self.unfinished = 0;
    }

    /// The codec has returned a control frame of this many bytes, which may stand between fragments.
    pub(super) fn discount(&mut self, bytes: usize) {
        self.unfinished = self.unfinished.saturating_sub(bytes);
    }

    /// Takes what the codec wrote since the last call.
    pub(super) fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }
}

impl<R: AsyncRead + Unpin> Socket<R> {
    /// Reads and discards input. Ready when the client has closed its side, or the connection broke.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut discarded = 0;
        let mut memory = self.read_ahead.0.borrow_mut();
        while discarded < BYTES_PER_TURN {
            let mut buffer = ReadBuf::new(&mut memory);
            ready!(Pin::new(&mut self.half).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            discarded += buffer.filled().len().max(READ_BYTES_CHARGED_MIN);
        }
        // The socket may have more, but the other sessions come first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R: AsyncRead + Unpin> Read for Socket<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.leftover.has_remaining() {
            let count = bytes.len().min(self.leftover.len());
            self.leftover.copy_to_slice(&mut bytes[..count]);
            self.unfinished += count;
            return Ok(count);
        }
        let mut memory = self.read_ahead.0.borrow_mut();
        if self.ahead.is_empty() {
            // Without the budget, one call of the codec could read for ever: a message may have any
            // number of fragments.
            if self.budget == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let most = self.budget.min(memory.len());
            let mut buffer = ReadBuf::new(&mut memory[..most]);
            let mut cx = Context::from_waker(&self.waker);
            match Pin::new(&mut self.half).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(result) => result?,
                Poll::Pending => return Err(io::ErrorKind::WouldBlock.into()),
            }
            self.ahead = 0..buffer.filled().len();
            // What a read costs is not only what it returns: under TLS, thousands of records may carry
            // a byte each.
            self.budget = self.budget.saturating_sub(self.ahead.len().max(READ_BYTES_CHARGED_MIN));
            self.received |= !self.ahead.is_empty();
        }
        let count = bytes.len().min(self.ahead.len());
        bytes[..count].copy_from_slice(&memory[self.ahead.start..][..count]);
        self.ahead.start += count;
        self.unfinished += count;
        Ok(count)
    }
}

impl<R> Write for Socket<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// A stream that has one byte at each read, without end.
    struct Trickle;

    impl AsyncRead for Trickle {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(b"x");
            Poll::Ready(Ok(()))
        }
    }

    fn begin_turn(socket: &mut Socket<DuplexStream>) {
        socket.begin_turn(BYTES_PER_TURN, &Context::from_waker(Waker::noop()));
    }

    fn read(socket: &mut Socket<DuplexStream>, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let count = socket.read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    #[tokio::test]
    async fn leftover_of_a_turn_is_read_first_in_the_next() {
        let buffer = ReadAhead::default();
        let (mut alice, near) = duplex(1024);
        let (mut bob, other) = duplex(1024);
        let mut alices = Socket::new(near, buffer.clone());
        let mut bobs = Socket::new(other, buffer);
        begin_turn(&mut alices);
        begin_turn(&mut bobs);

        alice.write_all(b"abcdef").await.unwrap();
        bob.write_all(b"uvw").await.unwrap();
        assert_eq!(read(&mut alices, 2).unwrap(), b"ab");
        alices.end_turn();
        assert_eq!(read(&mut bobs, 9).unwrap(), b"uvw");
        bobs.end_turn();

        alice.write_all(b"gh").await.unwrap();
        assert_eq!(read(&mut alices, 3).unwrap(), b"cde");
        alices.end_turn();
        assert_eq!(read(&mut alices, 9).unwrap(), b"f");
        assert_eq!(read(&mut alices, 9).unwrap(), b"gh");
        assert_eq!(read(&mut alices, 9).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(alice);
        assert_eq!(read(&mut alices, 9).unwrap(), b"");
    }

    #[tokio::test]
    async fn turn_reads_a_bounded_number_of_bytes() {
        let (mut client, near) = duplex(4 * BYTES_PER_TURN);
        let mut socket = Socket::new(near, ReadAhead::default());
        client.write_all(&vec![b'x'; 3 * BYTES_PER_TURN]).await.unwrap();
        for _ in 0..3 {
            begin_turn(&mut socket);
            assert!(!socket.received && !socket.is_exhausted());
            let mut taken = 0;
            while let Ok(bytes) = read(&mut socket, 1_000) {
                taken += bytes.len();
            }
            assert_eq!(taken, BYTES_PER_TURN);
            assert!(socket.received && socket.is_exhausted());
            socket.end_turn();
        }
        begin_turn(&mut socket);
        assert!(read(&mut socket, 1).is_err() && !socket.is_exhausted() && !socket.received);
    }

    #[test]
    fn turn_makes_a_bounded_number_of_small_reads() {
        let mut socket = Socket::new(Trickle, ReadAhead::default());
        socket.begin_turn(BYTES_PER_TURN, &Context::from_waker(Waker::noop()));
        let reads = std::iter::repeat_with(|| socket.read(&mut [0; 100])).take_while(Result::is_ok);
        assert_eq!(reads.count(), BYTES_PER_TURN / READ_BYTES_CHARGED_MIN);
        assert!(socket.is_exhausted());
    }

    #[tokio::test]
    async fn discarding_ends_with_the_stream() {
        let (mut client, near) = duplex(4 * BYTES_PER_TURN);
        let mut socket = Socket::new(near, ReadAhead::default());
        client.write_all(&vec![b'x'; 3 * BYTES_PER_TURN]).await.unwrap();
        drop(client);
        let mut turns = 0;
        std::future::poll_fn(|cx| {
            turns += 1;
            socket.poll_discard(cx)
        })
        .await
        .unwrap();
        assert!(turns > 2, "{turns}");
    }
}
