//! The core in a simulated cluster: processes that are killed, frozen and cut off, a Redis that
//! pauses and is flushed, a relay that restarts and stalls; and the invariants that hold throughout.

mod redis;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::defaults::PROBE_DATAGRAM_EVERY;

const STEP_MS: u64 = 10;
const NAMES: [&str; 3] = ["a", "b", "c"];
/// quinn closes an idle connection after this time.
const IDLE_MS: u64 = 5_000;

/// A fault, or the end of one.
#[derive(Clone, Debug)]
enum Fault {
    /// A process ends; its machine refuses datagrams, or is gone too.
    Kill { name: usize, refuses: bool },
    /// A process is frozen, or continues.
    Freeze { name: usize, frozen: bool },
    /// A process is cut off from the relay, or reconnected.
    Cut { name: usize, cut: bool },
    /// A process is started under a name that may still be taken.
    Start { name: usize },
    /// Connection-refused signals are forged.
    Forge { name: usize },
    /// Redis executes nothing until it continues; then it executes the commands of the pause.
    Pause { paused: bool },
    /// Redis loses all data.
    Flush,
    /// The relay is down for a while, and starts without state.
    Restart { away_ms: u64 },
    /// The relay stalls.
    Stall { ms: u64 },
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let name = 0..NAMES.len();
    prop_oneof![
        3 => (name.clone(), any::<bool>()).prop_map(|(name, refuses)| Fault::Kill { name, refuses }),
        3 => name.clone().prop_map(|name| Fault::Start { name }),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, frozen)| Fault::Freeze { name, frozen }),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, cut)| Fault::Cut { name, cut }),
        1 => name.prop_map(|name| Fault::Forge { name }),
        2 => any::<bool>().prop_map(|paused| Fault::Pause { paused }),
        1 => Just(Fault::Flush),
        1 => (0..4_000_u64).prop_map(|away_ms| Fault::Restart { away_ms }),
        1 => (0..4_000_u64).prop_map(|ms| Fault::Stall { ms }),
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
    /// The incarnation that its link announced last.
    announced: Incarnation,
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

struct SimulatedCluster {
    t: u64,
    start: Instant,
    core: Liveness,
    relay_until: u64,
    processes: Vec<Process>,
    /// The relay's connections, and their processes.
    links: BTreeMap<LinkId, usize>,
    links_ever: LinkId,
    incarnations_ever: u64,
    cut: [bool; NAMES.len()],
    /// When the last fault was injected.
    changed_at: u64,
    paused: bool,
    listed: BTreeMap<Incarnation, Name>,
    leases: BTreeMap<Name, Lease>,
    /// Commands on their way to Redis, and when they arrive.
    calls: Vec<(u64, DirectoryCommand)>,
    /// Commands that timed out during a pause.
    late: Vec<DirectoryCommand>,
    /// Whose lease was revoked, and when.
    revoked: BTreeMap<Incarnation, u64>,
}

impl SimulatedCluster {
    fn new() -> Self {
        let start = Instant::now();
        let mut cluster = Self {
            t: 0,
            start,
            core: Liveness::new(start),
            relay_until: 0,
            processes: Vec::new(),
            links: BTreeMap::new(),
            links_ever: 0,
            incarnations_ever: 0,
            cut: [false; NAMES.len()],
            changed_at: 0,
            paused: false,
            listed: BTreeMap::new(),
            leases: BTreeMap::new(),
            calls: Vec::new(),
            late: Vec::new(),
            revoked: BTreeMap::new(),
        };
        (0..NAMES.len()).for_each(|name| cluster.start_process(name));
        cluster.run(3_000);
        cluster
    }

    fn now(&self) -> Instant {
        self.start + ms(self.t)
    }

    fn fresh(&mut self) -> Incarnation {
        self.incarnations_ever += 1;
        Incarnation::from_bytes(u128::from(self.incarnations_ever).to_be_bytes())
    }

    fn start_process(&mut self, name: usize) {
        let incarnation = self.fresh();
        self.processes.push(Process {
            name,
            incarnation,
            former: Vec::new(),
            alive: true,
            frozen: false,
            refuses: false,
            link: None,
            announced: incarnation,
            dial_at: self.t + 50,
            renewed_at: 0,
            acquired: false,
            heard_at: self.t,
        });
    }

    fn inject(&mut self, fault: &Fault) {
        self.changed_at = self.t;
        match *fault {
            Fault::Kill { name, refuses } => {
                if let Some(process) = self.alive(name) {
                    process.alive = false;
                    process.refuses = refuses;
                }
            }
            Fault::Freeze { name, frozen } => {
                self.alive(name).into_iter().for_each(|process| process.frozen = frozen);
            }
            Fault::Cut { name, cut } => {
                self.cut[name] = cut;
            }
            Fault::Start { name } => self.start_process(name),
            Fault::Forge { name } => self.forge(name),
            Fault::Pause { paused } => self.pause(paused),
            Fault::Flush => {
                self.listed.clear();
                self.leases.clear();
            }
            Fault::Restart { away_ms } => self.restart(away_ms),
            Fault::Stall { ms } => self.relay_until = self.t + ms,
        }
    }

    fn alive(&mut self, name: usize) -> Option<&mut Process> {
        self.processes.iter_mut().rev().find(|process| process.name == name && process.alive)
    }

    /// Refusals of a process that answers probes: it must survive them.
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
            (0..3).for_each(|_| self.core.connection_refused(link, now));
        }
        self.effects();
    }

    fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if !paused {
            for command in std::mem::take(&mut self.late) {
                self.execute(&command);
            }
        }
    }

    fn restart(&mut self, away_ms: u64) {
        self.relay_until = self.t + away_ms;
        self.core = Liveness::new(self.start + ms(self.relay_until));
        self.links.clear();
        self.calls.clear();
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
            // After a stall, the clock runs before the messages of the stall arrive.
            self.core.tick(now);
            self.effects();
            self.renewals();
            self.network();
            self.calls();
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
                if runs && reaches && process.announced != process.incarnation {
                    process.announced = process.incarnation;
                    self.core.hello(link, &name(NAMES[process.name]), process.announced, now);
                } else if runs && reaches && self.t.is_multiple_of(250) {
                    process.heard_at = self.t;
                    self.core.heard(link, now);
                } else if !process.alive
                    && process.refuses
                    && self.t.is_multiple_of(PROBE_DATAGRAM_EVERY.as_millis() as u64)
                {
                    self.core.connection_refused(link, now);
                }
                if self.t > process.heard_at + IDLE_MS {
                    self.disconnect(link);
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
        process.announced = process.incarnation;
        process.heard_at = self.t;
        self.core.hello(link, &name(NAMES[process.name]), process.incarnation, now);
    }

    fn disconnect(&mut self, link: LinkId) {
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

    fn carry_out(&mut self, effect: LivenessEffect) {
        match effect {
            LivenessEffect::Probe(link, nonce) => {
                let now = self.now();
                let Some(&at) = self.links.get(&link) else { return };
                let process = &self.processes[at];
                if process.alive && !process.frozen && !self.cut[process.name] {
                    self.core.probe_answered(link, nonce, now);
                }
            }
            LivenessEffect::Reject(link, _, rejection) => {
                let at = self.links.get(&link).copied();
                self.disconnect(link);
                match (at, rejection) {
                    (Some(at), LinkRejection::NameTaken) => self.processes[at].alive = false,
                    (Some(at), LinkRejection::IncarnationOver) => self.renew(at),
                    (_, LinkRejection::ForeignIncarnation | LinkRejection::RelayFull) => {
                        panic!("no process claims a foreign incarnation, and there is room")
                    }
                    (None, _) => {}
                }
            }
            LivenessEffect::Supersede(link) | LivenessEffect::Evict(link, _) => {
                self.disconnect(link)
            }
            LivenessEffect::Directory(command) => {
                if let DirectoryCommand::RevokeLease { incarnation, unless_held, .. } = command {
                    self.assert_may_die(incarnation, unless_held);
                }
                self.calls.push((self.t + 20, command));
            }
            _ => {}
        }
    }

    fn assert_may_die(&self, incarnation: Incarnation, unless_held: bool) {
        for process in self.processes.iter().filter(|process| process.incarnation == incarnation) {
            let linked = process.link.is_some_and(|link| self.core.links.contains_key(&link));
            let is_stable = self.t > self.relay_until + 300 && self.t > self.changed_at + 300;
            let answers = process.alive && !process.frozen && !self.cut[process.name];
            assert!(
                !(linked && is_stable && answers),
                "a node with a living link must not die: {process:?}"
            );
            assert!(
                unless_held || !process.alive || !answers,
                "{process:?} would have answered its probes"
            );
        }
    }

    /// Ends all faults, and lets the cluster run to quiescence.
    fn recover(&mut self) {
        self.changed_at = self.t;
        self.pause(false);
        self.cut = [false; NAMES.len()];
        self.processes.iter_mut().for_each(|process| process.frozen = false);
        self.run(20_000);
    }

    fn assert_consistent(&self) {
        let alive: Vec<_> = self.processes.iter().filter(|process| process.alive).collect();
        let nodes = self.core.nodes();
        for process in &alive {
            let seen = &nodes[&name(NAMES[process.name])];
            assert_eq!((seen.incarnation, seen.state), (process.incarnation, MemberState::Live));
            assert!(self.listed.contains_key(&process.incarnation), "{process:?} is listed");
        }
        let is_alive =
            |listed: &&Incarnation| alive.iter().any(|process| process.incarnation == **listed);
        let stale: Vec<_> = self.listed.keys().filter(|listed| !is_alive(listed)).collect();
        assert!(stale.is_empty(), "stale incarnations: {stale:?}");
    }
}

proptest! {
    #[test]
    fn living_nodes_survive_and_dead_ones_are_purged(
        faults in prop::collection::vec((any_fault(), 0..3_000_u64), 0..20),
    ) {
        let mut cluster = SimulatedCluster::new();
        for (fault, pause_ms) in &faults {
            cluster.inject(fault);
            cluster.run(*pause_ms);
        }
        cluster.recover();
        cluster.assert_consistent();
    }
}
