use std::{
    cell::RefCell,
    io::{self, Read, Write},
    ops::Range,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
};

use crate::defaults::{BYTES_PER_TURN, READ_BYTES};

/// The memory that every session's socket is read into, in turn: one system call takes all that a
/// client has sent, and an idle session holds none of it.
#[derive(Clone, Debug)]
pub(super) struct ReadAhead(Rc<RefCell<Box<[u8]>>>);

impl Default for ReadAhead {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; READ_BYTES].into())))
    }
}

/// The stream under a session's WebSocket codec. Reading never blocks, and registers a waker when
/// there is nothing; what the codec writes by itself (pongs, the answer to a close) is kept, to be
/// put in line with everything else that goes to the client.
#[derive(Debug)]
pub(super) struct Socket<R = OwnedReadHalf> {
    half: R,
    waker: Waker,
    read_ahead: ReadAhead,
    /// The part of the shared memory that the codec has yet to take, in the turn that goes on.
    ahead: Range<usize>,
    /// What an earlier turn has left of it.
    left: Bytes,
    /// How many raw bytes may still be taken from the socket in the turn that goes on.
    budget: usize,
    /// Something has come in the turn that goes on.
    heard: bool,
    replies: Vec<u8>,
}

impl<R> Socket<R> {
    pub(super) fn new(half: R, read_ahead: ReadAhead) -> Self {
        let (waker, left) = (Waker::noop().clone(), Bytes::new());
        Self {
            half,
            waker,
            read_ahead,
            ahead: 0..0,
            left,
            budget: 0,
            heard: false,
            replies: Vec::new(),
        }
    }

    /// Begins a turn of reading. From now on, the task of `cx` is woken when there is something to
    /// read.
    pub(super) fn begin_turn(&mut self, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            self.waker = cx.waker().clone();
        }
        self.budget = BYTES_PER_TURN;
        self.heard = false;
    }

    /// Whether the turn has read all that it may: there may be more, though reading says that there
    /// is nothing.
    pub(super) fn is_exhausted(&self) -> bool {
        self.budget == 0
    }

    /// Whether the client has sent anything in this turn, be it part of a frame.
    pub(super) fn has_heard(&self) -> bool {
        self.heard
    }

    /// Ends a turn: the shared memory is the next session's.
    pub(super) fn end_turn(&mut self) {
        let ahead = std::mem::take(&mut self.ahead);
        if !ahead.is_empty() {
            self.left = Bytes::copy_from_slice(&self.read_ahead.0.borrow()[ahead]);
        }
    }

    /// What the codec has written since the last call.
    pub(super) fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }
}

impl<R: AsyncRead + Unpin> Socket<R> {
    /// Reads on, and drops what comes. Ready when the client has closed its side, or the connection
    /// broke.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut discarded = 0;
        let mut memory = self.read_ahead.0.borrow_mut();
        while discarded < BYTES_PER_TURN {
            let mut buffer = ReadBuf::new(&mut memory);
            ready!(Pin::new(&mut self.half).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            discarded += buffer.filled().len();
        }
        // There may be more, but it is the others' turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R: AsyncRead + Unpin> Read for Socket<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.left.has_remaining() {
            let count = bytes.len().min(self.left.len());
            self.left.copy_to_slice(&mut bytes[..count]);
            return Ok(count);
        }
        let mut memory = self.read_ahead.0.borrow_mut();
        if self.ahead.is_empty() {
            // The codec may read on for ever within one call, if no frame ends a message.
            if self.budget == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let mut buffer = ReadBuf::new(&mut memory);
            let mut cx = Context::from_waker(&self.waker);
            match Pin::new(&mut self.half).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(result) => result?,
                Poll::Pending => return Err(io::ErrorKind::WouldBlock.into()),
            }
            self.ahead = 0..buffer.filled().len();
            self.budget = self.budget.saturating_sub(self.ahead.len());
            self.heard |= !self.ahead.is_empty();
        }
        let count = bytes.len().min(self.ahead.len());
        bytes[..count].copy_from_slice(&memory[self.ahead.start..][..count]);
        self.ahead.start += count;
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

    fn begin_turn(socket: &mut Socket<DuplexStream>) {
        socket.begin_turn(&Context::from_waker(Waker::noop()));
    }

    fn read(socket: &mut Socket<DuplexStream>, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let count = socket.read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    #[tokio::test]
    async fn what_a_turn_leaves_is_read_first_in_the_next() {
        let memory = ReadAhead::default();
        let (mut alice, near) = duplex(1024);
        let (mut bob, other) = duplex(1024);
        let mut alices = Socket::new(near, memory.clone());
        let mut bobs = Socket::new(other, memory);
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
            assert!(!socket.has_heard() && !socket.is_exhausted());
            let mut taken = 0;
            while let Ok(bytes) = read(&mut socket, 1_000) {
                taken += bytes.len();
            }
            assert_eq!(taken, BYTES_PER_TURN);
            assert!(socket.has_heard() && socket.is_exhausted());
            socket.end_turn();
        }
        begin_turn(&mut socket);
        assert!(read(&mut socket, 1).is_err() && !socket.is_exhausted() && !socket.has_heard());
    }

    #[tokio::test]
    async fn what_is_discarded_ends_with_the_stream() {
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
