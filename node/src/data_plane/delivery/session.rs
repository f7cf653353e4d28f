use std::{
    fmt, io,
    task::{Context, Poll, Waker},
    time::Instant,
};

use tokio::io::AsyncWrite;
use trunkline_protocol::User;

use super::outbound::Outbound;
use crate::{
    client_socket::ClientWriter,
    custody::SessionShare,
    defaults::{SESSION_BYTES_MAX, SESSION_RECEIPT_BYTES_MAX},
};

/// A session: its slot in the table, and a serial number, so that a slot that is used again does
/// not pass for its former session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(super) slot: u32,
    pub(super) serial: u32,
}

impl SessionKey {
    /// The key as one number. Its upper half is never `u32::MAX`.
    pub(crate) fn to_u64(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.serial)
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.serial)
    }
}

/// What a send in custody takes of its session's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SendCharge {
    /// What its receipt needs at most in the session's buffer, in bytes.
    pub(crate) receipt_bytes: usize,
    /// What the message takes, in bytes.
    pub(crate) message_bytes: usize,
}

/// Why this node closes a session: a WebSocket close code and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloseReason {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// The writing half of a session's connection.
pub(crate) trait SessionSocket: AsyncWrite + Unpin {
    /// Writes what the socket takes at once.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// How many of the bytes that were written the kernel does not have completely.
    fn unconfirmed(&self) -> usize;
    /// Ready when [`Self::try_write`] may succeed again.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl SessionSocket for ClientWriter {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }

    fn unconfirmed(&self) -> usize {
        self.unconfirmed()
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writable(cx)
    }
}

/// One connection, from its upgrade to the end of its socket.
#[derive(Debug)]
pub(crate) struct SessionState<W> {
    pub(super) serial: u32,
    pub(super) socket: W,
    pub(super) outbound: Outbound,
    /// Who has logged in. `None` before `welcome`, and again once the session is to end.
    pub(super) user: Option<User>,
    /// It is in the list of sessions to flush.
    pub(super) dirty: bool,
    /// How many of its sends are in custody, and what they take together.
    pending_sends: usize,
    pending: SendCharge,
    /// When its token ends, in Unix seconds; `None` for never.
    pub(super) token_end: Option<u64>,
    /// Its task stopped reading, because the receipts of further sends would have had no room.
    pub(super) held_back: bool,
    pub(super) close_reason: Option<CloseReason>,
    /// When its client last sent something.
    pub(super) heard_at: Instant,
    pub(super) pinged_at: Instant,
    /// Wakes the session's task.
    waker: Option<Waker>,
}

impl<W> SessionState<W> {
    pub(super) fn new(serial: u32, socket: W, now: Instant) -> Self {
        Self {
            serial,
            socket,
            outbound: Outbound::default(),
            user: None,
            dirty: false,
            pending_sends: 0,
            pending: SendCharge::default(),
            token_end: None,
            held_back: false,
            close_reason: None,
            heard_at: now,
            pinged_at: now,
            waker: None,
        }
    }

    /// Who has logged in.
    pub(crate) fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Charges the session for a send, until its outcome is known.
    pub(crate) fn charge(&mut self, send: SendCharge) {
        self.pending_sends += 1;
        self.pending.receipt_bytes += send.receipt_bytes;
        self.pending.message_bytes += send.message_bytes;
    }

    pub(super) fn discharge(&mut self, send: SendCharge) {
        self.pending_sends -= 1;
        self.pending.receipt_bytes -= send.receipt_bytes;
        self.pending.message_bytes -= send.message_bytes;
    }

    /// Whether its sends in custody leave room for another one. A session without any may always send.
    pub(super) fn has_share(&self, share: SessionShare) -> bool {
        self.pending_sends == 0
            || (self.pending_sends < share.sends && self.pending.message_bytes < share.bytes)
    }

    /// Whether every receipt that its next send could cause has room.
    pub(super) fn has_room(&self) -> bool {
        let bytes = self.pending.receipt_bytes + self.outbound.held_bytes();
        bytes < SESSION_BYTES_MAX + SESSION_RECEIPT_BYTES_MAX
    }

    /// Has the task of `cx` woken by [`Self::wake`].
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        if self.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
