mod rules;
mod simulation;

use std::time::{Duration, Instant};

use trunkline_directory::defaults::LEASE_TTL;
use trunkline_link::defaults::{HEARTBEAT, SILENCE};
use trunkline_protocol::{Incarnation, Name, control::MemberState, status::EventKind};

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The core, its clock, and a Redis that answers at once.
struct Harness {
    core: Liveness,
    now: Instant,
    effects: Vec<LivenessEffect>,
    redis: bool,
    listed: Vec<(Incarnation, Name)>,
    leases: Vec<(Name, Incarnation)>,
    /// Links whose nodes send heartbeats.
    alive: Vec<LinkId>,
    /// Links whose machines refuse datagrams.
    refusing: Vec<LinkId>,
}

impl Harness {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            core: Liveness::new(now),
            now,
            effects: Vec::new(),
            redis: true,
            listed: Vec::new(),
            leases: Vec::new(),
            alive: Vec::new(),
            refusing: Vec::new(),
        }
    }

    /// A core that has run for a while.
    fn warmed_up() -> Self {
        let mut harness = Self::new();
        harness.pass(ms(5_000));
        harness.effects.clear();
        harness
    }

    /// A node that is linked, listed, and has its lease.
    fn node(&mut self, link: LinkId, node: &str, number: u8) {
        self.listed.push((incarnation(number), name(node)));
        self.leases.retain(|(other, _)| *other != name(node));
        self.leases.push((name(node), incarnation(number)));
        self.alive.push(link);
        self.core.hello(link, &name(node), incarnation(number), self.now);
        self.run_effects();
    }

    fn dies(&mut self, link: LinkId) {
        self.alive.retain(|&other| other != link);
    }

    fn lease_lapses(&mut self, node: &str) {
        self.leases.retain(|(other, _)| *other != name(node));
    }

    /// Lets time pass in the steps of the relay's clock.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let before = self.now;
            self.now += if self.core.is_probing() { ms(10) } else { ms(50) };
            self.signs(before);
            self.core.tick(self.now);
            self.run_effects();
        }
    }

    fn signs(&mut self, before: Instant) {
        let passed = |every: Duration, since: Instant| {
            (self.now - since).as_millis() / every.as_millis()
                > (before - since).as_millis() / every.as_millis()
        };
        let start = self.core.listening_since;
        if before > start && passed(HEARTBEAT, start) {
            self.alive.iter().for_each(|&link| self.core.heard(link, self.now));
        }
        if before > start && passed(crate::defaults::PROBE_DATAGRAM_EVERY, start) {
            self.refusing.iter().for_each(|&link| self.core.connection_refused(link, self.now));
        }
    }

    /// Records all effects, and answers them for Redis and for living nodes.
    fn run_effects(&mut self) {
        loop {
            let effects = self.core.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.effects.push(effect.clone());
                self.answer(effect);
            }
        }
    }

    fn answer(&mut self, effect: LivenessEffect) {
        match effect {
            LivenessEffect::Directory(command) => self.execute(command),
            LivenessEffect::Probe(link, nonce) if self.alive.contains(&link) => {
                self.core.probe_answered(link, nonce, self.now);
            }
            _ => {}
        }
    }

    fn execute(&mut self, command: DirectoryCommand) {
        let (now, redis) = (self.now, self.redis);
        match command {
            DirectoryCommand::ReadListing => {
                let listing = redis.then(|| self.listed.clone()).ok_or(DirectoryFailure::Away);
                self.core.listing_read(listing, now);
            }
            DirectoryCommand::ReadLeases(nodes) => {
                let lease = |node: Name| {
                    let held = self.leases.iter().find(|(other, _)| *other == node);
                    (node, held.map(|&(_, holder)| (holder, LEASE_TTL)))
                };
                let leases = nodes.into_iter().map(lease).collect();
                let leases = redis.then_some(leases).ok_or(DirectoryFailure::Away);
                self.core.leases_read(leases, now);
            }
            DirectoryCommand::RevokeLease { node, incarnation, unless_held } => {
                let held = self.leases.contains(&(node, incarnation));
                let result = match (redis, held) {
                    (false, _) => Err(DirectoryFailure::Away),
                    (true, true) if unless_held => Ok(LeaseRevocation::Held { left: LEASE_TTL }),
                    (true, _) => {
                        self.leases.retain(|&(_, holder)| holder != incarnation);
                        let late_window = if held { LEASE_TTL } else { Duration::ZERO };
                        Ok(LeaseRevocation::Revoked { late_window })
                    }
                };
                self.core.lease_revoked(incarnation, result, now);
            }
            DirectoryCommand::Purge { .. } => {}
        }
    }

    /// Redis has purged an incarnation.
    fn purge_ends(&mut self, number: u8, removed: u64) {
        let ended = incarnation(number);
        self.listed.retain(|&(listed, _)| listed != ended);
        self.core.purge_progressed(ended, PurgeProgress { removed, kept: 0 }, self.now);
        self.core.purge_ended(ended, Ok(()), self.now);
        self.run_effects();
    }

    fn count(&self, wanted: impl Fn(&LivenessEffect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    fn is_lease_revoked(&self, number: u8) -> bool {
        let wanted = |effect: &LivenessEffect| {
            matches!(effect, LivenessEffect::Directory(DirectoryCommand::RevokeLease { incarnation: of, .. })
                if *of == incarnation(number))
        };
        self.count(wanted) > 0
    }

    fn purges(&self, number: u8) -> usize {
        self.count(|effect| {
            matches!(effect, LivenessEffect::Directory(DirectoryCommand::Purge { incarnation: of, .. })
                if *of == incarnation(number))
        })
    }

    fn reported(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.count(|effect| matches!(effect, LivenessEffect::Report { kind, .. } if wanted(kind)))
    }

    fn state(&self, node: &str) -> Option<MemberState> {
        Some(self.core.nodes().get(&name(node))?.state)
    }
}
