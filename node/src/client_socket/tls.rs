use std::{
    cell::RefCell,
    io::{self, Read, Write},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::rustls::ServerConnection;

use crate::defaults::TLS_WRITE_BYTES_MAX;

/// The halves of a connection whose handshake is complete.
pub(super) fn split(stream: TcpStream, mut connection: ServerConnection) -> (TlsReader, TlsWriter) {
    connection.set_buffer_limit(Some(TLS_WRITE_BYTES_MAX));
    let socket = TlsSocket { stream, connection, unconfirmed: 0, ended: false, closing: false };
    let socket = Rc::new(RefCell::new(socket));
    (TlsReader(socket.clone()), TlsWriter(socket))
}

#[derive(Debug)]
pub(crate) struct TlsReader(Rc<RefCell<TlsSocket>>);

#[derive(Debug)]
pub(crate) struct TlsWriter(Rc<RefCell<TlsSocket>>);

#[derive(Debug)]
struct TlsSocket {
    stream: TcpStream,
    connection: ServerConnection,
    /// How many bytes are in records that the kernel has not taken completely.
    unconfirmed: usize,
    /// The peer has closed its side of the TCP connection.
    ended: bool,
    /// The close of this side is written, or waits to be.
    closing: bool,
}

impl TlsReader {
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buffer)
    }
}

impl TlsWriter {
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().try_write(bytes)
    }

    pub(super) fn unconfirmed(&self) -> usize {
        self.0.borrow().unconfirmed
    }

    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow().stream.poll_write_ready(cx)
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
            ready!(self.poll_writable(cx))?;
        }
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.0.borrow_mut().write_records()? {
            ready!(self.poll_writable(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().begin_close();
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.0.borrow_mut().stream).poll_shutdown(cx)
    }
}

impl TlsSocket {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.connection.reader().read(buffer.initialize_unfilled()) {
                Ok(bytes) => {
                    buffer.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Clients close the connection without the alert that TLS asks for. WebSocket has a
                // close of its own, so that nothing can be cut off unseen.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            ready!(self.stream.poll_read_ready(cx))?;
            match self.connection.read_tls(&mut NonBlocking(&self.stream)) {
                Ok(bytes) => self.ended = bytes == 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Poll::Ready(Err(error)),
            }
            let processed = self.connection.process_new_packets();
            // What TLS answers by itself: an alert, or the update of a key.
            self.write_records()?;
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    /// Encrypts and writes. What is in a record that the kernel takes in part counts as written, and as
    /// unconfirmed.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.write_records()? {
            return if bytes.is_empty() { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let written = self.connection.writer().write(bytes)?;
        self.unconfirmed += written;
        self.write_records()?;
        Ok(written)
    }

    /// Writes the records that wait, as far as the kernel takes them. Returns whether none waits.
    fn write_records(&mut self) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut NonBlocking(&self.stream)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.unconfirmed = 0;
        Ok(true)
    }

    fn begin_close(&mut self) {
        if !std::mem::replace(&mut self.closing, true) {
            self.connection.send_close_notify();
        }
    }
}

/// A stream as rustls wants it: a call that cannot be done at once fails with `WouldBlock`.
struct NonBlocking<'a>(&'a TcpStream);

impl Read for NonBlocking<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(bytes)
    }
}

impl Write for NonBlocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
