//! The load generator's loop: one thread, one epoll, no work for a session that has none.

use std::{
    io, mem,
    net::SocketAddr,
    num::NonZeroU64,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    thread::set_current_timer_slack,
};
use thiserror::Error;

use super::{
    flow::Counts,
    peer::{Heard, Peer},
    session::{Phase, Session},
    traffic::{Due, Pace, Plan},
};
use crate::defaults::{
    LOAD_BUFFER_BYTES, LOAD_EVENTS_AT_ONCE, LOAD_LOGIN_TIMEOUT, LOAD_LOGINS_AT_ONCE,
};

/// Why a load came to nothing.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A server refused an upgrade.
    #[error("the upgrade of {user} was refused: {answer}")]
    Refused {
        /// Who was to log in.
        user: String,
        /// What the server said.
        answer: String,
    },
    /// A server ended a connection.
    #[error("the server ended the connection of {0}")]
    Ended(String),
    /// A server said that it ends a connection.
    #[error("the server ends the connection of {user}: {why}")]
    Goodbye {
        /// Whose connection.
        user: String,
        /// What it said.
        why: String,
    },
    /// A server said what the load generator does not expect.
    #[error("{user} was told {what:?}, which makes no sense there")]
    NotUnderstood {
        /// Who was told.
        user: String,
        /// What.
        what: String,
    },
    /// Logins got stuck.
    #[error("no login was answered within {LOAD_LOGIN_TIMEOUT:?}; {0} still wait")]
    LoginsStuck(usize),
    /// Not even a first message reaches every recipient.
    #[error("some recipients get nothing, though they are logged in")]
    NotPrimed,
}

/// One session of an [`Engine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(usize);

/// A group of flows of an [`Engine`] that goes at one pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrafficId(usize);

/// Sessions at servers, and what they send one another.
pub struct Engine<P: Peer> {
    epoll: OwnedFd,
    begun: Instant,
    sessions: Vec<Session<P>>,
    welcomed: usize,
    plan: Plan,
    events: Vec<Event>,
    /// What is read, of whichever session.
    buffer: Box<[u8]>,
    /// What is written, of whichever session.
    out: Vec<u8>,
    due: Vec<(usize, Due)>,
    /// Sessions that have something to send.
    touched: Vec<usize>,
}

impl<P: Peer> Engine<P> {
    /// An engine without sessions.
    ///
    /// # Errors
    /// If the kernel gives no epoll.
    pub fn new() -> Result<Self, LoadError> {
        // Or the kernel lets a thread sleep 50 µs longer than it asked to.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC).map_err(io::Error::from)?,
            begun: Instant::now(),
            sessions: Vec::new(),
            welcomed: 0,
            plan: Plan::default(),
            events: Vec::with_capacity(LOAD_EVENTS_AT_ONCE),
            buffer: vec![0; LOAD_BUFFER_BYTES].into(),
            out: Vec::new(),
            due: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// Logs these users in at these servers, and waits until all are.
    ///
    /// # Errors
    /// If a server refuses one, or answers none of those that wait for a while.
    pub fn log_in(
        &mut self,
        users: impl IntoIterator<Item = (SocketAddr, String)>,
    ) -> Result<Vec<SessionId>, LoadError> {
        let first = self.sessions.len();
        let mut users = users.into_iter();
        let mut answered = (self.welcomed, Instant::now());
        loop {
            while self.sessions.len() - self.welcomed < LOAD_LOGINS_AT_ONCE
                && let Some((server, user)) = users.next()
            {
                self.dial(server, user)?;
            }
            let waiting = self.sessions.len() - self.welcomed;
            if waiting == 0 {
                return Ok((first..self.sessions.len()).map(SessionId).collect());
            }
            self.turn(answered.1 + LOAD_LOGIN_TIMEOUT)?;
            if self.welcomed > answered.0 {
                answered = (self.welcomed, Instant::now());
            } else if answered.1.elapsed() >= LOAD_LOGIN_TIMEOUT {
                return Err(LoadError::LoginsStuck(waiting));
            }
        }
    }

    fn dial(&mut self, server: SocketAddr, user: String) -> Result<(), LoadError> {
        let session = Session::dial(server, user)?;
        let data = EventData::new_u64(self.sessions.len() as u64);
        epoll::add(&self.epoll, session.socket(), data, EventFlags::IN).map_err(io::Error::from)?;
        self.sessions.push(session);
        Ok(())
    }

    /// Adds a traffic that sends nothing before [`Self::start`]: a flow for each pair of sender
    /// and recipient, with bodies of so many bytes.
    pub fn traffic(
        &mut self,
        pace: Pace,
        pairs: impl IntoIterator<Item = (SessionId, SessionId)>,
        body_bytes: usize,
    ) -> TrafficId {
        let traffic = self.plan.add_traffic(pace);
        for (from, to) in pairs {
            let template = P::template(&self.sessions[to.0].user, body_bytes);
            self.plan.add_flow(traffic, (from.0, to.0), template);
        }
        TrafficId(traffic)
    }

    /// Lets a traffic go.
    pub fn start(&mut self, traffic: TrafficId) {
        let now_ns = self.now_ns();
        self.plan.start(traffic.0, now_ns);
    }

    /// Sends no more of a traffic.
    pub fn stop(&mut self, traffic: TrafficId) {
        self.plan.stop(traffic.0);
    }

    /// Records the latencies of what is due from now on.
    pub fn measure(&mut self, traffic: TrafficId) {
        let now_ns = self.now_ns();
        self.plan.measure(traffic.0, now_ns);
    }

    /// What became of a traffic's messages so far.
    pub fn counts(&self, traffic: TrafficId) -> Counts {
        self.plan.counts(traffic.0)
    }

    /// The latencies recorded, in nanoseconds from when a message was due to its arrival.
    pub fn latency_ns(&self, traffic: TrafficId) -> &Histogram<u64> {
        self.plan.latency_ns(traffic.0)
    }

    /// How many sessions are logged in.
    pub fn sessions(&self) -> usize {
        self.welcomed
    }

    /// Goes on for so long.
    ///
    /// # Errors
    /// If a server ends a connection, or says what it may not say.
    pub fn run(&mut self, time: Duration) -> Result<(), LoadError> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    /// Goes on until nothing of these traffics is on its way any more, or nothing has arrived for
    /// `patience`.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn settle(&mut self, traffics: &[TrafficId], patience: Duration) -> Result<(), LoadError> {
        let mut left = (self.open(traffics), Instant::now());
        while left.0 > 0 && left.1.elapsed() < patience {
            self.turn(left.1 + patience)?;
            let open = self.open(traffics);
            if open != left.0 {
                left = (open, Instant::now());
            }
        }
        Ok(())
    }

    fn open(&self, traffics: &[TrafficId]) -> u64 {
        traffics.iter().map(|traffic| self.counts(*traffic).open()).sum()
    }

    /// Sends what is due, waits for something to happen, but not beyond `until`, and sees to it.
    fn turn(&mut self, until: Instant) -> Result<(), LoadError> {
        self.send_due()?;
        self.wait(until)?;
        let events = mem::take(&mut self.events);
        for event in &events {
            let (session, flags) = (event.data.u64() as usize, event.flags);
            if flags.contains(EventFlags::OUT) {
                self.sessions[session].write_pending()?;
                self.send(session)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.read(session)?;
            }
        }
        self.events = events;
        self.send_due()
    }

    fn wait(&mut self, until: Instant) -> Result<(), LoadError> {
        let until_ns = until.saturating_duration_since(self.begun).as_nanos() as u64;
        let until_ns = self.plan.next_due_ns().map_or(until_ns, |due_ns| due_ns.min(until_ns));
        let left = Duration::from_nanos(until_ns.saturating_sub(self.now_ns()));
        let left =
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    fn send_due(&mut self) -> Result<(), LoadError> {
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
            self.send(session)?;
        }
        self.touched = touched;
        Ok(())
    }

    /// Writes what a session has to send, unless its socket has taken no more before.
    fn send(&mut self, session: usize) -> Result<(), LoadError> {
        let Self { sessions, plan, out, .. } = self;
        let session_ref = &mut sessions[session];
        if !session_ref.is_blocked() {
            for due in session_ref.due.drain(..) {
                plan.write(due, out);
            }
            if !out.is_empty() {
                session_ref.write(out)?;
                out.clear();
            }
        }
        self.watch(session)
    }

    /// Asks the kernel to tell when there is room again, exactly while something waits for it.
    fn watch(&mut self, session: usize) -> Result<(), LoadError> {
        let data = EventData::new_u64(session as u64);
        let session = &mut self.sessions[session];
        if session.is_blocked() == session.awaits_room {
            return Ok(());
        }
        session.awaits_room = session.is_blocked();
        let room = if session.awaits_room { EventFlags::OUT } else { EventFlags::empty() };
        epoll::modify(&self.epoll, session.socket(), data, EventFlags::IN | room)
            .map_err(io::Error::from)?;
        Ok(())
    }

    fn read(&mut self, at: usize) -> Result<(), LoadError> {
        let now_ns = self.now_ns();
        let Self { sessions, plan, buffer, .. } = self;
        let session = &mut sessions[at];
        let (mut welcomed, mut answers, mut wrong) = (false, Vec::new(), None);
        session.read(buffer, &mut |heard| {
            let right = match &heard {
                Heard::Message(body) => plan.note_arrival(body, at, now_ns),
                Heard::Delivered { flow } => plan.note_delivered(*flow),
                Heard::Unsure { flow } => plan.note_unsure(*flow),
                Heard::Refused { flow } => plan.note_refused(*flow, now_ns),
                Heard::Welcome => {
                    welcomed = true;
                    true
                }
                Heard::Answer(frame) => {
                    answers.extend_from_slice(frame);
                    true
                }
                Heard::Goodbye(_) => false,
            };
            if !right {
                wrong.get_or_insert_with(|| format!("{heard:?}"));
            }
        })?;
        if let Some(what) = wrong {
            return Err(LoadError::NotUnderstood { user: session.user.clone(), what });
        }
        if welcomed && session.phase == Phase::LoggingIn {
            session.phase = Phase::Ready;
            self.welcomed += 1;
        }
        if !answers.is_empty() {
            session.write(&answers)?;
            self.watch(at)?;
        }
        Ok(())
    }

    fn now_ns(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }
}
