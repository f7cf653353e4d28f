//! The effects of a custody on the simulated cluster.

use trunkline_node::custody::{Environment, Forwarded, LocalDelivery, OutcomeReport, Target};
use trunkline_protocol::{Incarnation, User, lane::ReceiptStatus};

use crate::{
    checker::{Checker, Invariant},
    conditions::Conditions,
    node::{LANES, LinkState, LookUp, NodeProcess, TestMessage},
    session::PendingReceipt,
};

/// The environment of a custody during one call.
pub(crate) struct SimulatedEnvironment<'a> {
    pub(crate) process: &'a mut NodeProcess,
    pub(crate) checker: &'a mut Checker,
    pub(crate) conditions: &'a Conditions,
    pub(crate) now_ms: u64,
    /// The count of calls into custodies.
    pub(crate) now_at: u64,
}

impl SimulatedEnvironment<'_> {
    fn user(&self, user: &User) -> usize {
        self.conditions.user(user.as_str())
    }

    /// Whether an answer that has not expired named `node`.
    fn is_route_valid(&mut self, node: Incarnation, id: u32) -> bool {
        let user = self.checker.record(id).user;
        let asked_ms = self.process.routes[user].asked_ms(node);
        asked_ms.is_some_and(|ms| self.now_ms < ms + self.conditions.route_ttl_ms())
    }
}

impl Environment<TestMessage> for SimulatedEnvironment<'_> {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        self.process.incarnations.contains(&incarnation)
    }

    fn deliver_here(&mut self, seq: u64, to: &User, message: &TestMessage) -> LocalDelivery {
        let user = self.user(to);
        let answer = PendingReceipt::to(None, seq, ReceiptStatus::Taken);
        let here =
            self.process.sessions.offer(user, message.id, answer, self.conditions.socket_room);
        self.checker.note(|| format!("  m{} here: {here:?}", message.id));
        let names_here = self.process.routes[user].names_here;
        let record = self.checker.record(message.id);
        match here {
            // A route that names this node in vain comes from a stale entry.
            LocalDelivery::Nobody if names_here => {
                (record.denied, record.failed) = (true, true);
                self.process.routes[user].forget();
            }
            LocalDelivery::Nobody => {}
            LocalDelivery::Full => record.offered_here = true,
            LocalDelivery::Waiting => {
                record.offered_here = true;
                record.attempts.push(Target::Local);
            }
        }
        here
    }

    fn forward(&mut self, node: Incarnation, seq: u64, message: &TestMessage) -> Forwarded {
        let lane = self.checker.record(message.id).user % LANES;
        let valid = self.is_route_valid(node, message.id);
        self.checker.check(Invariant::RouteTtl, valid, || {
            format!("m{} goes to a node whose route has expired", message.id)
        });
        if self.process.link == LinkState::Down {
            self.checker.record(message.id).failed = true;
            self.checker.note(|| format!("  m{} has no link", message.id));
            return Forwarded::NoLink;
        }
        let waiting: usize =
            self.process.lanes[lane].open.iter().map(|batch| batch.messages.len()).sum();
        if waiting >= self.conditions.lane_room {
            return Forwarded::Full;
        }
        let batch = self.process.batch_for(lane, node);
        batch.messages.push((seq, message.id));
        let (link, number) = (batch.link, batch.number);
        self.checker.record(message.id).attempts.push(Target::Node(node));
        self.checker.note(|| format!("  m{} to {node:?} in batch {number}", message.id));
        Forwarded::InBatch { link, lane: lane as u8, batch: number }
    }

    fn look_up(&mut self, user: &User) {
        let user = self.user(user);
        let alone = self.process.look_ups.iter().all(|other| other.user != user);
        let known = self.now_ms < self.process.routes[user].good_until_ms;
        self.checker.note(|| format!("  looks up u{user}"));
        self.checker.check(Invariant::OneLookUp, alone, || format!("u{user} is looked up twice"));
        self.checker
            .check(Invariant::CachedRoute, !known, || format!("the route of u{user} was known"));
        let (asked_ms, asked_at) = (self.now_ms, self.now_at);
        self.process.look_ups.push(LookUp { user, asked_ms, asked_at, found: None });
    }

    fn rebuilding(&self) -> bool {
        self.process.rebuilding
    }

    fn report(&mut self, report: OutcomeReport<'_, TestMessage>) {
        let id = report.message.id;
        self.checker.reported(id, report.outcome, self.now_ms, self.process.awake_ms);
    }

    fn recycle(&mut self, message: TestMessage) {
        self.checker.recycled(message.id);
    }
}
