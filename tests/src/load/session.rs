//! The client's end of one session: a socket, what it has not taken, what is not read to its end.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::{
    engine::LoadError,
    peer::{Heard, Peer},
    websocket::upgrade_request,
};

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Upgrading,
    LoggingIn,
    Ready,
}

/// One WebSocket connection.
#[derive(Debug)]
pub(super) struct Session<P: Peer> {
    pub(super) user: String,
    pub(super) phase: Phase,
    /// What is to be sent, as flow and due time; empty unless it waits for the socket.
    pub(super) due: Vec<(u32, u64)>,
    /// Whether the epoll tells when the socket takes more.
    pub(super) awaits_room: bool,
    socket: TcpStream,
    /// Read, but not whole.
    partial: Vec<u8>,
    /// Written, but not taken.
    pending: Vec<u8>,
    reading: P::Reading,
}

impl<P: Peer> Session<P> {
    /// Dials `server` and asks for an upgrade. The kernel connects at once on one machine.
    pub(super) fn dial(server: SocketAddr, user: String) -> io::Result<Self> {
        let mut socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.write_all(&upgrade_request(server, P::PATH))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            user,
            phase: Phase::Upgrading,
            due: Vec::new(),
            awaits_room: false,
            socket,
            partial: Vec::new(),
            pending: Vec::new(),
            reading: P::Reading::default(),
        })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether the socket has not taken all that was written.
    pub(super) fn is_blocked(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes `bytes`, after what waits. The socket takes what it has room for.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_blocked() {
            self.pending.extend_from_slice(bytes);
            return Ok(());
        }
        let taken = write_some(&mut self.socket, bytes)?;
        self.pending.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Writes what waits, as far as there is room.
    pub(super) fn write_pending(&mut self) -> io::Result<()> {
        let taken = write_some(&mut self.socket, &self.pending)?;
        self.pending.drain(..taken);
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
        Ok(())
    }

    /// Reads once, into a buffer that all sessions share, and tells what is heard. What is there
    /// beyond that is told of by the next event.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), LoadError> {
        let carried = self.partial.len();
        buffer[..carried].copy_from_slice(&self.partial);
        let read = match self.socket.read(&mut buffer[carried..]) {
            Ok(0) => return Err(LoadError::Ended(self.user.clone())),
            Ok(read) => read,
            Err(error) if is_patience(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes = &mut buffer[..carried + read];
        let taken = match self.phase {
            Phase::Upgrading => self.read_upgrade(bytes, heard)?,
            _ => self.understand(bytes, heard)?,
        };
        self.partial.clear();
        self.partial.extend_from_slice(&bytes[taken..]);
        if self.partial.is_empty() {
            // Thousands of idle sessions hold nothing.
            self.partial = Vec::new();
        }
        Ok(())
    }

    fn read_upgrade(
        &mut self,
        bytes: &mut [u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<usize, LoadError> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(0);
        };
        if !bytes.starts_with(b"HTTP/1.1 101") {
            let answer = String::from_utf8_lossy(bytes).into_owned();
            return Err(LoadError::Refused { user: self.user.clone(), answer });
        }
        self.phase = Phase::LoggingIn;
        let mut login = Vec::new();
        P::log_in(&self.user, &mut login);
        self.write(&login)?;
        Ok(end + 4 + self.understand(&mut bytes[end + 4..], heard)?)
    }

    fn understand(
        &mut self,
        bytes: &mut [u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<usize, LoadError> {
        P::read(&mut self.reading, bytes, heard)
            .map_err(|what| LoadError::NotUnderstood { user: self.user.clone(), what: what.0 })
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
