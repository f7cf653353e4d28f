//! One iteration of the engine: send what is due, wait for events, handle them.

use std::{
    io, mem,
    net::SocketAddr,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, EventData, EventFlags},
    },
};

use super::Engine;
use crate::error::{ConnectionError, LoadError};
use crate::{
    protocol::{WireEvent, WireProtocol},
    session::LoadConnection,
};

/// The result of reading a session's socket.
#[derive(Default)]
struct ReadResult {
    logged_in: bool,
    /// Frames to send at once.
    replies: Vec<u8>,
    /// The first unexpected event.
    unexpected: Option<String>,
}

impl<P: WireProtocol> Engine<P> {
    /// Sends what is due, waits for events until `until` at most, and handles them.
    pub(super) fn poll_once(&mut self, until: Instant) -> Result<(), LoadError> {
        self.send_due()?;
        self.wait(until)?;
        let events = mem::take(&mut self.events);
        for event in &events {
            let (session, flags) = (event.data.u64() as usize, event.flags);
            if flags.contains(EventFlags::OUT) {
                let written = self.write_pending(session);
                self.handle_outcome(session, written)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                let read = self.read(session);
                self.handle_outcome(session, read)?;
            }
        }
        self.events = events;
        self.reconnect_due()?;
        self.send_due()
    }

    /// Sends what is due now.
    pub(super) fn send_due(&mut self) -> Result<(), LoadError> {
        let now_ns = self.now_ns();
        self.plan.release(now_ns, &mut self.due);
        for (session, due) in self.due.drain(..) {
            let waiting = &mut self.sessions[session].due;
            if waiting.is_empty() {
                self.dirty.push(session);
            }
            waiting.push(due);
        }
        let mut dirty = mem::take(&mut self.dirty);
        for session in dirty.drain(..) {
            let sent = self.send(session);
            self.handle_outcome(session, sent)?;
        }
        self.dirty = dirty;
        Ok(())
    }

    /// Connects a session.
    pub(super) fn dial(&mut self, session: usize, server: SocketAddr) -> Result<(), LoadError> {
        let dialled = LoadConnection::dial(server).and_then(|connection| {
            let data = EventData::new_u64(session as u64);
            epoll::add(&self.epoll, connection.socket(), data, EventFlags::IN)?;
            self.sessions[session].connection = Some(connection);
            Ok(())
        });
        self.handle_outcome(session, dialled.map_err(ConnectionError::from))
    }

    fn wait(&mut self, until: Instant) -> Result<(), LoadError> {
        let until_ns = until.saturating_duration_since(self.begun).as_nanos() as u64;
        let next = self.plan.next_due_ns().into_iter().chain(self.next_reconnect_ns()).min();
        let until_ns = next.map_or(until_ns, |next_ns| next_ns.min(until_ns));
        let left = Duration::from_nanos(until_ns.saturating_sub(self.now_ns()));
        let left =
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    /// Writes a session's due messages, unless its socket still blocks.
    fn send(&mut self, session: usize) -> Result<(), ConnectionError> {
        let Self { sessions, plan, out, .. } = self;
        let sender = &mut sessions[session];
        let Some(connection) = sender.connection.as_mut().filter(|open| open.is_logged_in()) else {
            // Offline: these messages are skipped. Kept, they would never mark the session dirty again.
            sender.due.clear();
            return Ok(());
        };
        if connection.is_blocked() || sender.due.is_empty() {
            return Ok(());
        }
        out.clear();
        for due in sender.due.drain(..) {
            plan.write(due, out);
        }
        connection.write(out)?;
        self.watch(session)
    }

    fn write_pending(&mut self, session: usize) -> Result<(), ConnectionError> {
        if let Some(connection) = &mut self.sessions[session].connection {
            connection.write_pending()?;
        }
        self.watch(session)?;
        self.send(session)
    }

    /// Subscribes to writability exactly while something waits for it.
    fn watch(&mut self, session: usize) -> Result<(), ConnectionError> {
        let data = EventData::new_u64(session as u64);
        let Some(connection) = &mut self.sessions[session].connection else { return Ok(()) };
        if connection.is_blocked() != connection.awaits_writable {
            connection.awaits_writable = connection.is_blocked();
            let writable =
                if connection.awaits_writable { EventFlags::OUT } else { EventFlags::empty() };
            epoll::modify(&self.epoll, connection.socket(), data, EventFlags::IN | writable)
                .map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn read(&mut self, at: usize) -> Result<(), ConnectionError> {
        let now_ns = self.now_ns();
        let Self { sessions, plan, buffer, .. } = self;
        let session = &mut sessions[at];
        let Some(connection) = &mut session.connection else { return Ok(()) };
        let mut result = ReadResult::default();
        connection.read(&session.user, buffer, &mut |event| {
            let expected = match &event {
                WireEvent::Message(body) => plan.note_arrival(body, at, now_ns),
                WireEvent::Delivered { flow } => plan.note_delivered(*flow),
                WireEvent::Unconfirmed { flow } => plan.note_unconfirmed(*flow),
                WireEvent::Refused { flow } => plan.note_refused(*flow, now_ns),
                WireEvent::LoggedIn => {
                    result.logged_in = true;
                    true
                }
                WireEvent::Reply(frame) => {
                    result.replies.extend_from_slice(frame);
                    true
                }
                WireEvent::Closing(_) => false,
            };
            if !expected {
                result.unexpected.get_or_insert_with(|| event.to_string());
            }
        })?;
        if let Some(what) = result.unexpected {
            return Err(ConnectionError::Unexpected(what));
        }
        if result.logged_in && connection.set_logged_in() {
            self.online += 1;
        }
        if !result.replies.is_empty() {
            connection.write(&result.replies)?;
        }
        self.watch(at)
    }
}
