//! The core in a small world: processes that are killed, frozen and cut off, a Redis that pauses
//! and forgets, a relay that restarts and stalls; and what must hold through all of it.

mod redis;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::defaults::KNOCK_EVERY;

const STEP_MS: u64 = 10;
const NAMES: [&str; 3] = ["a", "b", "c"];
/// quinn gives a connection up.
const IDLE_MS: u64 = 5_000;

/// What can happen to a world.
#[derive(Clone, Debug)]
enum Blow {
    /// A process ends; its machine refuses, or is gone as well.
    Kill { name: usize, refuses: bool },
    /// A process is stopped, or goes on.
    Freeze { name: usize, frozen: bool },
    /// A process cannot reach the relay, or can again.
    Cut { name: usize, cut: bool },
    /// A process is started under a name that may still be taken.
    Start { name: usize },
    /// Someone forges refusals.
    Forge { name: usize },
    /// Redis executes nothing until it goes on; what was said meanwhile is executed then.
    Pause { paused: bool },
    /// Redis forgets everything.
    Flush,
    /// The relay is gone for a while, and knows nothing afterwards.
    Restart { away_ms: u64 },
    /// The relay does nothing for a while.
    Stall { ms: u64 },
}

fn any_blow() -> impl Strategy<Value = Blow> {
    let name = 0..NAMES.len();
    prop_oneof![
        3 => (name.clone(), any::<bool>()).prop_map(|(name, refuses)| Blow::Kill { name, refuses }),
        3 => name.clone().prop_map(|name| Blow::Start { name }),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, frozen)| Blow::Freeze { name, frozen }),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, cut)| Blow::Cut { name, cut }),
        1 => name.prop_map(|name| Blow::Forge { name }),
        2 => any::<bool>().prop_map(|paused| Blow::Pause { paused }),
        1 => Just(Blow::Flush),
        1 => (0..4_000_u64).prop_map(|away_ms| Blow::Restart { away_ms }),
        1 => (0..4_000_u64).prop_map(|ms| Blow::Stall { ms }),
    ]
}

#[derive(Debug)]
struct Process {
    name: usize,
    incarnation: Incarnation,
    former: Vec<(Incarnation, u64)>,
    alive: bool,
    frozen: bool,
    refuses: bool,
    link: Option<LinkId>,
    /// The incarnation that its link was told.
    said: Incarnation,
    dial_at: u64,
    renewed_at: u64,
    acquired: bool,
    heard_at: u64,
}

#[derive(Clone, Copy)]
struct Lease {
    holder: Incarnation,
    since: u64,
    end: u64,
}

struct World {
    t: u64,
    start: Instant,
    core: Liveness,
    relay_until: u64,
    processes: Vec<Process>,
    /// The relay's connections, and whose they are.
    links: BTreeMap<LinkId, usize>,
    links_ever: LinkId,
    lives_ever: u64,
    cut: [bool; NAMES.len()],
    /// When anything last changed.
    struck_at: u64,
    paused: bool,
    listed: BTreeMap<Incarnation, Name>,
    leases: BTreeMap<Name, Lease>,
    /// What Redis is to do, and when it does.
    jobs: Vec<(u64, Effect)>,
    /// What was said to a Redis that paused.
    late: Vec<Effect>,
    /// Who was condemned, and when.
    condemned: BTreeMap<Incarnation, u64>,
}

impl World {
    fn new() -> Self {
        let start = Instant::now();
        let mut world = Self {
            t: 0,
            start,
            core: Liveness::new(start),
            relay_until: 0,
            processes: Vec::new(),
            links: BTreeMap::new(),
            links_ever: 0,
            lives_ever: 0,
            cut: [false; NAMES.len()],
            struck_at: 0,
            paused: false,
            listed: BTreeMap::new(),
            leases: BTreeMap::new(),
            jobs: Vec::new(),
            late: Vec::new(),
            condemned: BTreeMap::new(),
        };
        (0..NAMES.len()).for_each(|name| world.begin(name));
        world.run(3_000);
        world
    }

    fn now(&self) -> Instant {
        self.start + ms(self.t)
    }

    fn fresh(&mut self) -> Incarnation {
        self.lives_ever += 1;
        Incarnation::from_bytes(u128::from(self.lives_ever).to_be_bytes())
    }

    fn begin(&mut self, name: usize) {
        let incarnation = self.fresh();
        self.processes.push(Process {
            name,
            incarnation,
            former: Vec::new(),
            alive: true,
            frozen: false,
            refuses: false,
            link: None,
            said: incarnation,
            dial_at: self.t + 50,
            renewed_at: 0,
            acquired: false,
            heard_at: self.t,
        });
    }

    fn strike(&mut self, blow: &Blow) {
        self.struck_at = self.t;
        match *blow {
            Blow::Kill { name, refuses } => {
                if let Some(process) = self.alive(name) {
                    process.alive = false;
                    process.refuses = refuses;
                }
            }
            Blow::Freeze { name, frozen } => {
                self.alive(name).into_iter().for_each(|process| process.frozen = frozen);
            }
            Blow::Cut { name, cut } => {
                self.cut[name] = cut;
            }
            Blow::Start { name } => self.begin(name),
            Blow::Forge { name } => self.forge(name),
            Blow::Pause { paused } => self.pause(paused),
            Blow::Flush => {
                self.listed.clear();
                self.leases.clear();
            }
            Blow::Restart { away_ms } => self.restart(away_ms),
            Blow::Stall { ms } => self.relay_until = self.t + ms,
        }
    }

    fn alive(&mut self, name: usize) -> Option<&mut Process> {
        self.processes.iter_mut().rev().find(|process| process.name == name && process.alive)
    }

    /// Refusals of a process that answers: they must come to nothing.
    fn forge(&mut self, name: usize) {
        let now = self.now();
        let answers = |process: &Process| process.alive && !process.frozen && process.name == name;
        let forged: Vec<_> = self
            .processes
            .iter()
            .filter(|process| answers(process) && !self.cut[name])
            .filter_map(|process| process.link)
            .collect();
        for link in forged {
            (0..3).for_each(|_| self.core.refused(link, now));
        }
        self.effects();
    }

    fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if !paused {
            for effect in std::mem::take(&mut self.late) {
                self.execute(&effect);
            }
        }
    }

    fn restart(&mut self, away_ms: u64) {
        self.relay_until = self.t + away_ms;
        self.core = Liveness::new(self.start + ms(self.relay_until));
        self.links.clear();
        self.jobs.clear();
        for process in &mut self.processes {
            process.link = None;
            process.dial_at =
                self.relay_until + 50 + process.incarnation.to_bytes()[15] as u64 * 70 % 700;
        }
    }

    fn run(&mut self, time_ms: u64) {
        let end = self.t + time_ms;
        while self.t < end {
            self.t += STEP_MS;
            if self.t < self.relay_until {
                self.renewals();
                continue;
            }
            let now = self.now();
            // A relay that was away looks at the clock before it hears what has gathered.
            self.core.tick(now);
            self.effects();
            self.renewals();
            self.network();
            self.jobs();
        }
    }

    fn network(&mut self) {
        let now = self.now();
        for at in 0..self.processes.len() {
            let process = &mut self.processes[at];
            let runs = process.alive && !process.frozen;
            let reaches = !self.cut[process.name];
            let linked = process.link.filter(|link| self.links.contains_key(link));
            if let Some(link) = linked {
                if runs && reaches && process.said != process.incarnation {
                    process.said = process.incarnation;
                    self.core.hello(link, &name(NAMES[process.name]), process.said, now);
                } else if runs && reaches && self.t.is_multiple_of(250) {
                    process.heard_at = self.t;
                    self.core.heard(link, now);
                } else if !process.alive
                    && process.refuses
                    && self.t.is_multiple_of(KNOCK_EVERY.as_millis() as u64)
                {
                    self.core.refused(link, now);
                }
                if self.t > process.heard_at + IDLE_MS {
                    self.hang_up(link);
                }
            } else if runs && process.link.take().is_some() {
                process.dial_at = self.t + 100;
            } else if runs && reaches && self.t >= process.dial_at {
                self.dial(at);
            }
            self.effects();
        }
    }

    fn dial(&mut self, at: usize) {
        self.links_ever += 1;
        let (link, now) = (self.links_ever, self.now());
        self.links.insert(link, at);
        let process = &mut self.processes[at];
        process.link = Some(link);
        process.said = process.incarnation;
        process.heard_at = self.t;
        self.core.hello(link, &name(NAMES[process.name]), process.incarnation, now);
    }

    fn hang_up(&mut self, link: LinkId) {
        let now = self.now();
        self.links.remove(&link);
        self.core.lost(link, now);
    }

    fn effects(&mut self) {
        loop {
            let effects = self.core.take_effects();
            if effects.is_empty() {
                return;
            }
            effects.into_iter().for_each(|effect| self.carry_out(effect));
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Probe(link, nonce) => {
                let now = self.now();
                let Some(&at) = self.links.get(&link) else { return };
                let process = &self.processes[at];
                if process.alive && !process.frozen && !self.cut[process.name] {
                    self.core.probed(link, nonce, now);
                }
            }
            Effect::Reject(link, _, rejection) => {
                let at = self.links.get(&link).copied();
                self.hang_up(link);
                match (at, rejection) {
                    (Some(at), Rejection::NameTaken) => self.processes[at].alive = false,
                    (Some(at), Rejection::Over) => self.renew(at),
                    (_, Rejection::Foreign | Rejection::Full) => {
                        panic!("nobody lies, and nobody is many")
                    }
                    (None, _) => {}
                }
            }
            Effect::Supersede(link) | Effect::Expel(link, _) => self.hang_up(link),
            Effect::Condemn { incarnation, unless_held, .. } => {
                self.assert_may_be_condemned(incarnation, unless_held);
                self.jobs.push((self.t + 20, effect));
            }
            Effect::ReadListing | Effect::ReadLeases(_) | Effect::Purge { .. } => {
                self.jobs.push((self.t + 20, effect));
            }
            _ => {}
        }
    }

    fn assert_may_be_condemned(&self, incarnation: Incarnation, unless_held: bool) {
        for process in self.processes.iter().filter(|process| process.incarnation == incarnation) {
            let linked = process.link.is_some_and(|link| self.core.links.contains_key(&link));
            let settled = self.t > self.relay_until + 300 && self.t > self.struck_at + 300;
            let answers = process.alive && !process.frozen && !self.cut[process.name];
            assert!(!(linked && settled && answers), "a living link condemns nobody: {process:?}");
            assert!(unless_held || !process.alive || !answers, "{process:?} would have answered");
        }
    }

    /// Everything is mended, and comes to rest.
    fn heal(&mut self) {
        self.struck_at = self.t;
        self.pause(false);
        self.cut = [false; NAMES.len()];
        self.processes.iter_mut().for_each(|process| process.frozen = false);
        self.run(20_000);
    }

    fn assert_at_rest(&self) {
        let alive: Vec<_> = self.processes.iter().filter(|process| process.alive).collect();
        let nodes = self.core.nodes();
        for process in &alive {
            let seen = &nodes[&name(NAMES[process.name])];
            assert_eq!((seen.incarnation, seen.state), (process.incarnation, MemberState::Live));
            assert!(self.listed.contains_key(&process.incarnation), "{process:?} is listed");
        }
        let is_alive =
            |listed: &&Incarnation| alive.iter().any(|process| process.incarnation == **listed);
        let ghosts: Vec<_> = self.listed.keys().filter(|listed| !is_alive(listed)).collect();
        assert!(ghosts.is_empty(), "ghosts: {ghosts:?}");
    }
}

proptest! {
    #[test]
    fn the_living_are_spared_and_the_dead_are_cleared_away(
        blows in prop::collection::vec((any_blow(), 0..3_000_u64), 0..20),
    ) {
        let mut world = World::new();
        for (blow, pause_ms) in &blows {
            world.strike(blow);
            world.run(*pause_ms);
        }
        world.heal();
        world.assert_at_rest();
    }
}
