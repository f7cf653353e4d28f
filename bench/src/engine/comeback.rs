//! Sessions whose connection has ended, and that log in again.

use std::{cmp::Reverse, collections::BinaryHeap, net::SocketAddr};

use super::{Engine, LoadError, Trouble};
use crate::defaults::LOAD_COMEBACK_MS;
use crate::peer::Peer;

/// Who comes back when, and where.
#[derive(Debug)]
pub(super) struct Comeback {
    pub(super) servers: Vec<SocketAddr>,
    /// When, in nanoseconds since the engine began, and which session; the next first.
    awaited: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Comeback {
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, awaited: BinaryHeap::new() }
    }

    fn next_due(&mut self, now_ns: u64) -> Option<usize> {
        let Reverse((due_ns, session)) = *self.awaited.peek()?;
        (due_ns <= now_ns).then(|| {
            self.awaited.pop();
            session
        })
    }
}

impl<P: Peer> Engine<P> {
    /// Lets a session whose connection went wrong come back later, if sessions may.
    pub(super) fn see_to(
        &mut self,
        at: usize,
        outcome: Result<(), Trouble>,
    ) -> Result<(), LoadError> {
        let Err(trouble) = outcome else { return Ok(()) };
        let now_ns = self.now_ns();
        let session = &mut self.sessions[at];
        let Some(comeback) = &mut self.comeback else {
            return Err(LoadError::Connection { user: session.user.clone(), trouble });
        };
        if session.connection.take().is_some_and(|connection| connection.is_welcome()) {
            self.welcome -= 1;
        }
        session.due.clear();
        let wait_ns = fastrand::u64(LOAD_COMEBACK_MS) * 1_000_000;
        comeback.awaited.push(Reverse((now_ns + wait_ns, at)));
        Ok(())
    }

    /// Dials for those whose time has come.
    pub(super) fn come_back(&mut self) -> Result<(), LoadError> {
        let now_ns = self.now_ns();
        while let Some(comeback) = &mut self.comeback
            && let Some(session) = comeback.next_due(now_ns)
            && let Some(server) = fastrand::choice(comeback.servers.iter().copied())
        {
            self.dial(session, server)?;
        }
        Ok(())
    }

    /// When the next one comes back.
    pub(super) fn next_comeback_ns(&self) -> Option<u64> {
        let Reverse((due_ns, _)) = self.comeback.as_ref()?.awaited.peek()?;
        Some(*due_ns)
    }
}
