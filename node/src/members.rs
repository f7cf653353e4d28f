//! The nodes that a refused client may try instead.

use trunkline_protocol::{
    Incarnation,
    control::{Member, MemberState},
};

use crate::{advertise::check_url, defaults::FREE_SLOTS_COUNTED_MAX};

/// How many nodes a refusal names at most.
const NAMED_MAX: usize = 8;

/// The URLs of live nodes with free slots, without the node that was `asked`. They are drawn with
/// the free slots as weights, so that a crowd of refused clients fills the cluster evenly.
pub(crate) fn with_room(members: &[Member], asked: Incarnation) -> Vec<String> {
    let mut keyed: Vec<_> = members
        .iter()
        .filter(|member| member.state == MemberState::Live && member.sessions < member.capacity)
        .filter(|member| member.incarnation != asked)
        .map(|member| {
            let free = member.capacity - member.sessions;
            (draw(free.min(FREE_SLOTS_COUNTED_MAX)), &member.url)
        })
        .collect();
    keyed.sort_unstable_by(|(left, _), (right, _)| right.total_cmp(left));
    // A node that was taken over may claim anything: what clients cannot dial is not passed on.
    let urls = keyed.into_iter().map(|(_, url)| url).filter(|url| check_url(url).is_ok());
    urls.take(NAMED_MAX).cloned().collect()
}

/// A key for drawing without replacement by weight: Efraimidis and Spirakis, "Weighted random
/// sampling with a reservoir", 2006.
fn draw(weight: u32) -> f64 {
    fastrand::f64().powf(1.0 / f64::from(weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, state: MemberState, sessions: u32) -> Member {
        Member {
            name: name.parse().unwrap(),
            incarnation: Incarnation::fresh(),
            state,
            url: format!("ws://{name}/ws"),
            capacity: 100,
            sessions,
            rebuilding: false,
        }
    }

    #[test]
    fn only_live_nodes_with_free_slots_are_named() {
        let members = [
            member("full", MemberState::Live, 100),
            member("leaving", MemberState::Draining, 0),
            member("silent", MemberState::Suspect, 0),
            member("room", MemberState::Live, 99),
        ];
        assert_eq!(with_room(&members, Incarnation::fresh()), ["ws://room/ws"]);
        assert!(with_room(&[], Incarnation::fresh()).is_empty());
    }

    #[test]
    fn claims_of_a_node_are_bounded() {
        let mut greedy = member("greedy", MemberState::Live, 0);
        greedy.capacity = u32::MAX;
        let mut wrong = member("wrong", MemberState::Live, 0);
        wrong.url = "javascript:alert(1)".to_owned();
        let mut honest = member("honest", MemberState::Live, 0);
        honest.capacity = FREE_SLOTS_COUNTED_MAX;
        let members = [greedy, wrong, honest];
        let named = || with_room(&members, Incarnation::fresh());
        assert!((0..100).map(|_| named()).all(|urls| urls.len() == 2));
        let first = (0..2_000).filter(|_| named()[0] == "ws://honest/ws").count();
        // 1,000 are expected, with a standard deviation of 22.
        assert!((850..1_150).contains(&first), "{first} of 2000");
    }

    #[test]
    fn free_slots_weigh_the_draw() {
        let members =
            [member("little", MemberState::Live, 90), member("much", MemberState::Live, 10)];
        let much = (0..2_000)
            .filter(|_| with_room(&members, Incarnation::fresh())[0] == "ws://much/ws")
            .count();
        // 1,800 are expected, with a standard deviation of 13.
        assert!((1_700..1_950).contains(&much), "{much} of 2000");
    }
}
