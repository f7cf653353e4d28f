use trunkline_protocol::{control::MemberState, status::NodeStatus};

use super::{
    counters::{Counter, Rates},
    finding::Severity,
    node_health::check_node,
};
use crate::defaults::NODE_FAILING_SHARE;

/// What is wrong with a node, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NodeProblem {
    /// It was declared dead.
    Dead,
    /// It is silent.
    Suspect,
    /// Every slot is taken: nobody can log in.
    Full,
    /// More than [`NODE_FAILING_SHARE`] of its sends fail.
    Failing,
    /// Something else that is a warning, see [`check_node`].
    Degraded,
}

impl NodeProblem {
    /// The problem of a node, if it has one.
    pub(crate) fn of(node: &NodeStatus, rates: &Rates) -> Option<Self> {
        match node.state {
            MemberState::Dead => Some(Self::Dead),
            MemberState::Suspect => Some(Self::Suspect),
            MemberState::Live if is_full(node) => Some(Self::Full),
            MemberState::Live | MemberState::Draining if is_failing(rates) => Some(Self::Failing),
            _ => check_node(node, rates)
                .is_some_and(|finding| finding.severity >= Severity::Warning)
                .then_some(Self::Degraded),
        }
    }

    /// The problem in a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Suspect => "suspect",
            Self::Full => "full",
            Self::Failing => "failing",
            Self::Degraded => "degraded",
        }
    }

    /// How much it matters.
    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::Dead | Self::Full | Self::Failing => Severity::Bad,
            Self::Suspect | Self::Degraded => Severity::Warning,
        }
    }
}

fn is_full(node: &NodeStatus) -> bool {
    node.capacity > 0 && node.load.slots.max(node.load.sessions) >= node.capacity
}

/// A send to a user who is offline has not failed.
fn is_failing(rates: &Rates) -> bool {
    let failed = rates.not_delivered() - rates[Counter::Offline];
    failed > NODE_FAILING_SHARE * (rates[Counter::Delivered] + rates.not_delivered())
}

/// The rank of a node in a list that shows problems first.
pub(crate) fn urgency(node: &NodeStatus, rates: &Rates) -> u8 {
    match (NodeProblem::of(node, rates), node.state) {
        (Some(problem), _) => problem as u8,
        (None, MemberState::Draining) => 5,
        (None, MemberState::Joining) => 6,
        (None, MemberState::Left) => 8,
        (None, _) => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{generated::Cluster, state::SnapshotHistory};

    fn problems(before: &Cluster, now: &Cluster) -> Vec<Option<NodeProblem>> {
        let mut history = SnapshotHistory::default();
        history.push(before.now());
        history.push(now.now());
        let status = history.status_at(1);
        status.nodes().map(|(node, rates)| NodeProblem::of(node, rates)).collect()
    }

    #[test]
    fn full_and_failing_nodes_are_problems() {
        let (before, mut cluster) = (Cluster::of(4), Cluster::of(4));
        cluster.step(500);
        cluster.kill(0);
        cluster.node_mut(1).load.slots = 500;
        let outcomes = &mut cluster.node_mut(2).load.outcomes;
        outcomes.unreachable = outcomes.delivered / 50;
        let expected =
            [Some(NodeProblem::Dead), Some(NodeProblem::Full), Some(NodeProblem::Failing), None];
        assert_eq!(problems(&before, &cluster), expected);
    }

    #[test]
    fn offline_recipients_are_no_failure() {
        let (before, mut cluster) = (Cluster::of(1), Cluster::of(1));
        cluster.step(500);
        cluster.node_mut(0).load.outcomes.offline = 1_000_000;
        assert_eq!(problems(&before, &cluster), [None]);
    }
}
