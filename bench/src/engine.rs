//! The load generator's engine: one thread, one epoll, no work for a session that has none.

mod comeback;
mod error;
mod turn;

use std::{
    io,
    net::SocketAddr,
    num::NonZeroU64,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustix::{
    event::epoll::{self, CreateFlags, Event},
    thread::set_current_timer_slack,
};

use self::comeback::Comeback;
pub use self::error::{LoadError, Trouble};
use super::{
    flow::Counts,
    peer::Peer,
    session::Session,
    traffic::{Due, Pace, Plan},
};
use crate::defaults::{
    LOAD_BUFFER_BYTES, LOAD_EVENTS_AT_ONCE, LOAD_LOGIN_TIMEOUT, LOAD_LOGINS_AT_ONCE,
};

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
    welcome: usize,
    comeback: Option<Comeback>,
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
    /// An engine without sessions. It belongs to the thread that makes it.
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
            welcome: 0,
            comeback: None,
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
        let mut answered = (self.welcome, Instant::now());
        loop {
            while self.sessions.len() - self.welcome < LOAD_LOGINS_AT_ONCE
                && let Some((server, user)) = users.next()
            {
                self.sessions.push(Session { user, due: Vec::new(), connection: None });
                self.dial(self.sessions.len() - 1, server)?;
            }
            let waiting = self.sessions.len() - self.welcome;
            if waiting == 0 {
                return Ok((first..self.sessions.len()).map(SessionId).collect());
            }
            self.turn(answered.1 + LOAD_LOGIN_TIMEOUT)?;
            if self.welcome > answered.0 {
                answered = (self.welcome, Instant::now());
            } else if answered.1.elapsed() >= LOAD_LOGIN_TIMEOUT {
                return Err(LoadError::LoginsStuck(waiting));
            }
        }
    }

    /// From now on, a session whose connection ends logs in again at any of these servers after a
    /// while. Before, it is the end of the load.
    pub fn come_back_at(&mut self, servers: Vec<SocketAddr>) {
        match &mut self.comeback {
            Some(comeback) => comeback.servers = servers,
            None => self.comeback = Some(Comeback::new(servers)),
        }
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

    /// Records the latencies of what is due from now on, and forgets those before.
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
    pub fn welcome(&self) -> usize {
        self.welcome
    }

    /// Goes on for so long.
    ///
    /// # Errors
    /// If a connection goes wrong and may not come back.
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
        self.send_due()?;
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

    fn now_ns(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }
}
