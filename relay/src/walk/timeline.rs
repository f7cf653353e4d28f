//! One line of time from the notes of several clocks.

use std::{cell::RefCell, time::Instant};

use trunkline_protocol::{
    Name,
    status::{Hop, TraceEvent},
};

use crate::switch::Passage;

/// A step, as its process told it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Microseconds since the message came to that process.
    pub(super) after_us: u64,
    /// What happened.
    pub(super) what: TraceEvent,
}

/// Where the relay saw the message, or a receipt for it.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// When.
    pub(super) at: Instant,
    /// On the way to which node, or back from it.
    pub(super) node: Name,
    /// What became of it.
    pub(super) passage: Passage,
}

/// What others than the node that accepted the message know of it.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    /// The node that accepted it.
    pub(super) origin: &'a Name,
    /// The relay.
    pub(super) relay: &'a Name,
    /// What the relay saw, in order.
    pub(super) marks: Vec<Mark>,
    /// What other nodes told, in order.
    pub(super) others: Vec<(Name, Told)>,
}

impl Timeline<'_> {
    /// All steps in order. `own` are those of the node that accepted the message: its clock is the
    /// walk's. What happened elsewhere is put between its going and coming, so that the way there
    /// takes as long as the way back.
    pub(super) fn steps(self, own: &[Told]) -> Vec<Hop> {
        let (marks, others) = (RefCell::new(self.marks), RefCell::new(self.others));
        let mut steps = Vec::new();
        for (at, told) in own.iter().enumerate() {
            steps.push(step(self.origin, told.after_us, told.what.clone()));
            if let TraceEvent::Batched { to, .. } = &told.what {
                let back = own[at..].iter().find(|told| came_back_from(&told.what, to));
                let branch = Branch {
                    relay: self.relay,
                    node: to,
                    left_us: told.after_us,
                    back_us: back.map(|told| told.after_us),
                };
                branch.steps(&mut marks.borrow_mut(), &mut others.borrow_mut(), &mut steps);
            }
        }
        steps.sort_by_key(|step| step.after_us);
        steps
    }
}

fn came_back_from(what: &TraceEvent, node: &Name) -> bool {
    matches!(what, TraceEvent::CameBack { from } if from == node)
}

fn step(at: &Name, after_us: u64, what: TraceEvent) -> Hop {
    Hop { at: at.clone(), after_us, what }
}

/// The way to one node and back.
struct Branch<'a> {
    relay: &'a Name,
    node: &'a Name,
    left_us: u64,
    back_us: Option<u64>,
}

impl Branch<'_> {
    fn steps(&self, marks: &mut Vec<Mark>, others: &mut Vec<(Name, Told)>, steps: &mut Vec<Hop>) {
        let Some(there) = self.take_mark(marks, false) else { return };
        let to = self.node.clone();
        let Passage::There { behind_bytes } = there.passage else {
            let full = there.passage == Passage::Full;
            let away_us = self.back_us.map_or(0, |back| back.saturating_sub(self.left_us));
            let what = TraceEvent::Rejected { to, full };
            return steps.push(step(self.relay, self.left_us + away_us / 2, what));
        };
        let back = self.take_mark(marks, true);
        let arrived = self.take_note(others, |what| matches!(what, TraceEvent::Arrived { .. }));
        let answered = self.take_note(others, |what| matches!(what, TraceEvent::Answered { .. }));

        // From the relay's there to its back, and what that leaves for the link of the origin.
        let beyond_us = back.as_ref().map(|back| micros(there.at, back.at));
        let near_us = half_of_rest(self.back_us.map(|back| back - self.left_us), beyond_us);
        let passed_us = self.left_us + near_us;
        steps.push(step(self.relay, passed_us, TraceEvent::Passed { to, behind_bytes }));

        let stay_us = answered.as_ref().map(|answered| answered.after_us);
        let arrived_us = passed_us + half_of_rest(beyond_us, stay_us);
        steps.extend(arrived.map(|told| step(self.node, arrived_us, told.what)));
        let answers = answered.map(|told| step(self.node, arrived_us + told.after_us, told.what));
        steps.extend(answers);
        if let (Some(_), Some(beyond_us)) = (back, beyond_us) {
            let what = TraceEvent::ReceiptPassed { from: self.node.clone() };
            steps.push(step(self.relay, passed_us + beyond_us, what));
        }
    }

    fn take_mark(&self, marks: &mut Vec<Mark>, back: bool) -> Option<Mark> {
        let is_it =
            |mark: &Mark| mark.node == *self.node && (mark.passage == Passage::Back) == back;
        marks.iter().position(is_it).map(|at| marks.remove(at))
    }

    fn take_note(
        &self,
        others: &mut Vec<(Name, Told)>,
        fits: impl Fn(&TraceEvent) -> bool,
    ) -> Option<Told> {
        let is_it = |(node, told): &(Name, Told)| node == self.node && fits(&told.what);
        others.iter().position(is_it).map(|at| others.remove(at).1)
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    to.saturating_duration_since(from).as_micros() as u64
}

/// How long one way took, if there and back and what lies between are known.
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

    fn told(after_us: u64, what: TraceEvent) -> Told {
        Told { after_us, what }
    }

    fn times(steps: &[Hop]) -> Vec<(&str, u64)> {
        steps.iter().map(|step| (step.at.as_str(), step.after_us)).collect()
    }

    #[test]
    fn what_happened_elsewhere_lies_in_the_middle_of_there_and_back() {
        let (one, two, relay) = (name("node-1"), name("node-2"), name("relay-1"));
        let own = [
            told(0, TraceEvent::Accepted),
            told(100, TraceEvent::Batched { to: two.clone(), lane: 3 }),
            told(1_100, TraceEvent::CameBack { from: two.clone() }),
        ];
        let seen = Instant::now();
        let mark = |after_us, passage| Mark {
            at: seen + Duration::from_micros(after_us),
            node: two.clone(),
            passage,
        };
        let answered = TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 };
        let timeline = Timeline {
            origin: &one,
            relay: &relay,
            marks: vec![mark(0, Passage::There { behind_bytes: 0 }), mark(600, Passage::Back)],
            others: vec![
                (two.clone(), told(0, TraceEvent::Arrived { sessions: 1 })),
                (two.clone(), told(200, answered)),
            ],
        };
        let steps = timeline.steps(&own);
        let expected = [
            ("node-1", 0),
            ("node-1", 100),
            ("relay-1", 300),
            ("node-2", 500),
            ("node-2", 700),
            ("relay-1", 900),
            ("node-1", 1_100),
        ];
        assert_eq!(times(&steps), expected);
    }

    #[test]
    fn what_never_came_back_is_told_as_far_as_it_went() {
        let (one, two, relay) = (name("node-1"), name("node-2"), name("relay-1"));
        let own = [
            told(0, TraceEvent::Accepted),
            told(50, TraceEvent::Batched { to: two.clone(), lane: 0 }),
        ];
        let there = Passage::There { behind_bytes: 9 };
        let timeline = Timeline {
            origin: &one,
            relay: &relay,
            marks: vec![Mark { at: Instant::now(), node: two.clone(), passage: there }],
            others: vec![(two.clone(), told(0, TraceEvent::Arrived { sessions: 1 }))],
        };
        let steps = timeline.steps(&own);
        assert_eq!(times(&steps), [("node-1", 0), ("node-1", 50), ("relay-1", 50), ("node-2", 50)]);
    }

    #[test]
    fn what_was_sent_back_and_tried_again_is_told_twice() {
        let (one, two, relay) = (name("node-1"), name("node-2"), name("relay-1"));
        let batched = || TraceEvent::Batched { to: two.clone(), lane: 0 };
        let back = || TraceEvent::CameBack { from: two.clone() };
        let own = [told(0, batched()), told(20, back()), told(40, batched()), told(80, back())];
        let mark = |passage| Mark { at: Instant::now(), node: two.clone(), passage };
        let timeline = Timeline {
            origin: &one,
            relay: &relay,
            marks: vec![mark(Passage::Gone), mark(Passage::Full)],
            others: Vec::new(),
        };
        let turned = |full| TraceEvent::Rejected { to: two.clone(), full };
        let steps = timeline.steps(&own);
        assert_eq!((steps[1].after_us, &steps[1].what), (10, &turned(false)));
        assert_eq!((steps[4].after_us, &steps[4].what), (60, &turned(true)));
    }
}
