use trunkline_protocol::{
    Incarnation, Outcome,
    lane::{MESSAGE_LANES, ReceiptStatus},
};

/// One link to a relay, from its handshake to its loss.
///
/// The number of a link is never used again. So a batch of a lost link cannot be mistaken for one
/// of the link that replaced it, and custody has nothing to mark when a link is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayLinkId(pub u32);

impl RelayLinkId {
    /// The link that is opened after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Where a branch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This node's own sessions.
    Local,
    /// The sessions of another node.
    Node(Incarnation),
}

/// How a branch ended. When several have, the greatest decides the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BranchResult {
    /// The user has no session there.
    NotHere,
    /// The node could not be reached; nothing was handed over.
    NotReached,
    /// A queue on the way was full.
    Full,
    /// It may have arrived.
    Maybe,
    /// A session's socket took every byte.
    Taken,
}

impl BranchResult {
    /// Whether a further try could deliver the message twice, or would only meet a full queue.
    pub(super) fn is_final(self) -> bool {
        self >= Self::Full
    }

    /// Whether a session may have received the message.
    pub(super) fn may_have_arrived(self) -> bool {
        self >= Self::Maybe
    }

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::NotHere => Outcome::Offline,
            Self::NotReached => Outcome::Unreachable,
            Self::Full => Outcome::Busy,
            Self::Maybe => Outcome::Unconfirmed,
            Self::Taken => Outcome::Delivered,
        }
    }
}

impl From<ReceiptStatus> for BranchResult {
    fn from(status: ReceiptStatus) -> Self {
        match status {
            ReceiptStatus::Taken => Self::Taken,
            ReceiptStatus::Full => Self::Full,
            ReceiptStatus::NotHere => Self::NotHere,
            ReceiptStatus::Maybe => Self::Maybe,
        }
    }
}

/// One message on its way to one target, until it has a [`BranchResult`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Branch {
    /// In the buffers of this node's own sessions.
    Local,
    /// In a batch to another node, or beyond.
    Remote { node: Incarnation, link: RelayLinkId, lane: u8, batch: u32 },
}

impl Branch {
    pub(super) fn target(&self) -> Target {
        match *self {
            Self::Local => Target::Local,
            Self::Remote { node, .. } => Target::Node(node),
        }
    }

    /// Like comparing [`Self::target`], but without building one: each receipt asks this.
    pub(super) fn goes_to(&self, target: Target) -> bool {
        match self {
            Self::Local => matches!(target, Target::Local),
            Self::Remote { node, .. } => matches!(target, Target::Node(other) if other == *node),
        }
    }

    pub(super) fn is_in_batch(
        &self,
        destination: Incarnation,
        via: RelayLinkId,
        number: u32,
    ) -> bool {
        matches!(*self, Self::Remote { node, link, batch, .. }
            if (node, link, batch) == (destination, via, number))
    }

    /// Whether its batch surely never left this node, because `lost` went down while QUIC had only
    /// taken the batches up to `handed` of each lane.
    pub(super) fn is_unsent(&self, lost: RelayLinkId, handed: &[u32; MESSAGE_LANES]) -> bool {
        match *self {
            // Batch numbers wrap around, so they are compared by their distance.
            Self::Remote { link, lane, batch, .. } if link == lost => {
                batch.wrapping_sub(handed[usize::from(lane)]).cast_signed() > 0
            }
            Self::Remote { .. } | Self::Local => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_later_batches_of_lost_link_are_unsent() {
        let link = RelayLinkId(7);
        let node = Incarnation::from_bytes([1; 16]);
        let branch = |lane, batch| Branch::Remote { node, link, lane, batch };
        let mut handed = [0; MESSAGE_LANES];
        handed[1] = u32::MAX;
        assert!(branch(1, 0).is_unsent(link, &handed), "numbers wrap around");
        assert!(!branch(1, u32::MAX).is_unsent(link, &handed));
        assert!(branch(0, 1).is_unsent(link, &handed), "each lane has its own");
        assert!(!branch(1, 0).is_unsent(link.next(), &handed));
        assert!(!Branch::Local.is_unsent(link, &handed));
    }
}
