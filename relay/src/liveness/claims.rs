//! Who has a name. Of two living processes with one name, the one that has it stays.

use std::time::Instant;

use trunkline_protocol::{Incarnation, Name};

use super::{
    Effect, LinkId, Liveness, Rejection,
    life::{Life, Stage, Tie},
    links::withdraw,
};
use crate::defaults::{CLAIM_TIMEOUT, LIVES_MAX};

/// A link that wants a name which another link has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) link: LinkId,
    incarnation: Incarnation,
    incumbent: LinkId,
    nonce: u64,
    until: Instant,
}

impl Liveness {
    /// A link's node says which life it is in: at its start, or again when it has taken another.
    pub(crate) fn hello(
        &mut self,
        link: LinkId,
        node: &Name,
        incarnation: Incarnation,
        now: Instant,
    ) {
        if let Some(rejection) = self.objection(node, incarnation) {
            self.effects.push(Effect::Reject(link, incarnation, rejection));
        } else if let Some(&former) = self.links.get(&link) {
            self.renew(link, former, incarnation, now);
        } else if let Some((holder, incumbent)) = self.holder(node) {
            if holder == incarnation {
                self.supersede(incumbent, now);
                self.admit(link, node, incarnation, now);
            } else {
                self.claim(link, node, incarnation, incumbent, now);
            }
        } else {
            self.admit(link, node, incarnation, now);
        }
    }

    /// The holder of a name answered its probe.
    pub(super) fn keep_name(&mut self, incumbent: LinkId, nonce: u64) {
        let effects = &mut self.effects;
        self.claims.retain(|_, claim| {
            let kept = claim.incumbent == incumbent && claim.nonce == nonce;
            if kept {
                effects.push(Effect::Reject(claim.link, claim.incarnation, Rejection::NameTaken));
            }
            !kept
        });
    }

    /// Lets those in whose incumbent did not answer in time, or is gone.
    pub(super) fn settle_claims(&mut self, now: Instant) {
        let links = &self.links;
        let settled = self
            .claims
            .extract_if(.., |_, claim| now >= claim.until || !links.contains_key(&claim.incumbent));
        for (node, claim) in settled.collect::<Vec<_>>() {
            self.supersede(claim.incumbent, now);
            self.admit(claim.link, &node, claim.incarnation, now);
        }
    }

    fn objection(&self, node: &Name, incarnation: Incarnation) -> Option<Rejection> {
        let Some(life) = self.lives.get(&incarnation) else {
            return (self.lives.len() >= LIVES_MAX).then_some(Rejection::Full);
        };
        if life.node != *node {
            return Some(Rejection::Foreign);
        }
        matches!(life.stage, Stage::Dead(_) | Stage::Left { .. }).then_some(Rejection::Over)
    }

    fn holder(&self, node: &Name) -> Option<(Incarnation, LinkId)> {
        let mut tied = self.lives.iter().filter(|(_, life)| life.node == *node);
        tied.find_map(|(&incarnation, life)| Some((incarnation, life.link()?)))
    }

    fn claim(
        &mut self,
        link: LinkId,
        node: &Name,
        incarnation: Incarnation,
        incumbent: LinkId,
        now: Instant,
    ) {
        if self.claims.contains_key(node) {
            self.effects.push(Effect::Reject(link, incarnation, Rejection::NameTaken));
            return;
        }
        let nonce = self.probe(incumbent);
        let until = now + CLAIM_TIMEOUT;
        self.claims.insert(node.clone(), Claim { link, incarnation, incumbent, nonce, until });
    }

    fn admit(&mut self, link: LinkId, node: &Name, incarnation: Incarnation, now: Instant) {
        self.tie(link, node, incarnation, now);
        self.effects.push(Effect::Admit(link));
        self.refresh(incarnation, now);
    }

    /// The node on a link has taken another incarnation. What is left of the former one it clears
    /// away itself, when it has registered its sessions under the new one.
    fn renew(&mut self, link: LinkId, former: Incarnation, incarnation: Incarnation, now: Instant) {
        if former == incarnation {
            return;
        }
        let Some(life) = self.lives.get_mut(&former) else { return };
        life.tie = Tie::Lost { since: now };
        life.renounced = Some((now, link));
        life.round = None;
        let node = life.node.clone();
        let draining = life.draining;
        self.tie(link, &node, incarnation, now).draining = draining;
        self.effects.push(Effect::Readdress(link, incarnation));
        self.refresh(incarnation, now);
    }

    fn tie(
        &mut self,
        link: LinkId,
        node: &Name,
        incarnation: Incarnation,
        now: Instant,
    ) -> &mut Life {
        self.links.insert(link, incarnation);
        let life = self.lives.entry(incarnation).or_insert_with(|| Life::new(node.clone(), now));
        life.tie = Tie::Up(link);
        life.last_sign = now;
        life.renounced = None;
        withdraw(life);
        life
    }

    fn supersede(&mut self, incumbent: LinkId, now: Instant) {
        let Some(incarnation) = self.links.remove(&incumbent) else { return };
        self.effects.push(Effect::Supersede(incumbent));
        if let Some(life) = self.lives.get_mut(&incarnation) {
            life.tie = Tie::Lost { since: now };
            life.round = None;
        }
    }
}
