//! What links report: signs of life, departures, losses, and connection-refused signals.

use std::time::Instant;

use trunkline_protocol::Incarnation;

use super::{
    core::Liveness,
    effect::LinkId,
    incarnation_record::{IncarnationRecord, ProbeRound, Stage},
};

impl Liveness {
    /// A message came from a link's node.
    pub(crate) fn heard(&mut self, link: LinkId, now: Instant) {
        let Some((incarnation, record)) = self.linked(link) else { return };
        record.last_sign = now;
        record.probe_round = None;
        record.spare();
        self.refresh(incarnation, now);
    }

    /// A link's node answered a probe.
    pub(crate) fn probe_answered(&mut self, link: LinkId, nonce: u64, now: Instant) {
        self.heard(link, now);
        self.confirm_incumbent(link, nonce);
    }

    /// A link's node accepts no new sessions.
    pub(crate) fn draining(&mut self, link: LinkId, now: Instant) {
        let Some((incarnation, record)) = self.linked(link) else { return };
        record.draining = true;
        self.refresh(incarnation, now);
    }

    /// A link's node has left.
    pub(crate) fn left(&mut self, link: LinkId, now: Instant) {
        let Some((incarnation, record)) = self.linked(link) else { return };
        record.stage = Stage::Left { since: now };
        self.lost(link, now);
        self.refresh(incarnation, now);
    }

    /// A link is gone. It may have been admitted, waiting for its name, or superseded.
    pub(crate) fn lost(&mut self, link: LinkId, now: Instant) {
        self.claims.retain(|_, claim| claim.link != link);
        let Some(incarnation) = self.links.remove(&link) else { return };
        if let Some(record) = self.incarnations.get_mut(&incarnation)
            && record.link() == Some(link)
        {
            record.lose_link(now);
        }
        self.refresh(incarnation, now);
        self.resolve_claims(now);
    }

    /// The kernel of a link's node says that no process has the node's port any more.
    pub(crate) fn connection_refused(&mut self, link: LinkId, now: Instant) {
        let Some((_, record)) = self.linked(link) else { return };
        if !matches!(record.stage, Stage::Watched) {
            return;
        }
        match &mut record.probe_round {
            Some(round) => round.refusals = round.refusals.saturating_add(1),
            None => {
                record.probe_round =
                    Some(ProbeRound { since: now, refusals: 1, probes: 1, probed: now });
                self.probe(link);
            }
        }
    }

    fn linked(&mut self, link: LinkId) -> Option<(Incarnation, &mut IncarnationRecord)> {
        let incarnation = *self.links.get(&link)?;
        Some((incarnation, self.incarnations.get_mut(&incarnation)?))
    }
}
