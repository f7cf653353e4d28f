//! One session: a socket, what it has not accepted yet, and what is not read completely.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::{
    error::ConnectionError,
    protocol::{WireEvent, WireProtocol},
    traffic::DueMessage,
    websocket::upgrade_request,
};

/// A user of the load generator, connected or not.
#[derive(Debug)]
pub(super) struct LoadSession<P: WireProtocol> {
    pub(super) user: String,
    /// Messages that are due; empty unless they wait for the socket.
    pub(super) due: Vec<DueMessage>,
    pub(super) connection: Option<LoadConnection<P>>,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionState {
    Upgrading,
    LoggingIn,
    LoggedIn,
}

/// One WebSocket connection.
#[derive(Debug)]
pub(super) struct LoadConnection<P: WireProtocol> {
    /// Whether the epoll reports when the socket is writable.
    pub(super) awaits_writable: bool,
    socket: TcpStream,
    state: ConnectionState,
    /// Read, but not complete.
    partial: Vec<u8>,
    /// Written, but not accepted by the socket.
    pending: Vec<u8>,
    reading: P::Reading,
}

impl<P: WireProtocol> LoadConnection<P> {
    /// Dials `server` and requests an upgrade. Blocks, which on one machine takes no time.
    pub(super) fn dial(server: SocketAddr) -> io::Result<Self> {
        let mut socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.write_all(&upgrade_request(server, P::PATH))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            awaits_writable: false,
            socket,
            state: ConnectionState::Upgrading,
            partial: Vec::new(),
            pending: Vec::new(),
            reading: P::Reading::default(),
        })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether its user is logged in.
    pub(super) fn is_logged_in(&self) -> bool {
        self.state == ConnectionState::LoggedIn
    }

    /// Notes the login. Returns whether it is new.
    pub(super) fn set_logged_in(&mut self) -> bool {
        let first = self.state == ConnectionState::LoggingIn;
        self.state = ConnectionState::LoggedIn;
        first
    }

    /// Whether the socket has not accepted all that was written.
    pub(super) fn is_blocked(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes `bytes` after what waits already. What the socket does not accept waits too.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = if self.is_blocked() { 0 } else { write_some(&mut self.socket, bytes)? };
        self.pending.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Writes what waits, as far as the socket accepts it.
    pub(super) fn write_pending(&mut self) -> io::Result<()> {
        let taken = write_some(&mut self.socket, &self.pending)?;
        self.pending.drain(..taken);
        Ok(())
    }

    /// Reads once, into a buffer that all sessions share, and reports the events. For bytes beyond
    /// the buffer, the epoll fires again.
    pub(super) fn read(
        &mut self,
        user: &str,
        buffer: &mut [u8],
        on_event: &mut impl FnMut(WireEvent<'_>),
    ) -> Result<(), ConnectionError> {
        let carried = self.partial.len();
        buffer[..carried].copy_from_slice(&self.partial);
        let read = match self.socket.read(&mut buffer[carried..]) {
            Ok(0) => return Err(ConnectionError::Ended),
            Ok(read) => read,
            Err(error) if would_block(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes = &mut buffer[..carried + read];
        let taken = match self.state {
            ConnectionState::Upgrading => self.read_upgrade(user, bytes, on_event)?,
            ConnectionState::LoggingIn | ConnectionState::LoggedIn => {
                P::read(&mut self.reading, bytes, on_event)?
            }
        };
        // A new vector each time, so that idle sessions hold no memory.
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
        on_event: &mut impl FnMut(WireEvent<'_>),
    ) -> Result<usize, ConnectionError> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(0);
        };
        if !bytes.starts_with(b"HTTP/1.1 101 ") {
            return Err(ConnectionError::Refused(String::from_utf8_lossy(bytes).into_owned()));
        }
        self.state = ConnectionState::LoggingIn;
        let mut login = Vec::new();
        P::log_in(user, &mut login);
        self.write(&login)?;
        Ok(end + 4 + P::read(&mut self.reading, &mut bytes[end + 4..], on_event)?)
    }
}

/// Returns how many bytes the socket accepted.
fn write_some(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match socket.write(bytes) {
        Err(error) if would_block(&error) => Ok(0),
        taken => taken,
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
