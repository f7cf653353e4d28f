//! Merges the events of several clocks into one timeline.

use std::time::Instant;

use trunkline_protocol::{
    Name,
    status::{Hop, TraceEvent},
};

use crate::switch::HopKind;

/// An event, as its node reported it.
#[derive(Clone, Debug)]
pub(super) struct TimedEvent {
    /// Microseconds since that node first saw the message.
    pub(super) after_us: u64,
    pub(super) what: TraceEvent,
}

/// The message, or a receipt for it, passed this relay's switch.
#[derive(Clone, Debug)]
pub(super) struct RelayHop {
    pub(super) at: Instant,
    /// The node that the message is for, or that the receipt is from.
    pub(super) node: Name,
    pub(super) kind: HopKind,
}

/// What is known about a message from others than the node that accepted it.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    pub(super) origin: &'a Name,
    pub(super) relay: &'a Name,
    /// The relay's hops, in order.
    pub(super) relay_hops: Vec<RelayHop>,
    /// The events that other nodes reported, in order.
    pub(super) others: Vec<(Name, TimedEvent)>,
}

impl Timeline<'_> {
    /// All hops in order. `own` are the events of the node that accepted the message: its clock is
    /// the trace's. What happened elsewhere is placed so that the way there takes as long as the way
    /// back, because no two clocks can be compared.
    pub(super) fn hops(mut self, own: &[TimedEvent]) -> Vec<Hop> {
        let mut hops = Vec::new();
        for (at, event) in own.iter().enumerate() {
            hops.push(hop(self.origin, event.after_us, event.what.clone()));
            if let TraceEvent::Batched { to, .. } = &event.what {
                let back = own[at..].iter().find(|event| came_back_from(&event.what, to));
                let branch = BranchTimes {
                    node: to,
                    left_us: event.after_us,
                    back_us: back.map(|event| event.after_us),
                };
                self.add_branch(&branch, &mut hops);
            }
        }
        hops.sort_by_key(|hop| hop.after_us);
        hops
    }

    fn add_branch(&mut self, branch: &BranchTimes<'_>, hops: &mut Vec<Hop>) {
        let &BranchTimes { node, left_us, back_us } = branch;
        let Some(there) = self.take_relay_hop(node, false) else { return };
        let to = node.clone();
        let HopKind::Forwarded { behind_bytes } = there.kind else {
            let full = there.kind == HopKind::RejectedFull;
            let away_us = back_us.map_or(0, |back| back.saturating_sub(left_us));
            let what = TraceEvent::Rejected { to, full };
            return hops.push(hop(self.relay, left_us + away_us / 2, what));
        };
        let back = self.take_relay_hop(node, true);
        let arrived = self.take_event(node, |what| matches!(what, TraceEvent::Arrived { .. }));
        let answered = self.take_event(node, |what| matches!(what, TraceEvent::Answered { .. }));

        // The time between the relay's two hops is measured; the rest of the round trip was spent on
        // the origin's own link.
        let beyond_us = back.as_ref().map(|back| micros(there.at, back.at));
        let near_us = half_of_rest(back_us.map(|back| back - left_us), beyond_us);
        let passed_us = left_us + near_us;
        hops.push(hop(self.relay, passed_us, TraceEvent::Passed { to, behind_bytes }));

        let stay_us = answered.as_ref().map(|answered| answered.after_us);
        let arrived_us = passed_us + half_of_rest(beyond_us, stay_us);
        hops.extend(arrived.map(|event| hop(node, arrived_us, event.what)));
        hops.extend(answered.map(|event| hop(node, arrived_us + event.after_us, event.what)));
        if let Some(beyond_us) = beyond_us {
            let what = TraceEvent::ReceiptPassed { from: node.clone() };
            hops.push(hop(self.relay, passed_us + beyond_us, what));
        }
    }

    fn take_relay_hop(&mut self, node: &Name, is_receipt: bool) -> Option<RelayHop> {
        let fits = |hop: &RelayHop| {
            hop.node == *node && (hop.kind == HopKind::ReceiptForwarded) == is_receipt
        };
        self.relay_hops.iter().position(fits).map(|at| self.relay_hops.remove(at))
    }

    fn take_event(
        &mut self,
        node: &Name,
        fits: impl Fn(&TraceEvent) -> bool,
    ) -> Option<TimedEvent> {
        let fits = |(at, event): &(Name, TimedEvent)| at == node && fits(&event.what);
        self.others.iter().position(fits).map(|at| self.others.remove(at).1)
    }
}

/// When the message left for one node, and when that node's answer came back, by the origin's clock.
struct BranchTimes<'a> {
    node: &'a Name,
    left_us: u64,
    back_us: Option<u64>,
}

fn came_back_from(what: &TraceEvent, node: &Name) -> bool {
    matches!(what, TraceEvent::CameBack { from } if from == node)
}

fn hop(at: &Name, after_us: u64, what: TraceEvent) -> Hop {
    Hop { at: at.clone(), after_us, what }
}

fn micros(from: Instant, to: Instant) -> u64 {
    to.saturating_duration_since(from).as_micros() as u64
}

/// How long one way took, if the round trip and what lies between are known.
fn half_of_rest(whole_us: Option<u64>, part_us: Option<u64>) -> u64 {
    let rest = |(whole, part): (u64, u64)| whole.saturating_sub(part) / 2;
    whole_us.zip(part_us).map_or(0, rest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline_protocol::lane::ReceiptStatus;

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn event(after_us: u64, what: TraceEvent) -> TimedEvent {
        TimedEvent { after_us, what }
    }

    fn times(hops: &[Hop]) -> Vec<(&str, u64)> {
        hops.iter().map(|hop| (hop.at.as_str(), hop.after_us)).collect()
    }

    #[test]
    fn hops_elsewhere_are_centred_in_the_round_trip() {
        let (one, two, relay) = (name("node-1"), name("node-2"), name("relay-1"));
        let own = [
            event(0, TraceEvent::Accepted),
            event(100, TraceEvent::Batched { to: two.clone(), lane: 3 }),
            event(1_100, TraceEvent::CameBack { from: two.clone() }),
        ];
        let seen = Instant::now();
        let relay_hop = |after_us, kind| RelayHop {
            at: seen + Duration::from_micros(after_us),
            node: two.clone(),
            kind,
        };
        let answered = TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 };
        let timeline = Timeline {
            origin: &one,
            relay: &relay,
            relay_hops: vec![
                relay_hop(0, HopKind::Forwarded { behind_bytes: 0 }),
                relay_hop(600, HopKind::ReceiptForwarded),
            ],
            others: vec![
                (two.clone(), event(0, TraceEvent::Arrived { sessions: 1 })),
                (two.clone(), event(200, answered)),
            ],
        };
        let hops = timeline.hops(&own);
        let expected = [
            ("node-1", 0),
            ("node-1", 100),
            ("relay-1", 300),
            ("node-2", 500),
            ("node-2", 700),
            ("relay-1", 900),
            ("node-1", 1_100),
        ];
        assert_eq!(times(&hops), expected);
    }

    #[test]
    fn unanswered_message_is_traced_as_far_as_it_went() {
        let (one, two, relay) = (name("node-1"), name("node-2"), name("relay-1"));
        let own = [
            event(0, TraceEvent::Accepted),
            event(50, TraceEvent::Batched { to: two.clone(), lane: 0 }),
        ];
        let there = HopKind::Forwarded { behind_bytes: 9 };
        let timeline = Timeline {
            origin: &one,
            relay: &relay,
            relay_hops: vec![RelayHop { at: Instant::now(), node: two.clone(), kind: there }],
            others: vec![(two.clone(), event(0, TraceEvent::Arrived { sessions: 1 }))],
        };
        let hops = timeline.hops(&own);
        assert_eq!(times(&hops), [("node-1", 0), ("node-1", 50), ("relay-1", 50), ("node-2", 50)]);
    }

    #[test]
    fn rejected_and_retried_message_has_both_hops() {
        let (one, two, relay) = (name("node-1"), name("node-2"), name("relay-1"));
        let batched = || TraceEvent::Batched { to: two.clone(), lane: 0 };
        let back = || TraceEvent::CameBack { from: two.clone() };
        let own = [event(0, batched()), event(20, back()), event(40, batched()), event(80, back())];
        let relay_hop = |kind| RelayHop { at: Instant::now(), node: two.clone(), kind };
        let timeline = Timeline {
            origin: &one,
            relay: &relay,
            relay_hops: vec![relay_hop(HopKind::RejectedGone), relay_hop(HopKind::RejectedFull)],
            others: Vec::new(),
        };
        let rejected = |full| TraceEvent::Rejected { to: two.clone(), full };
        let hops = timeline.hops(&own);
        assert_eq!((hops[1].after_us, &hops[1].what), (10, &rejected(false)));
        assert_eq!((hops[4].after_us, &hops[4].what), (60, &rejected(true)));
    }
}
