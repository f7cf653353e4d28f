use std::{
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
};

/// The stream under a session's WebSocket codec. Reading never blocks, and registers a waker when
/// there is nothing; what the codec writes by itself (pongs, the answer to a close) is kept, to be
/// put in line with everything else that goes to the client.
#[derive(Debug)]
pub(super) struct Socket {
    half: OwnedReadHalf,
    waker: Waker,
    replies: Vec<u8>,
}

impl Socket {
    pub(super) fn new(half: OwnedReadHalf) -> Self {
        Self { half, waker: Waker::noop().clone(), replies: Vec::new() }
    }

    /// From now on, wakes the task of `cx` when there is something to read.
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            self.waker = cx.waker().clone();
        }
    }

    /// What the codec has written since the last call.
    pub(super) fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.half).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
