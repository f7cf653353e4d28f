use std::time::Instant;

use hashbrown::HashMap;
use trunkline_protocol::{
    Incarnation, Name,
    control::{Member, MemberState},
};

use crate::defaults::REBUILDING_BELIEVED;

/// The nodes of the cluster, as the relay last listed them.
#[derive(Debug, Default)]
pub(super) struct ClusterMembership {
    pub(super) members: Vec<Member>,
    /// The nodes that have yet to register all their users, and since when they say so.
    rebuilding: HashMap<Name, Instant>,
}

impl ClusterMembership {
    /// Takes the relay's new list. Returns the incarnations that could be reached before and cannot
    /// be any more.
    pub(super) fn update(&mut self, members: Vec<Member>, now: Instant) -> Vec<Incarnation> {
        let before = std::mem::replace(&mut self.members, members);
        let rebuilding = self.members.iter().filter(|member| member.rebuilding);
        let rebuilding: Vec<_> = rebuilding.map(|member| member.name.clone()).collect();
        self.rebuilding.retain(|name, _| rebuilding.contains(name));
        for name in rebuilding {
            self.rebuilding.entry(name).or_insert(now);
        }
        let stays = |gone: Incarnation| {
            self.members.iter().any(|member| member.incarnation == gone && is_reachable(member))
        };
        let former = before.iter().filter(|member| is_reachable(member));
        former.map(|member| member.incarnation).filter(|&former| !stays(former)).collect()
    }
}

impl ClusterMembership {
    /// Whether some node has yet to register all its users, so that a look-up may miss them. One that
    /// says so for ever is not believed.
    pub(super) fn is_rebuilding(&self, now: Instant) -> bool {
        // Almost always the map is empty.
        let mut since = self.rebuilding.values();
        since.any(|&since| now < since + REBUILDING_BELIEVED)
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
        let (mut membership, now) = (ClusterMembership::default(), Instant::now());
        let mut update = |members| membership.update(members, now);
        let [a, b, c] = [1, 2, 3].map(|byte| Incarnation::from_bytes([byte; 16]));
        let all = [1, 2, 3].map(|byte| member(byte, MemberState::Live));
        assert!(update(all.into()).is_empty());
        let changed = vec![member(1, MemberState::Dead), member(3, MemberState::Suspect)];
        assert_eq!(update(changed), [a, b]);
        assert_eq!(update(vec![member(1, MemberState::Dead)]), [c]);
        assert!(update(Vec::new()).is_empty());
    }

    #[test]
    fn one_rebuilding_node_is_enough_and_is_not_believed_for_ever() {
        let (mut membership, now) = (ClusterMembership::default(), Instant::now());
        let rebuilding = || vec![member(1, MemberState::Live), member(9, MemberState::Live)];
        membership.update(rebuilding(), now);
        assert!(membership.is_rebuilding(now));
        let later = now + REBUILDING_BELIEVED;
        membership.update(rebuilding(), later);
        assert!(!membership.is_rebuilding(later));
        membership.update(vec![member(1, MemberState::Live)], later);
        assert!(!membership.is_rebuilding(now));
        membership.update(rebuilding(), later);
        assert!(membership.is_rebuilding(later), "a new claim");
    }
}
