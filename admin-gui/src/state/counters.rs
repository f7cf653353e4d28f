use std::ops::{AddAssign, Index};

use trunkline_protocol::status::{NodeLoad, NodeStatus, RelayStatus};

use crate::defaults::REPORT_INTERVAL_MIN_MS;

/// Defines [`Counter`], and for each source of counters a function that reads them.
macro_rules! counters {
    ($($(#[doc = $source_doc:literal])+ $source:ident($from:ident: $type:ty) {
        $($(#[doc = $doc:literal])+ $name:ident = $value:expr,)+
    })+) => {
        /// A counter of a node or of the relay.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter { $($($(#[doc = $doc])+ $name,)+)+ }

        const COUNTERS: usize = [$($(Counter::$name),+),+].len();

        impl CounterValues {
            $($(#[doc = $source_doc])+
            pub fn $source($from: $type) -> Self {
                let mut values = Self::default();
                $(values.0[Counter::$name as usize] = $value;)+
                values
            })+
        }
    };
}

counters! {
    /// The counters that a node reports.
    of_load(load: &NodeLoad) {
        /// Sends accepted.
        Accepted = load.accepted,
        /// Branches taken on the node that accepted the send.
        DeliveredLocally = load.delivered_locally,
        /// Branches taken on another node.
        DeliveredFromLinks = load.delivered_from_links,
        /// Sends that ended as delivered.
        Delivered = load.outcomes.delivered,
        /// Sends that ended as offline.
        Offline = load.outcomes.offline,
        /// Sends that ended as busy.
        Busy = load.outcomes.busy,
        /// Sends that ended as unreachable.
        Unreachable = load.outcomes.unreachable,
        /// Sends that ended as unconfirmed.
        Unconfirmed = load.outcomes.unconfirmed,
        /// Outcomes that could not be reported, as the sender's session had ended.
        Unreported = load.unreported,
        /// Branches that a full queue refused.
        RefusedFull = load.refused_full,
        /// Connections refused because every slot was taken.
        RefusedSlots = load.refused_slots,
        /// Sessions ended because they read too slowly.
        EndedSlow = load.ended_slow,
        /// Look-ups that went to the directory.
        LookUps = load.look_ups,
        /// Directory entries found without a session.
        StaleEntries = load.stale_entries,
        /// Milliseconds of CPU time of nodes.
        CpuMs = load.cpu_ms,
    }
    /// The counters that the relay keeps of a node.
    of_traffic(node: &NodeStatus) {
        /// Messages that the relay forwarded from nodes.
        ForwardedFrom = node.forwarded_from,
        /// Messages that the relay forwarded to nodes.
        ForwardedTo = node.forwarded_to,
        /// Packets sent on links.
        SentPackets = node.link.as_ref().map_or(0, |link| link.sent_packets),
        /// Packets lost on links.
        LostPackets = node.link.as_ref().map_or(0, |link| link.lost_packets),
    }
    /// The relay's own counters.
    of_relay(relay: &RelayStatus) {
        /// Messages that the relay forwarded.
        Forwarded = relay.forwarded,
        /// Bytes that the relay forwarded.
        ForwardedBytes = relay.forwarded_bytes,
        /// Messages that the relay rejected because a queue was full.
        RelayFull = relay.refused_full,
        /// Messages that the relay rejected because a link was gone.
        RelayGone = relay.refused_gone,
        /// Rejections and receipts that the relay could not forward.
        RelayDropped = relay.dropped,
        /// Milliseconds of CPU time of the relay.
        RelayCpuMs = relay.cpu_ms,
    }
}

/// A number for each [`Counter`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerCounter<T>([T; COUNTERS]);

/// The values of the counters.
pub type CounterValues = PerCounter<u64>;

/// The growth of the counters per second.
pub type Rates = PerCounter<f64>;

impl<T> Index<Counter> for PerCounter<T> {
    type Output = T;

    fn index(&self, counter: Counter) -> &T {
        &self.0[counter as usize]
    }
}

impl<T: AddAssign + Copy> AddAssign<&Self> for PerCounter<T> {
    fn add_assign(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

/// How much a counter grew. One that is smaller than before belongs to a new process or link, and has
/// counted from zero.
pub(super) fn growth(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

/// The rate of `count` events in `over_ms`.
pub(super) fn per_second(count: u64, over_ms: u64) -> f64 {
    if over_ms == 0 { 0.0 } else { count as f64 * 1000.0 / over_ms as f64 }
}

/// The time in which a node counted what it reports, if its last report came `over_ms` ago. Two
/// reports in quick succession mean that the first was delayed; nodes never report that fast.
pub(super) fn report_interval_ms(node: &NodeStatus, over_ms: u64) -> u64 {
    let is_delayed = node.load_at_ms != 0 && (1..REPORT_INTERVAL_MIN_MS).contains(&over_ms);
    if is_delayed { REPORT_INTERVAL_MIN_MS } else { over_ms }
}

/// When a node reported the counters in a snapshot that was taken at `at_ms`. An older relay sends no
/// time of the report.
pub(super) fn reported_at_ms(node: &NodeStatus, at_ms: u64) -> u64 {
    match node.load_at_ms {
        0 => at_ms,
        reported_at_ms => reported_at_ms,
    }
}

impl CounterValues {
    /// How much each counter grew since `before`.
    pub fn since(&self, before: &Self) -> Self {
        Self(std::array::from_fn(|index| growth(before.0[index], self.0[index])))
    }

    /// The rates of counters that grew by this in `over_ms`.
    pub fn per_second(&self, over_ms: u64) -> Rates {
        PerCounter(self.0.map(|count| per_second(count, over_ms)))
    }
}

impl Rates {
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
        use Counter as C;
        self[C::Offline] + self[C::Busy] + self[C::Unreachable] + self[C::Unconfirmed]
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
        let load = |accepted, busy| {
            let mut load = NodeLoad { accepted, ..NodeLoad::default() };
            load.outcomes.busy = busy;
            CounterValues::of_load(&load)
        };
        let grown = load(30, 9).since(&load(100, 7));
        assert_eq!((grown[Counter::Accepted], grown[Counter::Busy]), (30, 2));
        let rates = grown.per_second(500);
        assert_eq!((rates[Counter::Accepted], rates[Counter::Busy]), (60.0, 4.0));
        assert_eq!(grown.per_second(0)[Counter::Accepted], 0.0);
    }

    #[test]
    fn loss_is_a_share_of_the_packets_sent() {
        let mut rates = Rates::default();
        assert_eq!(rates.loss(), 0.0);
        rates.0[Counter::SentPackets as usize] = 50.0;
        rates.0[Counter::LostPackets as usize] = 1.0;
        assert_eq!(rates.loss(), 0.02);
    }
}
