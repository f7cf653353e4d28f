use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time;
use trunkline_directory::{Location, Registrar};
use trunkline_protocol::{
    Incarnation, User,
    client::close,
    control::Member,
    status::{NodeLoad, TraceEvent},
};

use super::{
    Setup,
    floor::Floor,
    message_pool::PendingMessage,
    sessions::{ConnectionSlots, SessionKey},
};
use crate::{
    custody::{Custody, LookUpFailed, Target},
    defaults::{LOOK_UPS_MAX, ROUTE_LIFE, SLOW_AFTER},
};

/// A WebSocket ping without a payload.
const PING_FRAME: [u8; 2] = [0x89, 0x00];

/// The state behind the handle.
#[derive(Debug)]
pub(crate) struct DataPlaneState {
    pub(super) custody: Custody<PendingMessage>,
    pub(super) floor: Floor,
    pub(super) slots: ConnectionSlots,
    pub(super) registrar: Registrar,
    pub(super) members: Vec<Member>,
    pub(super) sessions_per_user: usize,
    ping_interval: Duration,
    look_ups: usize,
    pub(super) refused_slots: u64,
}

impl DataPlaneState {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            custody: Custody::new(setup.limits),
            floor: Floor::new(setup.name, setup.incarnation, setup.outbox),
            slots: ConnectionSlots::new(setup.capacity),
            registrar: setup.registrar,
            members: Vec::new(),
            sessions_per_user: setup.sessions_per_user,
            ping_interval: setup.ping_interval,
            look_ups: 0,
            refused_slots: 0,
        }
    }

    /// Reads the clocks, once for all that follows from one event.
    pub(super) fn begin_turn(&mut self) -> Instant {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        self.floor.now_ms = unix.map_or(0, |since| since.as_millis() as u64);
        self.floor.now = time::Instant::now().into_std();
        self.floor.now
    }

    /// Lets custody know what this node's own sessions have answered.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(receipt) = self.floor.answers.pop_front() {
            self.custody.answered(now, &mut self.floor, Target::Local, receipt);
        }
    }

    /// Whether something waits to be flushed or asked.
    pub(super) fn has_work(&self) -> bool {
        !self.floor.touched.is_empty()
            || !self.floor.questions.is_empty()
            || self.floor.batches.has_unsealed()
    }

    /// Writes each touched buffer once; what that sets off for other sessions goes at once too.
    /// Returns whether receipts for other nodes are held back, which they are not with `receipts`.
    pub(super) fn flush(&mut self, now: Instant, receipts: bool) -> bool {
        while !self.floor.touched.is_empty() {
            let mut touched = std::mem::take(&mut self.floor.touched);
            for key in touched.drain(..) {
                let all_written = matches!(self.floor.flush_session(key, now), Ok(true));
                let Some(session) = self.floor.sessions.get_mut(key) else { continue };
                // A socket that is full or broken is its own task's business. So is one that may be
                // read again: what came for it meanwhile has woken nobody.
                if !all_written || (session.held_back && session.has_room()) {
                    session.wake();
                }
            }
            self.settle(now);
            if self.floor.touched.is_empty() {
                self.floor.touched = touched;
                break;
            }
        }
        self.floor.batches.flush(receipts)
    }

    /// Whether anything can come due in custody.
    pub(super) fn has_dues(&self) -> bool {
        self.custody.next_tick().is_some()
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.custody.tick(now, &mut self.floor);
    }

    /// The users to ask the directory for now. [`Self::looked_up`] has to follow for each.
    pub(super) fn take_questions(&mut self) -> Vec<User> {
        let now = self.floor.questions.len().min(LOOK_UPS_MAX - self.look_ups);
        self.look_ups += now;
        self.floor.questions.drain(..now).collect()
    }

    /// The directory has answered; `None` if it could not be asked.
    pub(super) fn looked_up(&mut self, now: Instant, user: &User, places: Option<Vec<Location>>) {
        self.look_ups -= 1;
        if !self.floor.tracer.has_no_test() {
            let what = places.as_ref().map_or(TraceEvent::NotAnswered, |places| {
                TraceEvent::Found { nodes: places.iter().map(|(name, _)| name.clone()).collect() }
            });
            self.floor.tracer.note_user(user, now, &what);
        }
        let nodes: Option<Vec<_>> =
            places.map(|places| places.into_iter().map(|(_, incarnation)| incarnation).collect());
        let nodes = nodes.as_deref().ok_or(LookUpFailed);
        self.custody.routed(now, &mut self.floor, user, nodes);
    }
}

/// What goes on around the data path.
impl DataPlaneState {
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.floor.incarnation
    }

    /// The node goes on as another incarnation.
    pub(crate) fn reincarnate(&mut self, incarnation: Incarnation) {
        self.floor.reincarnate(incarnation);
        self.registrar.reincarnate(incarnation);
    }

    /// How many connections there are, and how many sends without an outcome.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.slots.taken(), self.custody.pending())
    }

    pub(crate) fn session_keys(&self) -> Vec<SessionKey> {
        self.floor.sessions.keys()
    }

    /// Pings sessions, and ends those that are silent or read too slowly.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let interval = self.ping_interval;
        self.floor.elsewhere.retain(|_, since| now < *since + ROUTE_LIFE);
        for key in self.floor.sessions.keys() {
            let Some(session) = self.floor.sessions.get_mut(key) else { continue };
            let quiet = now.saturating_duration_since(session.heard_at);
            let blocked = session.outbound.blocked_since();
            if blocked.is_some_and(|since| since + SLOW_AFTER <= now) {
                self.floor.counters.ended_slow += 1;
                self.end_session(key, close::TOO_SLOW, "this client reads too slowly");
            } else if quiet >= interval && session.pinged_at + interval <= now {
                // A silence that this process has slept through had no ping to be broken by.
                if quiet >= 2 * interval && session.pinged_at > session.heard_at {
                    self.end_session(key, close::POLICY, "no answer to a ping");
                } else {
                    session.pinged_at = now;
                    self.write_raw(key, &PING_FRAME);
                }
            }
        }
    }

    /// What the relay and the metrics are told. Latencies are those since the last call.
    pub(crate) fn load(&mut self) -> NodeLoad {
        let Self { custody, floor, slots, .. } = self;
        let (counts, standing) = (self.registrar.counts(), *self.registrar.status().borrow());
        let counters = &floor.counters;
        NodeLoad {
            sessions: floor.sessions.logged_in() as u32,
            slots: slots.taken() as u32,
            users: floor.sessions.users() as u32,
            rebuilding: standing.rebuilding,
            redis: !standing.redis_away,
            redis_trouble: self.registrar.trouble(),
            accepted: counters.accepted,
            delivered_locally: counters.delivered_here,
            delivered_from_links: counters.delivered_from_links,
            outcomes: counters.outcomes,
            unreported: counters.unreported,
            pending: custody.pending() as u32,
            pending_bytes: custody.pending_bytes() as u64,
            lane_bytes: floor.batches.queued_bytes() as u64,
            session_bytes: floor.sessions.queued_bytes() as u64,
            receipts_dropped: floor.batches.receipts_dropped(),
            refused_full: counters.refused_full,
            ended_slow: counters.ended_slow,
            session_panics: counters.session_panics,
            refused_slots: self.refused_slots,
            look_ups: counters.look_ups,
            stale_entries: counts.stale_entries_removed,
            latency: floor.latencies.report(),
            ..NodeLoad::default()
        }
    }
}
