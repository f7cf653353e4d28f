use std::ops::{AddAssign, Index, IndexMut};

use trunkline_protocol::status::{NodeLoad, NodeStatus, RelayStatus};

use super::report_time::{report_interval_ms, reported_at_ms};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A counter of a node or of the relay.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter { $($(#[doc = $doc])+ $name,)+ }

        const COUNTERS: usize = [$(Counter::$name),+].len();
    };
}

counters! {
    /// Sends accepted.
    Accepted,
    /// Branches taken on the node that accepted the send.
    DeliveredLocally,
    /// Branches taken on another node.
    DeliveredFromLinks,
    /// Sends that ended as delivered.
    Delivered,
    /// Sends that ended as offline.
    Offline,
    /// Sends that ended as busy.
    Busy,
    /// Sends that ended as unreachable.
    Unreachable,
    /// Sends that ended as unconfirmed.
    Unconfirmed,
    /// Outcomes that could not be reported, as the sender's session had ended.
    Unreported,
    /// Branches that a full queue refused.
    RefusedFull,
    /// Connections refused because every slot was taken.
    RefusedSlots,
    /// Sessions ended because they read too slowly.
    EndedSlow,
    /// Look-ups that went to the directory.
    LookUps,
    /// Directory entries found without a session.
    StaleEntries,
    /// Milliseconds of CPU time of nodes.
    CpuMs,
    /// Messages that the relay forwarded from nodes.
    ForwardedFrom,
    /// Messages that the relay forwarded to nodes.
    ForwardedTo,
    /// Packets sent on links.
    SentPackets,
    /// Packets lost on links.
    LostPackets,
    /// Messages that the relay forwarded.
    Forwarded,
    /// Bytes that the relay forwarded.
    ForwardedBytes,
    /// Messages that the relay rejected because a queue was full.
    RelayFull,
    /// Messages that the relay rejected because a link was gone.
    RelayGone,
    /// Rejections and receipts that the relay could not forward.
    RelayDropped,
    /// Milliseconds of CPU time of the relay.
    RelayCpuMs,
}

/// The value of each [`Counter`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterValues([u64; COUNTERS]);

/// The growth per second of each [`Counter`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates([f64; COUNTERS]);

/// How much a counter grew. One that is smaller than before belongs to a new process or link, and has
/// counted from zero.
pub(super) fn growth(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

/// The rate of `count` events in `over_ms`.
pub(super) fn per_second(count: u64, over_ms: u64) -> f64 {
    if over_ms == 0 { 0.0 } else { count as f64 * 1000.0 / over_ms as f64 }
}

impl CounterValues {
    /// The counters that a node reports.
    pub fn of_load(load: &NodeLoad) -> Self {
        use Counter as C;
        let mut values = Self::default();
        values[C::Accepted] = load.accepted;
        values[C::DeliveredLocally] = load.delivered_locally;
        values[C::DeliveredFromLinks] = load.delivered_from_links;
        values[C::Delivered] = load.outcomes.delivered;
        values[C::Offline] = load.outcomes.offline;
        values[C::Busy] = load.outcomes.busy;
        values[C::Unreachable] = load.outcomes.unreachable;
        values[C::Unconfirmed] = load.outcomes.unconfirmed;
        values[C::Unreported] = load.unreported;
        values[C::RefusedFull] = load.refused_full;
        values[C::RefusedSlots] = load.refused_slots;
        values[C::EndedSlow] = load.ended_slow;
        values[C::LookUps] = load.look_ups;
        values[C::StaleEntries] = load.stale_entries;
        values[C::CpuMs] = load.cpu_ms;
        values
    }

    /// The counters that the relay keeps of a node.
    pub fn of_traffic(node: &NodeStatus) -> Self {
        let link = node.link.as_ref();
        let mut values = Self::default();
        values[Counter::ForwardedFrom] = node.forwarded_from;
        values[Counter::ForwardedTo] = node.forwarded_to;
        values[Counter::SentPackets] = link.map_or(0, |link| link.sent_packets);
        values[Counter::LostPackets] = link.map_or(0, |link| link.lost_packets);
        values
    }

    /// The relay's own counters.
    pub fn of_relay(relay: &RelayStatus) -> Self {
        let mut values = Self::default();
        values[Counter::Forwarded] = relay.forwarded;
        values[Counter::ForwardedBytes] = relay.forwarded_bytes;
        values[Counter::RelayFull] = relay.refused_full;
        values[Counter::RelayGone] = relay.refused_gone;
        values[Counter::RelayDropped] = relay.dropped;
        values[Counter::RelayCpuMs] = relay.cpu_ms;
        values
    }

    /// How much each counter grew since `before`.
    pub fn since(&self, before: &Self) -> Self {
        Self(std::array::from_fn(|index| growth(before.0[index], self.0[index])))
    }

    /// The rates of counters that grew by this in `over_ms`.
    pub fn per_second(&self, over_ms: u64) -> Rates {
        Rates(self.0.map(|count| per_second(count, over_ms)))
    }
}

impl Index<Counter> for CounterValues {
    type Output = u64;

    fn index(&self, counter: Counter) -> &u64 {
        &self.0[counter as usize]
    }
}

impl IndexMut<Counter> for CounterValues {
    fn index_mut(&mut self, counter: Counter) -> &mut u64 {
        &mut self.0[counter as usize]
    }
}

impl AddAssign<&Self> for CounterValues {
    fn add_assign(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

impl Index<Counter> for Rates {
    type Output = f64;

    fn index(&self, counter: Counter) -> &f64 {
        &self.0[counter as usize]
    }
}

impl AddAssign<&Self> for Rates {
    fn add_assign(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

impl Rates {
    /// The rates of a node between two snapshots, each given as the node and the snapshot's time.
    pub fn of_node(before: (&NodeStatus, u64), now: (&NodeStatus, u64)) -> Self {
        let traffic = CounterValues::of_traffic(now.0).since(&CounterValues::of_traffic(before.0));
        let mut rates = traffic.per_second(now.1.saturating_sub(before.1));
        // A restarted relay shows an empty load until the node's first report. What that report has
        // counted did not happen since.
        if before.0.load != NodeLoad::default() {
            let reported =
                CounterValues::of_load(&now.0.load).since(&CounterValues::of_load(&before.0.load));
            let over_ms =
                reported_at_ms(now.0, now.1).saturating_sub(reported_at_ms(before.0, before.1));
            rates += &reported.per_second(report_interval_ms(now.0, over_ms));
        }
        rates
    }

    /// The rates times a factor.
    pub fn scaled(self, factor: f64) -> Self {
        Self(self.0.map(|rate| rate * factor))
    }

    /// Branches that recipients' sessions took, on the sender's node and on others.
    pub fn delivered(&self) -> f64 {
        self[Counter::DeliveredLocally] + self[Counter::DeliveredFromLinks]
    }

    /// Sends that ended otherwise than delivered.
    pub fn not_delivered(&self) -> f64 {
        [Counter::Offline, Counter::Busy, Counter::Unreachable, Counter::Unconfirmed]
            .into_iter()
            .map(|counter| self[counter])
            .sum()
    }

    /// The share of packets that were lost.
    pub fn loss(&self) -> f64 {
        let sent = self[Counter::SentPackets];
        if sent > 0.0 { (self[Counter::LostPackets] / sent).min(1.0) } else { 0.0 }
    }

    /// The share of one core that nodes used.
    pub fn cpu(&self) -> f64 {
        self[Counter::CpuMs] / 1000.0
    }

    /// The share of one core that the relay used.
    pub fn relay_cpu(&self) -> f64 {
        self[Counter::RelayCpuMs] / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_that_fell_has_restarted_from_zero() {
        let mut before = CounterValues::default();
        before[Counter::Accepted] = 100;
        before[Counter::Busy] = 7;
        let mut now = CounterValues::default();
        now[Counter::Accepted] = 30;
        now[Counter::Busy] = 9;
        let grown = now.since(&before);
        assert_eq!((grown[Counter::Accepted], grown[Counter::Busy]), (30, 2));
        let rates = grown.per_second(500);
        assert_eq!((rates[Counter::Accepted], rates[Counter::Busy]), (60.0, 4.0));
        assert_eq!(grown.per_second(0)[Counter::Accepted], 0.0);
    }
}
