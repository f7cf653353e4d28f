use trunkline_protocol::{
    Incarnation,
    control::{Member, MemberState},
};

/// The nodes of the cluster, as the relay last listed them.
#[derive(Debug, Default)]
pub(super) struct ClusterMembership {
    pub(super) members: Vec<Member>,
    /// Some node has yet to register all its users, so a look-up may miss them.
    pub(super) rebuilding: bool,
}

impl ClusterMembership {
    /// Takes the relay's new list. Returns the incarnations that could be reached before and cannot
    /// be any more.
    pub(super) fn update(&mut self, members: Vec<Member>) -> Vec<Incarnation> {
        let before = std::mem::replace(&mut self.members, members);
        self.rebuilding = self.members.iter().any(|member| member.rebuilding);
        let stays = |gone: Incarnation| {
            self.members.iter().any(|member| member.incarnation == gone && is_reachable(member))
        };
        let former = before.iter().filter(|member| is_reachable(member));
        former.map(|member| member.incarnation).filter(|&former| !stays(former)).collect()
    }
}

fn is_reachable(member: &Member) -> bool {
    !matches!(member.state, MemberState::Dead | MemberState::Left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(byte: u8, state: MemberState) -> Member {
        Member {
            name: "node-1".parse().unwrap(),
            incarnation: Incarnation::from_bytes([byte; 16]),
            state,
            url: String::new(),
            capacity: 1,
            sessions: 0,
            rebuilding: byte == 9,
        }
    }

    #[test]
    fn node_is_gone_once_when_it_is_dead_or_no_longer_listed() {
        let mut membership = ClusterMembership::default();
        let [a, b, c] = [1, 2, 3].map(|byte| Incarnation::from_bytes([byte; 16]));
        let all = [1, 2, 3].map(|byte| member(byte, MemberState::Live));
        assert!(membership.update(all.into()).is_empty());
        let changed = vec![member(1, MemberState::Dead), member(3, MemberState::Suspect)];
        assert_eq!(membership.update(changed), [a, b]);
        assert_eq!(membership.update(vec![member(1, MemberState::Dead)]), [c]);
        assert!(membership.update(Vec::new()).is_empty());
    }

    #[test]
    fn one_rebuilding_node_is_enough() {
        let mut membership = ClusterMembership::default();
        membership.update(vec![member(1, MemberState::Live), member(9, MemberState::Live)]);
        assert!(membership.rebuilding);
        membership.update(vec![member(1, MemberState::Live)]);
        assert!(!membership.rebuilding);
    }
}
