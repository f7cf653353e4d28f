//! One run: so many steps of a kind and a choice that the seed decides, and then a calm in which
//! everything must come to its end.

use fastrand::Rng;
use trunkline_protocol::Outcome;

use crate::{
    checker::{Demand, Violation},
    weather::{Kind, Weather},
    world::World,
};

/// More steps than this in a row, with no time going by, are a circle.
const CIRCLE: u32 = 10_000;

/// Which steps of a seed's run are taken, and whether it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) steps: Vec<u32>,
    pub(crate) logged: bool,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) violation: Option<Violation>,
    /// How many sends came to each outcome, in the order of [`OUTCOMES`].
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

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        Self { seed, steps: (0..Weather::of(seed).steps).collect(), logged: false }
    }

    pub(crate) fn run(&self) -> Report {
        let mut world = World::new(Weather::of(self.seed));
        world.checker.log = self.logged.then(Vec::new);
        world.populate(&mut Rng::with_seed(self.seed ^ 0xb0b));
        for &step in &self.steps {
            if world.checker.broken.is_some() {
                break;
            }
            // Each step draws its own luck, so that it stays the same if others are left out.
            let luck = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(step.into());
            world.step(&mut Rng::with_seed(luck));
        }
        if world.checker.broken.is_none() {
            world.end(&mut Rng::with_seed(self.seed ^ 0xe4d));
        }
        Report::of(&mut world)
    }
}

impl Report {
    fn of(world: &mut World) -> Self {
        let count = |outcome| {
            let fits = |fact: &&crate::checker::Fact| fact.outcome == Some(outcome);
            world.checker.facts.iter().filter(fits).count() as u64
        };
        let outcomes = OUTCOMES.map(count);
        let log = world.checker.log.take().unwrap_or_default();
        Self { violation: world.checker.broken.take(), outcomes, log }
    }
}

impl World {
    /// Some users are there from the beginning.
    fn populate(&mut self, rng: &mut Rng) {
        for user in 0..self.weather.users {
            for node in 0..self.nodes.len() {
                if rng.u8(..3) == 0 {
                    self.log_in(node, user, true);
                }
            }
        }
    }

    fn step(&mut self, rng: &mut Rng) {
        let node = rng.usize(..self.nodes.len());
        match self.weather.draw(rng) {
            Kind::Carry => {
                self.carry(rng);
            }
            Kind::PendingSend => self.some_sends(node, rng),
            Kind::Wait => self.wait(Weather::wait_ms(rng), rng),
            Kind::LogIn => self.log_in(node, rng.usize(..self.weather.users), rng.bool()),
            Kind::LogOut => self.log_out(node, rng.usize(..2), rng.bool()),
            Kind::TakePart => self.take_part(node, rng.usize(..2)),
            Kind::LookUpFails => {
                let site = &self.nodes[node].site;
                if site.runs() && !site.look_ups.is_empty() {
                    self.look_up_answered(node, rng.usize(..site.look_ups.len()), false);
                }
            }
            Kind::Break => self.break_link(node, rng),
            Kind::Relink => self.relink(node),
            Kind::RelayRestarts => self.restart_relay(rng),
            Kind::Freeze => self.freeze(node),
            Kind::Thaw => self.thaw(node),
            Kind::Die => self.die(node, rng),
            Kind::Start => self.start(node),
            Kind::Condemn => self.condemn(node),
            Kind::Wipe => self.wipe(rng),
        }
    }

    fn some_sends(&mut self, node: usize, rng: &mut Rng) {
        if !self.nodes[node].site.runs() {
            return;
        }
        let user = rng.usize(..self.weather.users);
        let sender = node as u64 * 2 + rng.u64(..self.weather.senders);
        for _ in 0..rng.u8(1..=3) {
            self.send(node, user, sender);
        }
    }

    /// Lets everything come to its end, and looks whether all is well then.
    fn end(&mut self, rng: &mut Rng) {
        self.checker.note(|| "--- the end".to_owned());
        if self.weather.mends_early {
            self.mend();
        }
        self.bring_to_outcomes(rng);
        self.mend();
        self.carry_all(rng);
        self.weather.clear_up();
        let limits = self.weather.limits;
        self.wait(limits.deadline.max(limits.route_life).as_millis() as u64 + 1000, rng);
        self.carry_all(rng);
        self.probe(rng);
        self.carry_all(rng);
        self.wait(4 * limits.route_life.as_millis() as u64 + 1000, rng);
        self.check_empty();
    }

    fn bring_to_outcomes(&mut self, rng: &mut Rng) {
        let last_due_ms = self.checker.facts.iter().map(|fact| fact.due_ms).max().unwrap_or(0);
        let last_due_ms = last_due_ms.max(self.now_ms);
        while self.checker.facts.iter().any(|fact| fact.is_pending()) {
            self.carry_all(rng);
            if self.checker.broken.is_some() || self.now_ms > last_due_ms + 1000 {
                break;
            }
            self.wait(200, rng);
            for node in 0..self.nodes.len() {
                self.thaw(node);
            }
        }
        for (id, fact) in self.checker.facts.iter().enumerate() {
            if fact.is_pending() && self.checker.broken.is_none() {
                let what = format!("m{id} was never told");
                self.checker.broken = Some(Violation { demand: Demand::OneOutcome, what });
            }
        }
    }

    fn carry_all(&mut self, rng: &mut Rng) {
        let mut left = CIRCLE;
        while left > 0 && self.checker.broken.is_none() && self.carry(rng) {
            left -= 1;
        }
        self.checker.demand(Demand::Bounded, left > 0, || "it goes round in circles".to_owned());
    }

    /// When nothing is wrong, what is sent reaches everyone, at once.
    fn probe(&mut self, rng: &mut Rng) {
        self.checker.note(|| "--- probes".to_owned());
        let node = rng.usize(..self.nodes.len());
        let probes: Vec<_> = (0..2 * self.weather.users)
            .map(|probe| self.send(node, probe / 2, 2 * node as u64))
            .collect();
        self.carry_all(rng);
        for id in probes {
            self.check_probe(id);
        }
    }

    fn check_probe(&mut self, id: u32) {
        let fact = &self.checker.facts[id as usize];
        let theirs = |node: &crate::node::Node| {
            node.site.sessions.open.iter().filter(|session| session.user == fact.user).count()
        };
        let there = self.nodes.iter().map(theirs).sum::<usize>();
        let right = if there == 0 { Outcome::Offline } else { Outcome::Delivered };
        let (outcome, seen) = (fact.outcome, fact.seen.len());
        // With no room for it, it may not even be looked for.
        let tight = self.weather.limits.pending_max < 10 && outcome == Some(Outcome::Busy);
        let fine = tight || (outcome == Some(right) && seen == there);
        self.checker.demand(Demand::Calm, fine, || {
            format!("m{id}: {outcome:?}, seen by {seen} of {there}")
        });
    }

    fn check_empty(&mut self) {
        for node in &self.nodes {
            let custody = &node.custody;
            let (pending, bytes) = (custody.pending(), custody.pending_bytes());
            let empty = (pending, bytes) == (0, 0) && custody.next_tick().is_none();
            let index = node.site.index;
            self.checker.demand(Demand::Empty, empty, || {
                format!("n{index} still has {pending} sends, {bytes} bytes, or a user")
            });
        }
    }
}
