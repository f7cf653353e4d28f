//! What the link asks of the state.

use std::time::Instant;

use smallvec::SmallVec;
use trunkline_link::Lane;
use trunkline_protocol::{
    MessageIdPrefix, User,
    client::close,
    control::{Member, MemberState, TracedMessage},
    lane::{BadLane, Batch, BatchHeader, BatchKind, LoginNotice, Message, Receipt, ReceiptStatus},
};

use super::{DataPlaneState, sessions::SessionKey};
use crate::custody::{BranchResult, LocalDelivery, RefusedBatch, Target};

/// How many receipts' sends are fetched from memory at once.
const RECEIPTS_AT_ONCE: usize = 32;

/// What a test message says.
const TEST_BODY: &[u8] = br#"{"trunkline":"a test message"}"#;

impl DataPlaneState {
    pub(crate) fn link_up(&mut self, now: Instant, lanes: Vec<Lane>) {
        let link = self.floor.batches.link_up(lanes);
        self.custody.link_up(now, &mut self.floor, link);
    }

    pub(crate) fn link_lost(&mut self, now: Instant) {
        self.floor.tracer.lose();
        if let Some((link, handed)) = self.floor.batches.link_lost() {
            self.custody.link_lost(now, &mut self.floor, link, handed);
        }
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.floor.batches.is_up()
    }

    /// A batch has arrived.
    pub(crate) fn batch(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let header = batch.header;
        let seqs = header.first..=header.first.saturating_add(header.span.into());
        let refused = |result| RefusedBatch {
            // The tasks that read a link's lanes end with it, so this came by the link that is up.
            link: self.floor.batches.link(),
            destination: header.peer,
            number: header.batch,
            seqs,
            result,
        };
        let refused = match header.kind {
            BatchKind::Messages => return self.messages(now, batch),
            BatchKind::Receipts => return self.receipts(now, batch),
            BatchKind::Notices => return self.notices(now, batch),
            BatchKind::RefusedFull => refused(BranchResult::Full),
            BatchKind::RefusedGone => refused(BranchResult::NotReached),
        };
        if header.traced {
            let concerns = |seq| refused.seqs.contains(&seq);
            self.floor.tracer.came_back(now, refused.destination, concerns);
        }
        self.custody.refused(now, &mut self.floor, refused);
        Ok(())
    }

    fn messages(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let BatchHeader { peer: origin, ids, .. } = batch.header;
        let written_ids = MessageIdPrefix::of(ids);
        // Messages to one recipient often come in a row.
        let (mut to, mut keys) = ("", SmallVec::new());
        for message in batch.messages() {
            let message = message?;
            if message.to != to {
                (to, keys) = (message.to, self.floor.sessions.of(message.to));
            }
            let route_stale = self.floor.is_elsewhere(message.to, now);
            if message.traced {
                let message = TracedMessage { id_incarnation: ids, seq: message.seq };
                self.floor.tracer.arrived(origin, message, now, keys.len());
            }
            let status =
                match self.floor.deliver(&keys, origin, &written_ids, &message, route_stale) {
                    LocalDelivery::Waiting => continue,
                    LocalDelivery::Full => ReceiptStatus::Full,
                    LocalDelivery::Nobody => {
                        self.report_stale(message.to);
                        ReceiptStatus::NotHere
                    }
                };
            let seq = message.seq;
            self.floor.answer(origin, Receipt { seq, status, route_stale, missed: 0 });
        }
        Ok(())
    }

    /// Somebody was told that a user is here who is not.
    fn report_stale(&mut self, user: &str) {
        let user: User = user.parse().expect("the frame's decoder has checked it");
        if !self.floor.sessions.has(&user) {
            self.registrar.report_stale(&user);
        }
    }

    fn receipts(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let party = Target::Node(batch.header.peer);
        if batch.header.traced {
            let concerns = |seq| batch.receipts().flatten().any(|receipt| receipt.seq == seq);
            self.floor.tracer.came_back(now, batch.header.peer, concerns);
        }
        let mut receipts = batch.receipts().peekable();
        while receipts.peek().is_some() {
            let group: SmallVec<[_; RECEIPTS_AT_ONCE]> =
                receipts.by_ref().take(RECEIPTS_AT_ONCE).collect();
            self.custody.prefetch(group.iter().flatten().map(|receipt| receipt.seq));
            for receipt in group {
                self.custody.answered(now, &mut self.floor, party, receipt?);
            }
        }
        Ok(())
    }

    fn notices(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        for notice in batch.notices() {
            let LoginNotice { user, replaces } = notice?;
            let Some((user, sessions)) = self.floor.sessions.user(user) else { continue };
            self.floor.note_elsewhere(user, now);
            for key in sessions.into_iter().filter(|_| replaces) {
                self.end_session(key, close::REPLACED, "replaced by a newer session elsewhere");
                self.log_out(key);
            }
        }
        Ok(())
    }

    /// The relay has told who the nodes are.
    pub(crate) fn set_members(&mut self, now: Instant, members: Vec<Member>) {
        let reachable =
            |member: &Member| !matches!(member.state, MemberState::Dead | MemberState::Left);
        let stays = |gone: &Member| {
            members.iter().any(|member| member.incarnation == gone.incarnation && reachable(member))
        };
        let before = std::mem::take(&mut self.members);
        for gone in before.iter().filter(|member| reachable(member) && !stays(member)) {
            self.custody.gone(now, gone.incarnation);
            self.floor.batches.forget(gone.incarnation);
        }
        self.floor.rebuilding = members.iter().any(|member| member.rebuilding);
        self.floor.tracer.name(&members);
        self.members = members;
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Sends a user a test message of an operator's, and follows it.
    pub(crate) fn test(&mut self, now: Instant, number: u64, user: &User, from: &User) {
        let seq = self.custody.next_seq();
        let message = Message {
            seq,
            traced: true,
            sent_at_ms: self.floor.now_ms,
            to: user.as_str(),
            from: from.as_str(),
            body: TEST_BODY,
        };
        let sender = SessionKey::nobody(number as u32);
        let sent = self.floor.messages.write(sender, now, "", &message);
        self.floor.counters.accepted += 1;
        let traced = self.floor.traced(seq);
        self.floor.tracer.begin(number, user, traced, now);
        self.custody.accept(now, &mut self.floor, user.as_str(), sent);
    }

    /// Ends every session of a user, by an operator's command.
    pub(crate) fn end_user(&mut self, user: &User) -> usize {
        let sessions = self.floor.sessions.of(user.as_str());
        for &key in &sessions {
            self.end_session(key, close::ENDED, "ended by an operator");
        }
        sessions.len()
    }
}
