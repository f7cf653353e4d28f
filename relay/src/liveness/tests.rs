mod rules;
mod world;

use std::time::{Duration, Instant};

use trunkline_directory::defaults::LEASE_TTL;
use trunkline_link::defaults::{HEARTBEAT, SILENCE};
use trunkline_protocol::{Incarnation, Name, control::MemberState, status::EventKind};

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn life(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The core, its clock, and a Redis that answers at once.
struct Court {
    core: Liveness,
    now: Instant,
    effects: Vec<Effect>,
    redis: bool,
    listed: Vec<(Incarnation, Name)>,
    leases: Vec<(Name, Incarnation)>,
    /// Links whose nodes send heartbeats.
    alive: Vec<LinkId>,
    /// Links whose machines refuse.
    refusing: Vec<LinkId>,
}

impl Court {
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

    /// A court that has been in session for a while.
    fn settled() -> Self {
        let mut court = Self::new();
        court.pass(ms(5_000));
        court.effects.clear();
        court
    }

    /// A node that is linked, listed, and has its lease.
    fn node(&mut self, link: LinkId, node: &str, number: u8) {
        self.listed.push((life(number), name(node)));
        self.leases.retain(|(other, _)| *other != name(node));
        self.leases.push((name(node), life(number)));
        self.alive.push(link);
        self.core.hello(link, &name(node), life(number), self.now);
        self.take();
    }

    fn dies(&mut self, link: LinkId) {
        self.alive.retain(|&other| other != link);
    }

    fn lease_lapses(&mut self, node: &str) {
        self.leases.retain(|(other, _)| *other != name(node));
    }

    /// Lets time pass in the steps that the hub takes.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let before = self.now;
            self.now += if self.core.is_in_round() { ms(10) } else { ms(50) };
            self.signs(before);
            self.core.tick(self.now);
            self.take();
        }
    }

    fn signs(&mut self, before: Instant) {
        let passed = |every: Duration, since: Instant| {
            (self.now - since).as_millis() / every.as_millis()
                > (before - since).as_millis() / every.as_millis()
        };
        let start = self.core.awake;
        if before > start && passed(HEARTBEAT, start) {
            self.alive.iter().for_each(|&link| self.core.heard(link, self.now));
        }
        if before > start && passed(crate::defaults::KNOCK_EVERY, start) {
            self.refusing.iter().for_each(|&link| self.core.refused(link, self.now));
        }
    }

    /// Lets Redis and the living answer, and takes down all effects.
    fn take(&mut self) {
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

    fn answer(&mut self, effect: Effect) {
        let (now, redis) = (self.now, self.redis);
        match effect {
            Effect::ReadListing => {
                let listing = redis.then_some(&self.listed[..]).ok_or(Failed::Away);
                self.core.listed(listing, now);
            }
            Effect::ReadLeases(nodes) => {
                let lease = |node: Name| {
                    let held = self.leases.iter().find(|(other, _)| *other == node);
                    (node, held.map(|&(_, holder)| (holder, LEASE_TTL)))
                };
                let leases: Vec<_> = nodes.into_iter().map(lease).collect();
                self.core.leases(redis.then_some(&leases[..]).ok_or(Failed::Away), now);
            }
            Effect::Condemn { node, incarnation, unless_held } => {
                let held = self.leases.contains(&(node, incarnation));
                let result = match (redis, held) {
                    (false, _) => Err(Failed::Away),
                    (true, true) if unless_held => Ok(Condemnation::Held { left: LEASE_TTL }),
                    (true, _) => {
                        self.leases.retain(|&(_, holder)| holder != incarnation);
                        let settle = if held { LEASE_TTL } else { Duration::ZERO };
                        Ok(Condemnation::Done { settle })
                    }
                };
                self.core.condemned(incarnation, result, now);
            }
            Effect::Probe(link, nonce) if self.alive.contains(&link) => {
                self.core.probed(link, nonce, now);
            }
            _ => {}
        }
    }

    /// Redis has cleared an incarnation away.
    fn purge_ends(&mut self, number: u8, removed: u64) {
        self.listed.retain(|&(listed, _)| listed != life(number));
        self.core.purging(life(number), Cleared { removed, kept: 0 }, self.now);
        self.core.purged(life(number), Ok(()), self.now);
        self.take();
    }

    fn count(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    fn condemned(&self, number: u8) -> bool {
        let wanted = |effect: &Effect| matches!(effect, Effect::Condemn { incarnation, .. } if *incarnation == life(number));
        self.count(wanted) > 0
    }

    fn purges(&self, number: u8) -> usize {
        self.count(|effect| matches!(effect, Effect::Purge { incarnation, .. } if *incarnation == life(number)))
    }

    fn told(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.count(|effect| matches!(effect, Effect::Tell { kind, .. } if wanted(kind)))
    }

    fn state(&self, node: &str) -> Option<MemberState> {
        Some(self.core.nodes().get(&name(node))?.state)
    }
}
