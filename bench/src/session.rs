//! The client's end of one session: a socket, what it has not taken, what is not read to its end.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::{
    engine::Trouble,
    peer::{Heard, Peer},
    traffic::Due,
    websocket::upgrade_request,
};

/// A user of the load generator, connected or not.
#[derive(Debug)]
pub(super) struct Session<P: Peer> {
    pub(super) user: String,
    /// What is to be sent; empty unless it waits for the socket.
    pub(super) due: Vec<Due>,
    pub(super) connection: Option<Connection<P>>,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Upgrading,
    LoggingIn,
    Welcome,
}

/// One WebSocket connection.
#[derive(Debug)]
pub(super) struct Connection<P: Peer> {
    /// Whether the epoll tells when the socket takes more.
    pub(super) awaits_room: bool,
    socket: TcpStream,
    phase: Phase,
    /// Read, but not whole.
    partial: Vec<u8>,
    /// Written, but not taken.
    pending: Vec<u8>,
    reading: P::Reading,
}

impl<P: Peer> Connection<P> {
    /// Dials `server` and asks for an upgrade. On one machine the kernel connects at once.
    pub(super) fn dial(server: SocketAddr) -> io::Result<Self> {
        let mut socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.write_all(&upgrade_request(server, P::PATH))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            awaits_room: false,
            socket,
            phase: Phase::Upgrading,
            partial: Vec::new(),
            pending: Vec::new(),
            reading: P::Reading::default(),
        })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether its user is logged in.
    pub(super) fn is_welcome(&self) -> bool {
        self.phase == Phase::Welcome
    }

    /// Takes note of the welcome. Returns whether it was the first.
    pub(super) fn welcome(&mut self) -> bool {
        let first = self.phase == Phase::LoggingIn;
        self.phase = Phase::Welcome;
        first
    }

    /// Whether the socket has not taken all that was written.
    pub(super) fn is_blocked(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes `bytes`, after what waits. The socket takes what it has room for.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = if self.is_blocked() { 0 } else { write_some(&mut self.socket, bytes)? };
        self.pending.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Writes what waits, as far as there is room.
    pub(super) fn write_pending(&mut self) -> io::Result<()> {
        let taken = write_some(&mut self.socket, &self.pending)?;
        self.pending.drain(..taken);
        Ok(())
    }

    /// Reads once, into a buffer that all sessions share, and tells what is heard. What is there
    /// beyond that is told of by the next event.
    pub(super) fn read(
        &mut self,
        user: &str,
        buffer: &mut [u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), Trouble> {
        let carried = self.partial.len();
        buffer[..carried].copy_from_slice(&self.partial);
        let read = match self.socket.read(&mut buffer[carried..]) {
            Ok(0) => return Err(Trouble::Ended),
            Ok(read) => read,
            Err(error) if is_patience(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes = &mut buffer[..carried + read];
        let taken = match self.phase {
            Phase::Upgrading => self.read_upgrade(user, bytes, heard)?,
            Phase::LoggingIn | Phase::Welcome => P::read(&mut self.reading, bytes, heard)?,
        };
        // Thousands of idle sessions hold nothing.
        self.partial = match &bytes[taken..] {
            [] => Vec::new(),
            rest => rest.to_vec(),
        };
        Ok(())
    }

    fn read_upgrade(
        &mut self,
        user: &str,
        bytes: &mut [u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<usize, Trouble> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(0);
        };
        if !bytes.starts_with(b"HTTP/1.1 101 ") {
            return Err(Trouble::Refused(String::from_utf8_lossy(bytes).into_owned()));
        }
        self.phase = Phase::LoggingIn;
        let mut login = Vec::new();
        P::log_in(user, &mut login);
        self.write(&login)?;
        Ok(end + 4 + P::read(&mut self.reading, &mut bytes[end + 4..], heard)?)
    }
}

/// Returns how many bytes were taken: none where there is no room.
fn write_some(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match socket.write(bytes) {
        Err(error) if is_patience(&error) => Ok(0),
        taken => taken,
    }
}

fn is_patience(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
