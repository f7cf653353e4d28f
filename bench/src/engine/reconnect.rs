//! Sessions whose connection has ended log in again.

use std::{cmp::Reverse, collections::BinaryHeap, net::SocketAddr};

use super::Engine;
use crate::defaults::LOAD_RECONNECT_MS;
use crate::error::{ConnectionError, LoadError};
use crate::protocol::WireProtocol;

/// Which sessions log in again, when and where.
#[derive(Debug)]
pub(super) struct Reconnects {
    pub(super) servers: Vec<SocketAddr>,
    /// The time, in nanoseconds since the engine's start, and the session; the next one first.
    due: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Reconnects {
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, due: BinaryHeap::new() }
    }

    fn next_due(&mut self, now_ns: u64) -> Option<usize> {
        let Reverse((due_ns, session)) = *self.due.peek()?;
        (due_ns <= now_ns).then(|| {
            self.due.pop();
            session
        })
    }
}

impl<P: WireProtocol> Engine<P> {
    /// Schedules another login for a session whose connection failed, if sessions may log in again.
    pub(super) fn handle_outcome(
        &mut self,
        at: usize,
        outcome: Result<(), ConnectionError>,
    ) -> Result<(), LoadError> {
        let Err(error) = outcome else { return Ok(()) };
        let now_ns = self.now_ns();
        let session = &mut self.sessions[at];
        let Some(reconnects) = &mut self.reconnects else {
            return Err(LoadError::Connection { user: session.user.clone(), error });
        };
        if session.connection.take().is_some_and(|connection| connection.is_logged_in()) {
            self.online -= 1;
        }
        session.due.clear();
        let wait_ns = fastrand::u64(LOAD_RECONNECT_MS) * 1_000_000;
        reconnects.due.push(Reverse((now_ns + wait_ns, at)));
        Ok(())
    }

    /// Dials for the sessions whose time has come.
    pub(super) fn reconnect_due(&mut self) -> Result<(), LoadError> {
        let now_ns = self.now_ns();
        while let Some(reconnects) = &mut self.reconnects
            && let Some(session) = reconnects.next_due(now_ns)
            && let Some(server) = fastrand::choice(reconnects.servers.iter().copied())
        {
            self.dial(session, server)?;
        }
        Ok(())
    }

    /// When the next session dials again.
    pub(super) fn next_reconnect_ns(&self) -> Option<u64> {
        let Reverse((due_ns, _)) = self.reconnects.as_ref()?.due.peek()?;
        Some(*due_ns)
    }
}
