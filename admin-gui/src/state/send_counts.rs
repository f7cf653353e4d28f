use std::ops::AddAssign;

use trunkline_protocol::{Outcome, status::NodeLoad, status::Outcomes};

/// How many sends ended with each outcome, and how many logins found no free slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendCounts {
    /// Sends that ended, by outcome.
    pub outcomes: Outcomes,
    /// Connections refused because every slot was taken.
    pub refused_slots: u64,
}

impl SendCounts {
    /// What a node has counted since its process started.
    pub fn of(load: &NodeLoad) -> Self {
        Self { outcomes: load.outcomes, refused_slots: load.refused_slots }
    }

    /// How much each count grew since `before`, a report of the same process. A count that fell has
    /// started again from zero.
    pub fn since(&self, before: &Self) -> Self {
        self.with(before, |now, before| now.checked_sub(before).unwrap_or(now))
    }

    /// How many sends ended.
    pub fn ended(&self) -> u64 {
        self.outcomes.total()
    }

    /// How many sends ended otherwise than delivered.
    pub fn not_delivered(&self) -> u64 {
        self.ended() - self.outcomes.delivered
    }

    /// How many sends the cluster failed to deliver. An offline recipient is no failure.
    pub fn failed(&self) -> u64 {
        self.not_delivered() - self.outcomes.offline
    }

    /// The share of the sends that ended which the cluster failed to deliver.
    pub fn failed_share(&self) -> f64 {
        let ended = self.ended();
        if ended == 0 { 0.0 } else { self.failed() as f64 / ended as f64 }
    }

    /// Each outcome but delivered that has occurred, the most frequent first.
    pub fn losses(&self) -> Vec<(Outcome, u64)> {
        let all = Outcome::ALL.into_iter().filter(|&outcome| outcome != Outcome::Delivered);
        let mut losses: Vec<_> = all.map(|outcome| (outcome, self.outcomes.of(outcome))).collect();
        losses.retain(|&(_, count)| count > 0);
        losses.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        losses
    }

    fn with(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let (a, b) = (&self.outcomes, &other.outcomes);
        Self {
            outcomes: Outcomes {
                delivered: combine(a.delivered, b.delivered),
                offline: combine(a.offline, b.offline),
                busy: combine(a.busy, b.busy),
                unreachable: combine(a.unreachable, b.unreachable),
                unconfirmed: combine(a.unconfirmed, b.unconfirmed),
            },
            refused_slots: combine(self.refused_slots, other.refused_slots),
        }
    }
}

impl AddAssign<&Self> for SendCounts {
    fn add_assign(&mut self, more: &Self) {
        *self = self.with(more, |sum, more| sum + more);
    }
}
