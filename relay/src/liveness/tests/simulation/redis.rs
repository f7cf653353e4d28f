//! The simulated Redis, and the commands to it.

use super::*;

const RENEW_MS: u64 = 500;
const CALL_TIMEOUT_MS: u64 = 1_000;

impl SimulatedCluster {
    /// Renews the leases of all running processes.
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

    /// A process has registered its sessions again, and purges its former incarnations.
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

    /// A process whose lease is gone starts a new incarnation.
    pub(super) fn renew(&mut self, at: usize) {
        let fresh = self.fresh();
        let process = &mut self.processes[at];
        process.former.push((process.incarnation, self.t));
        process.incarnation = fresh;
        process.acquired = false;
        self.listed.insert(fresh, name(NAMES[process.name]));
    }

    pub(super) fn calls(&mut self) {
        let (due, later) =
            std::mem::take(&mut self.calls).into_iter().partition(|&(at, _)| at <= self.t);
        self.calls = later;
        let due: Vec<(u64, DirectoryCommand)> = due;
        for (at, command) in due {
            if !self.paused {
                self.execute(&command);
                self.reply(command);
            } else if self.t >= at + CALL_TIMEOUT_MS {
                self.fail(&command);
                self.late.push(command);
            } else {
                self.calls.push((at, command));
            }
        }
        self.effects();
    }

    /// Executes a command in Redis.
    pub(super) fn execute(&mut self, command: &DirectoryCommand) {
        match command {
            DirectoryCommand::RevokeLease { incarnation, unless_held: false, .. } => {
                self.leases.retain(|_, lease| lease.holder != *incarnation);
            }
            DirectoryCommand::Purge { node, incarnation, .. } => {
                let revoked_at =
                    self.revoked.get(incarnation).expect("a purge follows a revocation");
                // A process that gets its first lease right after the revocation finds itself
                // unlisted, and lists itself again.
                let held = self.lease(node).filter(|lease| lease.holder == *incarnation);
                assert!(
                    held.is_none_or(|lease| lease.since >= *revoked_at),
                    "a purged process held its lease"
                );
                self.listed.remove(incarnation);
            }
            _ => {}
        }
    }

    fn reply(&mut self, command: DirectoryCommand) {
        let now = self.now();
        match command {
            DirectoryCommand::ReadListing => {
                let listing = self
                    .listed
                    .iter()
                    .map(|(&incarnation, node)| (incarnation, node.clone()))
                    .collect();
                self.core.listing_read(Ok(listing), now);
            }
            DirectoryCommand::ReadLeases(nodes) => {
                let lease = |node: Name| {
                    let holder =
                        self.lease(&node).map(|lease| (lease.holder, ms(lease.end - self.t)));
                    (node, holder)
                };
                let leases = nodes.into_iter().map(lease).collect();
                self.core.leases_read(Ok(leases), now);
            }
            DirectoryCommand::RevokeLease { node, incarnation, .. }
                if self.lease(&node).is_some_and(|lease| lease.holder == incarnation) =>
            {
                self.core.lease_revoked(
                    incarnation,
                    Ok(LeaseRevocation::Held { left: LEASE_TTL }),
                    now,
                );
            }
            DirectoryCommand::RevokeLease { incarnation, .. } => {
                self.revoked.insert(incarnation, self.t);
                let done = LeaseRevocation::Revoked { late_window: Duration::ZERO };
                self.core.lease_revoked(incarnation, Ok(done), now);
            }
            DirectoryCommand::Purge { incarnation, .. } => {
                self.core.purge_progressed(incarnation, PurgeProgress { removed: 1, kept: 0 }, now);
                self.core.purge_ended(incarnation, Ok(()), now);
            }
        }
    }

    fn fail(&mut self, command: &DirectoryCommand) {
        let now = self.now();
        match command {
            DirectoryCommand::ReadListing => {
                self.core.listing_read(Err(DirectoryFailure::Away), now)
            }
            DirectoryCommand::ReadLeases(_) => {
                self.core.leases_read(Err(DirectoryFailure::Away), now)
            }
            DirectoryCommand::RevokeLease { incarnation, .. } => {
                self.core.lease_revoked(*incarnation, Err(DirectoryFailure::Away), now);
            }
            DirectoryCommand::Purge { incarnation, .. } => {
                self.core.purge_ended(*incarnation, Err(DirectoryFailure::Away), now);
            }
        }
    }

    pub(super) fn lease(&self, node: &Name) -> Option<Lease> {
        self.leases.get(node).copied().filter(|lease| lease.end > self.t)
    }
}
