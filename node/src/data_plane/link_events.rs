//! Link events: what a link's tasks tell the data plane.

use std::time::Instant;

use smallvec::SmallVec;
use trunkline_link::Lane;
use trunkline_protocol::{
    Incarnation, MessageIdPrefix, Name, User, client,
    control::{Member, TracedMessage},
    lane::{BadLane, Batch, BatchKind, LoginNotice, Receipt, ReceiptStatus},
};

use super::state::DataPlaneState;
use crate::custody::{BranchResult, LocalDelivery, RefusedBatch, RelayLinkId, Target};

/// How many receipts' sends are fetched from memory at once.
const RECEIPTS_AT_ONCE: usize = 32;

impl DataPlaneState {
    /// A link is up; these are its lanes to the relay.
    pub(crate) fn link_up(&mut self, now: Instant, lanes: Vec<Lane>) -> RelayLinkId {
        let id = self.env.links.up(lanes);
        self.custody.link_up(now, &mut self.env, id);
        id
    }

    pub(crate) fn link_lost(&mut self, now: Instant, id: RelayLinkId) {
        if let Some(handed) = self.env.links.lost(id) {
            self.env.tracer.stop_all();
            self.custody.link_lost(now, &mut self.env, id, handed);
        }
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.env.links.is_up()
    }

    /// The relay has sent the list of nodes.
    pub(crate) fn set_members(&mut self, now: Instant, members: Vec<Member>) {
        self.env.tracer.set_names(&members);
        for gone in self.env.membership.update(members, now) {
            self.custody.gone(now, gone);
            self.env.links.forget(gone);
        }
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.env.membership.members
    }

    /// A batch has arrived.
    ///
    /// # Errors
    /// If its frames cannot be read, or are not what a node may send. What came before the bad frame is
    /// done, and the rest of the batch is dropped.
    pub(crate) fn batch(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        match batch.header.kind {
            BatchKind::Messages => return self.messages(now, batch),
            BatchKind::Receipts => return self.receipts(now, batch),
            BatchKind::Notices => return self.notices(now, batch),
            BatchKind::RefusedFull => self.refused(now, batch, BranchResult::Full),
            BatchKind::RefusedGone => self.refused(now, batch, BranchResult::NotReached),
        }
        Ok(())
    }

    /// A batch was malformed. Returns the name of its origin.
    pub(crate) fn count_bad_batch(&mut self, origin: Incarnation) -> Option<Name> {
        self.env.metrics.bad_batches += 1;
        let members = &self.env.membership.members;
        let member = members.iter().find(|member| member.incarnation == origin);
        member.map(|member| member.name.clone())
    }

    /// How many batches were malformed.
    pub(crate) fn bad_batches(&self) -> u64 {
        self.env.metrics.bad_batches
    }

    fn messages(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let ids = batch.header.id_incarnation;
        let id_prefix = MessageIdPrefix::of(ids);
        let origin = self.env.node.origin(batch.header.peer);
        // Messages to one recipient often come in a row.
        let (mut to, mut keys) = ("", SmallVec::new());
        for message in batch.messages() {
            let message = message?;
            // A recipient gets the body as it is: one that is no JSON value could add fields to its
            // frame.
            if !client::is_valid_body(message.body) {
                return Err(BadLane::Frames);
            }
            if message.to != to {
                (to, keys) = (message.to, self.env.delivery.sessions.of(message.to));
            }
            let route_stale = self.env.delivery.is_elsewhere(message.to, now);
            if message.traced {
                let traced = TracedMessage { id_incarnation: ids, seq: message.seq };
                self.env.tracer.start_visit(origin, traced, now, keys.len());
            }
            let delivery = &mut self.env.delivery;
            let status = match delivery.deliver(&keys, origin, &id_prefix, &message, route_stale) {
                LocalDelivery::Waiting => continue,
                LocalDelivery::Full => ReceiptStatus::Full,
                LocalDelivery::Nobody => {
                    self.report_stale(message.to);
                    ReceiptStatus::NotHere
                }
            };
            let receipt = Receipt { seq: message.seq, status, route_stale, missed: 0 };
            self.env.delivery.receipts.push_back((origin, receipt));
        }
        Ok(())
    }

    /// The directory names this node for a user who has no session here.
    fn report_stale(&mut self, user: &str) {
        let user: User = user.parse().expect("the frame's decoder has checked it");
        if !self.env.delivery.sessions.has(&user) {
            self.registrar.report_stale(&user);
        }
    }

    fn receipts(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let node = batch.header.peer;
        if batch.header.traced {
            let is_among = |seq| batch.receipts().flatten().any(|receipt| receipt.seq == seq);
            self.env.tracer.record_return(node, now, is_among);
        }
        let mut receipts = batch.receipts().peekable();
        while receipts.peek().is_some() {
            let group: SmallVec<[_; RECEIPTS_AT_ONCE]> =
                receipts.by_ref().take(RECEIPTS_AT_ONCE).collect();
            self.custody.prefetch(group.iter().flatten().map(|receipt| receipt.seq));
            for receipt in group {
                self.custody.answered(now, &mut self.env, Target::Node(node), receipt?);
            }
        }
        Ok(())
    }

    /// A batch of messages has come back.
    fn refused(&mut self, now: Instant, batch: Batch<'_>, result: BranchResult) {
        let header = batch.header;
        let seqs = header.first..=header.first.saturating_add(header.span.into());
        if header.traced {
            self.env.tracer.record_return(header.peer, now, |seq| seqs.contains(&seq));
        }
        let refused = RefusedBatch {
            // The tasks that read a link's lanes end with it, so this came by the link that is up.
            link: self.env.links.last,
            destination: header.peer,
            number: header.batch,
            seqs,
            result,
        };
        self.custody.refused(now, &mut self.env, refused);
    }

    fn notices(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        for notice in batch.notices() {
            let LoginNotice { user, replaces } = notice?;
            let sessions = self.env.delivery.sessions.of(user);
            if sessions.is_empty() {
                continue;
            }
            let user: User = user.parse().expect("the frame's decoder has checked it");
            if replaces {
                self.replacements.note(user.clone(), batch.header.peer, sessions);
            }
            self.env.delivery.note_elsewhere(user, now);
        }
        Ok(())
    }
}
