//! Admission, and who holds a name. Of two living processes with one name, the incumbent stays.

use std::time::Instant;

use trunkline_protocol::{Incarnation, Name};

use super::{
    core::{Liveness, NameClaim},
    effect::{LinkId, LinkRejection, LivenessEffect},
    incarnation_record::{IncarnationRecord, LinkState, Stage},
};
use crate::defaults::{CLAIM_TIMEOUT, INCARNATIONS_MAX};

impl Liveness {
    /// A link's node says which incarnation it is: at its start, and again after each change.
    pub(crate) fn hello(
        &mut self,
        link: LinkId,
        node: &Name,
        incarnation: Incarnation,
        now: Instant,
    ) {
        if let Some(rejection) = self.rejection(node, incarnation) {
            self.effects.push(LivenessEffect::Reject(link, incarnation, rejection));
        } else if let Some(&former) = self.links.get(&link) {
            self.change_incarnation(link, former, incarnation, now);
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

    /// The holder of a name answered the probe of a claim: it keeps the name.
    pub(super) fn confirm_incumbent(&mut self, incumbent: LinkId, nonce: u64) {
        let effects = &mut self.effects;
        self.claims.retain(|_, claim| {
            let is_confirmed = claim.incumbent == incumbent && claim.nonce == nonce;
            if is_confirmed {
                let rejection = LinkRejection::NameTaken;
                effects.push(LivenessEffect::Reject(claim.link, claim.incarnation, rejection));
            }
            !is_confirmed
        });
    }

    /// Admits claimants whose incumbent did not answer in time, or is gone.
    pub(super) fn resolve_claims(&mut self, now: Instant) {
        let links = &self.links;
        let resolved = self
            .claims
            .extract_if(.., |_, claim| now >= claim.until || !links.contains_key(&claim.incumbent));
        for (node, claim) in resolved.collect::<Vec<_>>() {
            self.supersede(claim.incumbent, now);
            self.admit(claim.link, &node, claim.incarnation, now);
        }
    }

    fn rejection(&self, node: &Name, incarnation: Incarnation) -> Option<LinkRejection> {
        let Some(record) = self.incarnations.get(&incarnation) else {
            let is_full = self.incarnations.len() >= INCARNATIONS_MAX;
            return is_full.then_some(LinkRejection::RelayFull);
        };
        if record.node != *node {
            return Some(LinkRejection::ForeignIncarnation);
        }
        let is_over = matches!(record.stage, Stage::Dead(_) | Stage::Left { .. });
        is_over.then_some(LinkRejection::IncarnationOver)
    }

    fn holder(&self, node: &Name) -> Option<(Incarnation, LinkId)> {
        let mut of_node = self.incarnations.iter().filter(|(_, record)| record.node == *node);
        of_node.find_map(|(&incarnation, record)| Some((incarnation, record.link()?)))
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
            self.effects.push(LivenessEffect::Reject(link, incarnation, LinkRejection::NameTaken));
            return;
        }
        let nonce = self.probe(incumbent);
        let until = now + CLAIM_TIMEOUT;
        self.claims.insert(node.clone(), NameClaim { link, incarnation, incumbent, nonce, until });
    }

    fn admit(&mut self, link: LinkId, node: &Name, incarnation: Incarnation, now: Instant) {
        self.bind(link, node, incarnation, now);
        self.effects.push(LivenessEffect::Admit(link));
        self.refresh(incarnation, now);
    }

    /// The node on a link has changed to another incarnation. It purges the former one itself, after
    /// it has registered its sessions under the new one.
    fn change_incarnation(
        &mut self,
        link: LinkId,
        former: Incarnation,
        incarnation: Incarnation,
        now: Instant,
    ) {
        if former == incarnation {
            return;
        }
        let Some(record) = self.incarnations.get_mut(&former) else { return };
        record.lose_link(now);
        record.abandoned = Some((now, link));
        let (node, draining) = (record.node.clone(), record.draining);
        self.bind(link, &node, incarnation, now).draining = draining;
        self.effects.push(LivenessEffect::Readdress(link, incarnation));
        self.refresh(incarnation, now);
    }

    fn bind(
        &mut self,
        link: LinkId,
        node: &Name,
        incarnation: Incarnation,
        now: Instant,
    ) -> &mut IncarnationRecord {
        self.links.insert(link, incarnation);
        let new = || IncarnationRecord::new(node.clone(), now);
        let record = self.incarnations.entry(incarnation).or_insert_with(new);
        record.link_state = LinkState::Linked(link);
        record.last_sign = now;
        record.abandoned = None;
        record.spare();
        record
    }

    fn supersede(&mut self, incumbent: LinkId, now: Instant) {
        let Some(incarnation) = self.links.remove(&incumbent) else { return };
        self.effects.push(LivenessEffect::Supersede(incumbent));
        if let Some(record) = self.incarnations.get_mut(&incarnation) {
            record.lose_link(now);
        }
    }
}
