//! What links do: signs of life, farewells, losses, and the kernel's refusals.

use std::time::Instant;

use trunkline_protocol::Incarnation;

use super::{
    Effect, LinkId, Liveness,
    life::{Life, Round, Stage, Tie, Work},
};

impl Liveness {
    /// A link's node said something.
    pub(crate) fn heard(&mut self, link: LinkId, now: Instant) {
        let Some((incarnation, life)) = self.linked(link) else { return };
        life.last_sign = now;
        life.round = None;
        withdraw(life);
        self.refresh(incarnation, now);
    }

    /// A link's node answered a probe.
    pub(crate) fn probed(&mut self, link: LinkId, nonce: u64, now: Instant) {
        self.heard(link, now);
        self.keep_name(link, nonce);
    }

    /// A link's node takes no new sessions.
    pub(crate) fn draining(&mut self, link: LinkId, now: Instant) {
        let Some((incarnation, life)) = self.linked(link) else { return };
        life.draining = true;
        self.refresh(incarnation, now);
    }

    /// A link's node has left.
    pub(crate) fn bye(&mut self, link: LinkId, now: Instant) {
        let Some((incarnation, life)) = self.linked(link) else { return };
        life.stage = Stage::Left { since: now };
        self.lost(link, now);
        self.refresh(incarnation, now);
    }

    /// A link is gone: admitted, waiting for its name, or forgotten before.
    pub(crate) fn lost(&mut self, link: LinkId, now: Instant) {
        self.claims.retain(|_, claim| claim.link != link);
        let Some(incarnation) = self.links.remove(&link) else { return };
        if let Some(life) = self.lives.get_mut(&incarnation)
            && life.link() == Some(link)
        {
            life.tie = Tie::Lost { since: now };
            life.round = None;
        }
        self.refresh(incarnation, now);
        self.settle_claims(now);
    }

    /// The kernel of a link's node says that nobody listens on the node's port.
    pub(crate) fn refused(&mut self, link: LinkId, now: Instant) {
        let Some((_, life)) = self.linked(link) else { return };
        if !matches!(life.stage, Stage::Watched) {
            return;
        }
        match &mut life.round {
            Some(round) => round.refusals = round.refusals.saturating_add(1),
            None => {
                life.round = Some(Round { since: now, refusals: 1, probes: 1, probed: now });
                self.probe(link);
            }
        }
    }

    /// Asks a link for a sign of life; returns the number of the probe.
    pub(super) fn probe(&mut self, link: LinkId) -> u64 {
        self.nonce += 1;
        self.effects.push(Effect::Probe(link, self.nonce));
        self.nonce
    }

    fn linked(&mut self, link: LinkId) -> Option<(Incarnation, &mut Life)> {
        let incarnation = *self.links.get(&link)?;
        Some((incarnation, self.lives.get_mut(&incarnation)?))
    }
}

/// Takes a verdict back that is not being carried out.
pub(super) fn withdraw(life: &mut Life) {
    if let Stage::Judged(verdict) = life.stage
        && verdict.work != Work::Running
    {
        life.stage = verdict.withdrawn();
    }
}
