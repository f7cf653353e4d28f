//! The world's Redis, and what is said to it.

use super::*;

const RENEW_MS: u64 = 500;
const CALL_TIMEOUT_MS: u64 = 1_000;

impl World {
    /// What the processes say to Redis.
    pub(super) fn renewals(&mut self) {
        for at in 0..self.processes.len() {
            let process = &mut self.processes[at];
            let due = self.t >= process.renewed_at + RENEW_MS;
            if process.alive && !process.frozen && !self.paused && due {
                process.renewed_at = self.t;
                self.forget_former(at);
                self.renewal(at);
            }
        }
    }

    /// A process has registered anew, and clears its former incarnations away.
    fn forget_former(&mut self, at: usize) {
        let over = |&(_, since): &(Incarnation, u64)| self.t > since + 3_000;
        for (former, _) in self.processes[at].former.extract_if(.., |former| over(former)) {
            self.listed.remove(&former);
        }
    }

    fn renewal(&mut self, at: usize) {
        let node = name(NAMES[self.processes[at].name]);
        let lease = self.lease(&node);
        let process = &mut self.processes[at];
        let own = process.incarnation;
        self.listed.insert(own, node.clone());
        if lease.map_or(!process.acquired, |lease| lease.holder == own) {
            process.acquired = true;
            let since = lease.map_or(self.t, |lease| lease.since);
            let end = self.t + LEASE_TTL.as_millis() as u64;
            self.leases.insert(node, Lease { holder: own, since, end });
        } else if process.acquired {
            self.renew(at);
        }
    }

    /// A process whose lease is gone takes another incarnation.
    pub(super) fn renew(&mut self, at: usize) {
        let fresh = self.fresh();
        let process = &mut self.processes[at];
        process.former.push((process.incarnation, self.t));
        process.incarnation = fresh;
        process.acquired = false;
        self.listed.insert(fresh, name(NAMES[process.name]));
    }

    pub(super) fn jobs(&mut self) {
        let (due, later) =
            std::mem::take(&mut self.jobs).into_iter().partition(|&(at, _)| at <= self.t);
        self.jobs = later;
        let due: Vec<(u64, Effect)> = due;
        for (at, effect) in due {
            if !self.paused {
                self.execute(&effect);
                self.reply(effect);
            } else if self.t >= at + CALL_TIMEOUT_MS {
                self.fail(&effect);
                self.late.push(effect);
            } else {
                self.jobs.push((at, effect));
            }
        }
        self.effects();
    }

    /// What Redis does.
    pub(super) fn execute(&mut self, effect: &Effect) {
        match effect {
            Effect::Condemn { incarnation, unless_held: false, .. } => {
                self.leases.retain(|_, lease| lease.holder != *incarnation);
            }
            Effect::Purge { node, incarnation, .. } => {
                let verdict = self.condemned.get(incarnation).expect("a purge follows a verdict");
                // Who gets its first lease right after the verdict finds itself unlisted, and
                // lists itself again.
                let held = self.lease(node).filter(|lease| lease.holder == *incarnation);
                assert!(held.is_none_or(|lease| lease.since >= *verdict), "it has its lease");
                self.listed.remove(incarnation);
            }
            _ => {}
        }
    }

    fn reply(&mut self, effect: Effect) {
        let now = self.now();
        match effect {
            Effect::ReadListing => {
                let listing: Vec<_> = self
                    .listed
                    .iter()
                    .map(|(&incarnation, node)| (incarnation, node.clone()))
                    .collect();
                self.core.listed(Ok(&listing), now);
            }
            Effect::ReadLeases(nodes) => {
                let lease = |node: Name| {
                    let holder =
                        self.lease(&node).map(|lease| (lease.holder, ms(lease.end - self.t)));
                    (node, holder)
                };
                let leases: Vec<_> = nodes.into_iter().map(lease).collect();
                self.core.leases(Ok(&leases), now);
            }
            Effect::Condemn { node, incarnation, .. }
                if self.lease(&node).is_some_and(|lease| lease.holder == incarnation) =>
            {
                self.core.condemned(incarnation, Ok(Condemnation::Held { left: LEASE_TTL }), now);
            }
            Effect::Condemn { incarnation, .. } => {
                self.condemned.insert(incarnation, self.t);
                let done = Condemnation::Done { settle: Duration::ZERO };
                self.core.condemned(incarnation, Ok(done), now);
            }
            Effect::Purge { incarnation, .. } => {
                self.core.purging(incarnation, Cleared { removed: 1, kept: 0 }, now);
                self.core.purged(incarnation, Ok(()), now);
            }
            _ => {}
        }
    }

    fn fail(&mut self, effect: &Effect) {
        let now = self.now();
        match effect {
            Effect::ReadListing => self.core.listed(Err(Failed::Away), now),
            Effect::ReadLeases(_) => self.core.leases(Err(Failed::Away), now),
            Effect::Condemn { incarnation, .. } => {
                self.core.condemned(*incarnation, Err(Failed::Away), now);
            }
            Effect::Purge { incarnation, .. } => {
                self.core.purged(*incarnation, Err(Failed::Away), now);
            }
            _ => {}
        }
    }

    pub(super) fn lease(&self, node: &Name) -> Option<Lease> {
        self.leases.get(node).copied().filter(|lease| lease.end > self.t)
    }
}
