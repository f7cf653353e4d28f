use trunkline_protocol::{Incarnation, MessageIdPrefix, Name, control::TracedMessage};

use super::delivery::MessageOrigin;

/// Who this node is, and was.
#[derive(Debug)]
pub(super) struct NodeIdentity {
    pub(super) name: Name,
    incarnation: Incarnation,
    /// The incarnations this process had before.
    former: Vec<Incarnation>,
    /// The process's first incarnation. It stays in the ids of its messages.
    id_incarnation: Incarnation,
    /// The ids of these messages, as clients see them.
    pub(super) id_prefix: MessageIdPrefix,
}

impl NodeIdentity {
    pub(super) fn new(name: Name, incarnation: Incarnation) -> Self {
        Self {
            name,
            incarnation,
            former: Vec::new(),
            id_incarnation: incarnation,
            id_prefix: MessageIdPrefix::of(incarnation),
        }
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Returns the former incarnation.
    pub(super) fn reincarnate(&mut self, incarnation: Incarnation) -> Incarnation {
        let former = std::mem::replace(&mut self.incarnation, incarnation);
        self.former.push(former);
        former
    }

    /// Whether `incarnation` is this process, now or before.
    pub(super) fn is_own(&self, incarnation: Incarnation) -> bool {
        incarnation == self.incarnation || self.former.contains(&incarnation)
    }

    pub(super) fn origin(&self, incarnation: Incarnation) -> MessageOrigin {
        if self.is_own(incarnation) {
            MessageOrigin::Local
        } else {
            MessageOrigin::Remote(incarnation)
        }
    }

    /// The id of a message that was accepted here, for its trace.
    pub(super) fn traced(&self, seq: u64) -> TracedMessage {
        TracedMessage { id_incarnation: self.id_incarnation, seq }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_incarnations_stay_local_and_in_message_ids() {
        let [first, second, other] = [1, 2, 3].map(|byte| Incarnation::from_bytes([byte; 16]));
        let mut node = NodeIdentity::new("node-1".parse().unwrap(), first);
        node.reincarnate(second);
        assert_eq!(node.incarnation(), second);
        assert_eq!(
            (node.origin(first), node.origin(second)),
            (MessageOrigin::Local, MessageOrigin::Local)
        );
        assert_eq!(node.origin(other), MessageOrigin::Remote(other));
        assert_eq!(node.traced(7).id_incarnation, first);
    }
}
