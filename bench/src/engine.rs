//! The load generator's engine: one thread and one epoll, so that an idle session costs nothing.

mod event_loop;
mod reconnect;

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

use self::reconnect::Reconnects;
use super::{
    flow::TrafficCounts,
    protocol::WireProtocol,
    session::LoadSession,
    traffic::{DueMessage, TrafficPace, TrafficPlan},
};
use crate::defaults::{
    LOAD_BUFFER_BYTES, LOAD_EVENTS_AT_ONCE, LOAD_LOGIN_TIMEOUT, LOAD_LOGINS_AT_ONCE,
};
use crate::error::LoadError;

/// One session of an [`Engine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(usize);

/// A group of flows of an [`Engine`] that share a pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrafficId(usize);

/// Sessions on servers, and the messages that they send each other.
pub struct Engine<P: WireProtocol> {
    epoll: OwnedFd,
    begun: Instant,
    sessions: Vec<LoadSession<P>>,
    online: usize,
    reconnects: Option<Reconnects>,
    plan: TrafficPlan,
    events: Vec<Event>,
    /// The read buffer of all sessions.
    buffer: Box<[u8]>,
    /// The write buffer of all sessions.
    out: Vec<u8>,
    due: Vec<(usize, DueMessage)>,
    /// Sessions with messages that are due.
    dirty: Vec<usize>,
}

impl<P: WireProtocol> Engine<P> {
    /// An engine without sessions. Its timer resolution is that of the thread that creates it.
    pub fn new() -> Result<Self, LoadError> {
        // By default the kernel lets a thread sleep 50 µs too long.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC).map_err(io::Error::from)?,
            begun: Instant::now(),
            sessions: Vec::new(),
            online: 0,
            reconnects: None,
            plan: TrafficPlan::default(),
            events: Vec::with_capacity(LOAD_EVENTS_AT_ONCE),
            buffer: vec![0; LOAD_BUFFER_BYTES].into(),
            out: Vec::new(),
            due: Vec::new(),
            dirty: Vec::new(),
        })
    }

    /// Logs users in at servers, and waits until all are logged in.
    pub fn log_in(
        &mut self,
        users: impl IntoIterator<Item = (SocketAddr, String)>,
    ) -> Result<Vec<SessionId>, LoadError> {
        let first = self.sessions.len();
        let mut users = users.into_iter();
        let mut answered = (self.online, Instant::now());
        loop {
            while self.sessions.len() - self.online < LOAD_LOGINS_AT_ONCE
                && let Some((server, user)) = users.next()
            {
                self.sessions.push(LoadSession { user, due: Vec::new(), connection: None });
                self.dial(self.sessions.len() - 1, server)?;
            }
            let waiting = self.sessions.len() - self.online;
            if waiting == 0 {
                return Ok((first..self.sessions.len()).map(SessionId).collect());
            }
            self.poll_once(answered.1 + LOAD_LOGIN_TIMEOUT)?;
            if self.online > answered.0 {
                answered = (self.online, Instant::now());
            } else if answered.1.elapsed() >= LOAD_LOGIN_TIMEOUT {
                return Err(LoadError::LoginsStuck(waiting));
            }
        }
    }

    /// From now on, a session whose connection ends logs in again at one of these servers after a
    /// random delay. Without this call, a lost connection is an error.
    pub fn reconnect_to(&mut self, servers: Vec<SocketAddr>) {
        match &mut self.reconnects {
            Some(reconnects) => reconnects.servers = servers,
            None => self.reconnects = Some(Reconnects::new(servers)),
        }
    }

    /// Adds a traffic: a flow for each pair of sender and recipient, with bodies of `body_bytes`. It
    /// sends from [`Self::start`] on.
    pub fn traffic(
        &mut self,
        pace: TrafficPace,
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

    /// Starts a traffic.
    pub fn start(&mut self, traffic: TrafficId) {
        let now_ns = self.now_ns();
        self.plan.start(traffic.0, now_ns);
    }

    /// Stops a traffic.
    pub fn stop(&mut self, traffic: TrafficId) {
        self.plan.stop(traffic.0);
    }

    /// Resets the latencies, and records those of messages that are due from now on.
    pub fn measure(&mut self, traffic: TrafficId) {
        let now_ns = self.now_ns();
        self.plan.measure(traffic.0, now_ns);
    }

    /// What happened to a traffic's messages so far.
    pub fn counts(&self, traffic: TrafficId) -> TrafficCounts {
        self.plan.counts(traffic.0)
    }

    /// The recorded latencies, from due time to arrival, in nanoseconds.
    pub fn latency_ns(&self, traffic: TrafficId) -> &Histogram<u64> {
        self.plan.latency_ns(traffic.0)
    }

    /// How many sessions are logged in.
    pub fn online(&self) -> usize {
        self.online
    }

    /// Runs for this long.
    pub fn run(&mut self, time: Duration) -> Result<(), LoadError> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.poll_once(until)?;
        }
        Ok(())
    }

    /// Runs until no message of these traffics is in flight, or none has arrived for `timeout`.
    pub fn await_outcomes(
        &mut self,
        traffics: &[TrafficId],
        timeout: Duration,
    ) -> Result<(), LoadError> {
        self.send_due()?;
        let mut left = (self.in_flight(traffics), Instant::now());
        while left.0 > 0 && left.1.elapsed() < timeout {
            self.poll_once(left.1 + timeout)?;
            let open = self.in_flight(traffics);
            if open != left.0 {
                left = (open, Instant::now());
            }
        }
        Ok(())
    }

    fn in_flight(&self, traffics: &[TrafficId]) -> u64 {
        traffics.iter().map(|traffic| self.counts(*traffic).open()).sum()
    }

    fn now_ns(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }
}
