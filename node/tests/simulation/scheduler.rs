//! One run: steps that the seed decides, and then a phase without faults, in which every send must
//! end.

use fastrand::Rng;
use trunkline_protocol::Outcome;

use crate::{
    checker::{Invariant, InvariantViolation, MessageRecord},
    conditions::{Conditions, RunAction},
    node::SimulatedNode,
    world::World,
};

/// More events than this in a row, without time passing, are an endless loop.
const EVENTS_WITHOUT_TIME_MAX: u32 = 10_000;

/// Which steps of a seed's run are taken, and whether the run is logged.
#[derive(Clone, Debug)]
pub(crate) struct RunPlan {
    pub(crate) seed: u64,
    pub(crate) steps: Vec<u32>,
    pub(crate) logged: bool,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct RunReport {
    pub(crate) violation: Option<InvariantViolation>,
    /// How many sends had each outcome, in the order of [`OUTCOMES`].
    pub(crate) outcomes: [u64; OUTCOMES.len()],
    pub(crate) log: Vec<String>,
}

/// All outcomes.
pub(crate) const OUTCOMES: [Outcome; 5] = [
    Outcome::Delivered,
    Outcome::Offline,
    Outcome::Busy,
    Outcome::Unreachable,
    Outcome::Unconfirmed,
];

impl RunPlan {
    pub(crate) fn of(seed: u64) -> Self {
        Self { seed, steps: (0..Conditions::of(seed).steps).collect(), logged: false }
    }

    pub(crate) fn run(&self) -> RunReport {
        let mut world = World::new(Conditions::of(self.seed));
        world.checker.log = self.logged.then(Vec::new);
        world.populate(&mut Rng::with_seed(self.seed ^ 0xb0b));
        for &step in &self.steps {
            if world.checker.violation.is_some() {
                break;
            }
            // Each step has its own seed, so that it stays the same when others are left out.
            let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(step.into());
            world.step(&mut Rng::with_seed(seed));
        }
        if world.checker.violation.is_none() {
            world.finish(&mut Rng::with_seed(self.seed ^ 0xe4d));
        }
        RunReport::of(&mut world)
    }
}

impl RunReport {
    fn of(world: &mut World) -> Self {
        let count = |outcome| {
            let fits = |record: &&MessageRecord| record.outcome == Some(outcome);
            world.checker.records.iter().filter(fits).count() as u64
        };
        let outcomes = OUTCOMES.map(count);
        let log = world.checker.log.take().unwrap_or_default();
        Self { violation: world.checker.violation.take(), outcomes, log }
    }
}

impl World {
    /// Logs some users in.
    fn populate(&mut self, rng: &mut Rng) {
        for user in 0..self.conditions.users {
            for node in 0..self.nodes.len() {
                if rng.u8(..3) == 0 {
                    self.log_in(node, user, true);
                }
            }
        }
    }

    fn step(&mut self, rng: &mut Rng) {
        let node = rng.usize(..self.nodes.len());
        match self.conditions.draw(rng) {
            RunAction::Advance => {
                self.advance(rng);
            }
            RunAction::Send => self.send_burst(node, rng),
            RunAction::Wait => self.wait(Conditions::wait_ms(rng), rng),
            RunAction::LogIn => self.log_in(node, rng.usize(..self.conditions.users), rng.bool()),
            RunAction::LogOut => self.log_out(node, rng.usize(..2), rng.bool()),
            RunAction::WritePart => self.write_part(node, rng.usize(..2)),
            RunAction::FailLookUp => {
                let process = &self.nodes[node].process;
                if process.is_running() && !process.look_ups.is_empty() {
                    self.look_up_answered(node, rng.usize(..process.look_ups.len()), false);
                }
            }
            RunAction::BreakLink => self.break_link(node, rng),
            RunAction::Relink => self.relink(node),
            RunAction::RestartRelay => self.restart_relay(rng),
            RunAction::Freeze => self.freeze(node),
            RunAction::Thaw => self.thaw(node),
            RunAction::Die => self.die(node, rng),
            RunAction::Start => self.start(node),
            RunAction::DeclareDead => self.declare_dead(node),
            RunAction::EmptyDirectory => self.empty_directory(rng),
        }
    }

    fn send_burst(&mut self, node: usize, rng: &mut Rng) {
        if !self.nodes[node].process.is_running() {
            return;
        }
        let user = rng.usize(..self.conditions.users);
        let sender = node as u64 * 2 + rng.u64(..self.conditions.senders);
        for _ in 0..rng.u8(1..=3) {
            self.send(node, user, sender);
        }
    }

    /// Ends every send, and checks that a repaired cluster works.
    fn finish(&mut self, rng: &mut Rng) {
        self.checker.note(|| "--- no more faults".to_owned());
        if self.conditions.repairs_early {
            self.repair_all();
        }
        self.await_outcomes(rng);
        self.repair_all();
        self.advance_all(rng);
        self.conditions.remove_limits();
        let limits = self.conditions.limits;
        self.wait(limits.deadline.max(limits.route_ttl).as_millis() as u64 + 1000, rng);
        self.advance_all(rng);
        self.probe(rng);
        self.advance_all(rng);
        self.wait(4 * limits.route_ttl.as_millis() as u64 + 1000, rng);
        self.check_empty();
    }

    fn await_outcomes(&mut self, rng: &mut Rng) {
        let last_due_ms =
            self.checker.records.iter().map(|record| record.due_ms).max().unwrap_or(0);
        let last_due_ms = last_due_ms.max(self.now_ms);
        while self.checker.records.iter().any(|record| record.is_pending()) {
            self.advance_all(rng);
            if self.checker.violation.is_some() || self.now_ms > last_due_ms + 1000 {
                break;
            }
            self.wait(200, rng);
            for node in 0..self.nodes.len() {
                self.thaw(node);
            }
        }
        for (id, record) in self.checker.records.iter().enumerate() {
            if record.is_pending() && self.checker.violation.is_none() {
                let detail = format!("m{id} was never reported");
                let invariant = Invariant::OneOutcome;
                self.checker.violation = Some(InvariantViolation { invariant, detail });
            }
        }
    }

    fn advance_all(&mut self, rng: &mut Rng) {
        let mut left = EVENTS_WITHOUT_TIME_MAX;
        while left > 0 && self.checker.violation.is_none() && self.advance(rng) {
            left -= 1;
        }
        self.checker.check(Invariant::Bounded, left > 0, || "events never end".to_owned());
    }

    /// Sends two messages to each user, when no fault is left.
    fn probe(&mut self, rng: &mut Rng) {
        self.checker.note(|| "--- probes".to_owned());
        let node = rng.usize(..self.nodes.len());
        let probes: Vec<_> = (0..2 * self.conditions.users)
            .map(|probe| self.send(node, probe / 2, 2 * node as u64))
            .collect();
        self.advance_all(rng);
        for id in probes {
            self.check_probe(id);
        }
    }

    fn check_probe(&mut self, id: u32) {
        let record = &self.checker.records[id as usize];
        let theirs = |node: &SimulatedNode| {
            node.process.sessions.open.iter().filter(|session| session.user == record.user).count()
        };
        let open = self.nodes.iter().map(theirs).sum::<usize>();
        let right = if open == 0 { Outcome::Offline } else { Outcome::Delivered };
        let (outcome, received) = (record.outcome, record.received_by.len());
        // Under a tight limit, a probe may be refused at once.
        let tight = self.conditions.limits.pending_max < 10 && outcome == Some(Outcome::Busy);
        let fine = tight || (outcome == Some(right) && received == open);
        self.checker.check(Invariant::FaultFree, fine, || {
            format!("m{id}: {outcome:?}, received by {received} of {open} sessions")
        });
    }

    fn check_empty(&mut self) {
        for node in &self.nodes {
            let custody = &node.custody;
            let (pending, bytes) = (custody.pending(), custody.pending_bytes());
            let empty = (pending, bytes) == (0, 0) && custody.next_tick().is_none();
            let index = node.process.index;
            self.checker.check(Invariant::Empty, empty, || {
                format!("n{index} still holds {pending} sends, {bytes} bytes, or a recipient")
            });
        }
    }
}
