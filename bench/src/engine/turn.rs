//! One turn of the engine: send what is due, wait, see to what has happened.

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

use super::{Engine, LoadError, Trouble};
use crate::{
    peer::{Heard, Peer},
    session::Connection,
};

/// What came of reading a session's socket.
#[derive(Default)]
struct Reply {
    welcome: bool,
    /// What is to be answered at once.
    answers: Vec<u8>,
    /// What was not expected.
    wrong: Option<String>,
}

impl<P: Peer> Engine<P> {
    /// Sends what is due, waits for something to happen, but not beyond `until`, and sees to it.
    pub(super) fn turn(&mut self, until: Instant) -> Result<(), LoadError> {
        self.send_due()?;
        self.wait(until)?;
        let events = mem::take(&mut self.events);
        for event in &events {
            let (session, flags) = (event.data.u64() as usize, event.flags);
            if flags.contains(EventFlags::OUT) {
                let written = self.write_pending(session);
                self.see_to(session, written)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                let read = self.read(session);
                self.see_to(session, read)?;
            }
        }
        self.events = events;
        self.come_back()?;
        self.send_due()
    }

    /// Sends what is due now.
    pub(super) fn send_due(&mut self) -> Result<(), LoadError> {
        let now_ns = self.now_ns();
        self.plan.release(now_ns, &mut self.due);
        for (session, due) in self.due.drain(..) {
            let waiting = &mut self.sessions[session].due;
            if waiting.is_empty() {
                self.touched.push(session);
            }
            waiting.push(due);
        }
        let mut touched = mem::take(&mut self.touched);
        for session in touched.drain(..) {
            let sent = self.send(session);
            self.see_to(session, sent)?;
        }
        self.touched = touched;
        Ok(())
    }

    /// Connects a session.
    pub(super) fn dial(&mut self, session: usize, server: SocketAddr) -> Result<(), LoadError> {
        let dialled = Connection::dial(server).and_then(|connection| {
            let data = EventData::new_u64(session as u64);
            epoll::add(&self.epoll, connection.socket(), data, EventFlags::IN)?;
            self.sessions[session].connection = Some(connection);
            Ok(())
        });
        self.see_to(session, dialled.map_err(Trouble::from))
    }

    fn wait(&mut self, until: Instant) -> Result<(), LoadError> {
        let until_ns = until.saturating_duration_since(self.begun).as_nanos() as u64;
        let next = self.plan.next_due_ns().into_iter().chain(self.next_comeback_ns()).min();
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

    /// Writes what a session has to send, unless its socket has not taken what was before.
    fn send(&mut self, session: usize) -> Result<(), Trouble> {
        let Self { sessions, plan, out, .. } = self;
        let sender = &mut sessions[session];
        let Some(connection) = sender.connection.as_mut().filter(|open| open.is_welcome()) else {
            // Nobody is there to send it. What is kept here would be looked at again by nobody.
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

    fn write_pending(&mut self, session: usize) -> Result<(), Trouble> {
        if let Some(connection) = &mut self.sessions[session].connection {
            connection.write_pending()?;
        }
        self.watch(session)?;
        self.send(session)
    }

    /// Asks the kernel to tell when there is room again, exactly while something waits for it.
    fn watch(&mut self, session: usize) -> Result<(), Trouble> {
        let data = EventData::new_u64(session as u64);
        let Some(connection) = &mut self.sessions[session].connection else { return Ok(()) };
        if connection.is_blocked() != connection.awaits_room {
            connection.awaits_room = connection.is_blocked();
            let room = if connection.awaits_room { EventFlags::OUT } else { EventFlags::empty() };
            epoll::modify(&self.epoll, connection.socket(), data, EventFlags::IN | room)
                .map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn read(&mut self, at: usize) -> Result<(), Trouble> {
        let now_ns = self.now_ns();
        let Self { sessions, plan, buffer, .. } = self;
        let session = &mut sessions[at];
        let Some(connection) = &mut session.connection else { return Ok(()) };
        let mut reply = Reply::default();
        connection.read(&session.user, buffer, &mut |heard| {
            let expected = match &heard {
                Heard::Message(body) => plan.note_arrival(body, at, now_ns),
                Heard::Delivered { flow } => plan.note_delivered(*flow),
                Heard::Unsure { flow } => plan.note_unsure(*flow),
                Heard::Refused { flow } => plan.note_refused(*flow, now_ns),
                Heard::Welcome => {
                    reply.welcome = true;
                    true
                }
                Heard::Answer(frame) => {
                    reply.answers.extend_from_slice(frame);
                    true
                }
                Heard::Goodbye(_) => false,
            };
            if !expected {
                reply.wrong.get_or_insert_with(|| heard.to_string());
            }
        })?;
        if let Some(what) = reply.wrong {
            return Err(Trouble::Unexpected(what));
        }
        if reply.welcome && connection.welcome() {
            self.welcome += 1;
        }
        if !reply.answers.is_empty() {
            connection.write(&reply.answers)?;
        }
        self.watch(at)
    }
}
