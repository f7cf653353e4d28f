use std::{collections::VecDeque, iter, ops::RangeInclusive, time::Instant};

use super::branch::Target;
use crate::defaults::TICK;

/// All that custody waits for. Each queue has one constant delay, so it is in order by itself: no
/// heap, and no timer per send.
#[derive(Debug, Default)]
pub(super) struct Timers {
    deadlines: VecDeque<DeadlineTick>,
    /// Recipients whose queue backs off.
    retries: VecDeque<(Instant, usize)>,
    /// Branches whose node is gone, which wait for its last receipts.
    last_receipts: VecDeque<(Instant, (u64, Target))>,
}

/// The sends that are due together: those that were accepted within one tick. Some may have ended
/// since: taking them out would cost more than skipping them.
#[derive(Debug)]
struct DeadlineTick {
    due: Instant,
    first: u64,
    last: u64,
}

impl Timers {
    pub(super) fn set_deadline(&mut self, due: Instant, seq: u64) {
        match self.deadlines.back_mut() {
            Some(tick) if due < tick.due + TICK => tick.last = seq,
            _ => self.deadlines.push_back(DeadlineTick { due, first: seq, last: seq }),
        }
    }

    /// Forgets every deadline, because no send is pending.
    pub(super) fn clear_deadlines(&mut self) {
        self.deadlines.clear();
    }

    pub(super) fn schedule_retry(&mut self, due: Instant, to: usize) {
        self.retries.push_back((due, to));
    }

    pub(super) fn await_last_receipts(
        &mut self,
        due: Instant,
        branches: impl IntoIterator<Item = (u64, Target)>,
    ) {
        self.last_receipts.extend(iter::repeat(due).zip(branches));
    }

    /// The sends of one tick whose deadline has passed.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<RangeInclusive<u64>> {
        let tick = self.deadlines.pop_front_if(|tick| tick.due <= now)?;
        Some(tick.first..=tick.last)
    }

    /// A recipient that has backed off for long enough.
    pub(super) fn pop_retry(&mut self, now: Instant) -> Option<usize> {
        self.retries.pop_front_if(|(due, _)| *due <= now).map(|(_, to)| to)
    }

    /// A branch for which no receipt can come any more.
    pub(super) fn pop_abandoned(&mut self, now: Instant) -> Option<(u64, Target)> {
        self.last_receipts.pop_front_if(|(due, _)| *due <= now).map(|(_, branch)| branch)
    }

    /// All recipients that back off, now or not.
    pub(super) fn take_retries(&mut self) -> impl Iterator<Item = usize> + use<> {
        std::mem::take(&mut self.retries).into_iter().map(|(_, to)| to)
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        let dues = [
            self.deadlines.front().map(|tick| tick.due),
            self.retries.front().map(|(due, _)| *due),
            self.last_receipts.front().map(|(due, _)| *due),
        ];
        dues.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_of_one_tick_expire_together() {
        let mut timers = Timers::default();
        let due = Instant::now();
        timers.set_deadline(due, 1);
        timers.set_deadline(due + TICK / 2, 2);
        timers.set_deadline(due + TICK, 4);
        assert_eq!(timers.next_due(), Some(due));
        assert_eq!(timers.pop_expired(due), Some(1..=2));
        assert_eq!(timers.pop_expired(due), None, "the next tick is not due");
        assert_eq!(timers.next_due(), Some(due + TICK));
    }

    #[test]
    fn next_due_is_earliest_of_all_timers() {
        let mut timers = Timers::default();
        let due = Instant::now();
        timers.set_deadline(due + 3 * TICK, 1);
        timers.schedule_retry(due + 2 * TICK, 7);
        timers.await_last_receipts(due + TICK, [(1, Target::Local)]);
        assert_eq!(timers.next_due(), Some(due + TICK));
        assert_eq!(timers.pop_abandoned(due + TICK), Some((1, Target::Local)));
        assert_eq!(timers.next_due(), Some(due + 2 * TICK));
        assert_eq!(timers.take_retries().collect::<Vec<_>>(), [7], "before they are due");
        assert_eq!(timers.next_due(), Some(due + 3 * TICK));
    }
}
