//! The membership, as it is announced to the nodes.

use trunkline_protocol::control::{Member, ToNode};

use super::node_registry::NodeRegistry;
use crate::liveness::Liveness;

/// The last announcement of the membership.
#[derive(Debug, Default)]
pub(super) struct MembershipEpoch {
    /// Counts the announcements.
    epoch: u64,
    /// A number of sessions changed since the last announcement.
    pub(super) sessions_changed: bool,
}

impl MembershipEpoch {
    /// Begins a new epoch, for an announcement to all nodes.
    pub(super) fn advance(&mut self) {
        self.epoch += 1;
        self.sessions_changed = false;
    }

    /// The membership now. A node that is admitted gets it within the current epoch.
    pub(super) fn members(&self, liveness: &Liveness, registry: &NodeRegistry) -> ToNode {
        let nodes = liveness.nodes().into_iter();
        let members = nodes.map(|(name, node)| {
            let reported = registry.of(node.incarnation);
            Member {
                name: name.clone(),
                incarnation: node.incarnation,
                state: node.state,
                url: reported.url,
                capacity: reported.capacity,
                sessions: reported.load.sessions,
                rebuilding: reported.load.rebuilding,
            }
        });
        ToNode::Members { epoch: self.epoch, members: members.collect() }
    }
}
