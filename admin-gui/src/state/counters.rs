use std::ops::{AddAssign, Index, IndexMut};

use trunkline_protocol::status::{NodeLoad, NodeStatus, RelayStatus};

use super::report_time::{told_at_ms, told_over_ms};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Something that is counted.
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
    /// Outcomes that could not be told.
    Untold,
    /// Branches that a full queue refused.
    RefusedFull,
    /// Upgrades refused for want of a seat.
    RefusedSeats,
    /// Sessions ended for reading too slowly.
    EndedSlow,
    /// Look-ups that went to the directory.
    LookUps,
    /// Directory entries found without a session.
    Ghosts,
    /// Milliseconds of CPU time of nodes.
    CpuMs,
    /// Messages that the relay passed on from nodes.
    ForwardedFrom,
    /// Messages that the relay passed on to nodes.
    ForwardedTo,
    /// Packets sent on links.
    SentPackets,
    /// Packets lost on links.
    LostPackets,
    /// Messages that the relay passed on.
    Forwarded,
    /// Bytes that the relay passed on.
    ForwardedBytes,
    /// Messages sent back by the relay because a queue was full.
    RelayFull,
    /// Messages sent back by the relay because a link was gone.
    RelayGone,
    /// Refusals and receipts that the relay could not pass on.
    RelayDropped,
    /// Milliseconds of CPU time of the relay.
    RelayCpuMs,
}

/// A number for each [`Counter`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; COUNTERS]);

/// How often a second each [`Counter`] grew.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates([f64; COUNTERS]);

impl Counts {
    /// What a node has counted, and told.
    pub fn of_load(load: &NodeLoad) -> Self {
        use Counter as C;
        let mut counts = Self::default();
        counts[C::Accepted] = load.accepted;
        counts[C::DeliveredLocally] = load.delivered_locally;
        counts[C::DeliveredFromLinks] = load.delivered_from_links;
        counts[C::Delivered] = load.outcomes.delivered;
        counts[C::Offline] = load.outcomes.offline;
        counts[C::Busy] = load.outcomes.busy;
        counts[C::Unreachable] = load.outcomes.unreachable;
        counts[C::Unconfirmed] = load.outcomes.unconfirmed;
        counts[C::Untold] = load.unreported;
        counts[C::RefusedFull] = load.refused_full;
        counts[C::RefusedSeats] = load.refused_slots;
        counts[C::EndedSlow] = load.ended_slow;
        counts[C::LookUps] = load.look_ups;
        counts[C::Ghosts] = load.stale_entries;
        counts[C::CpuMs] = load.cpu_ms;
        counts
    }

    /// What the relay has counted about a node.
    pub fn about_node(node: &NodeStatus) -> Self {
        let link = node.link.as_ref();
        let mut counts = Self::default();
        counts[Counter::ForwardedFrom] = node.forwarded_from;
        counts[Counter::ForwardedTo] = node.forwarded_to;
        counts[Counter::SentPackets] = link.map_or(0, |link| link.sent_packets);
        counts[Counter::LostPackets] = link.map_or(0, |link| link.lost_packets);
        counts
    }

    /// What a relay has counted.
    pub fn of_relay(relay: &RelayStatus) -> Self {
        let mut counts = Self::default();
        counts[Counter::Forwarded] = relay.forwarded;
        counts[Counter::ForwardedBytes] = relay.forwarded_bytes;
        counts[Counter::RelayFull] = relay.refused_full;
        counts[Counter::RelayGone] = relay.refused_gone;
        counts[Counter::RelayDropped] = relay.dropped;
        counts[Counter::RelayCpuMs] = relay.cpu_ms;
        counts
    }

    /// What was counted since `before`. A counter that is smaller than before belongs to a new
    /// process or link, and has counted from zero.
    pub fn since(&self, before: &Self) -> Self {
        let mut grown = self.clone();
        for (grown, before) in grown.0.iter_mut().zip(before.0) {
            *grown = grown.checked_sub(before).unwrap_or(*grown);
        }
        grown
    }

    /// How often a second, if it took `over_ms` to count this.
    pub fn per_second(&self, over_ms: u64) -> Rates {
        let seconds = over_ms as f64 / 1000.0;
        Rates(self.0.map(|count| if over_ms == 0 { 0.0 } else { count as f64 / seconds }))
    }
}

impl Index<Counter> for Counts {
    type Output = u64;

    fn index(&self, counter: Counter) -> &u64 {
        &self.0[counter as usize]
    }
}

impl IndexMut<Counter> for Counts {
    fn index_mut(&mut self, counter: Counter) -> &mut u64 {
        &mut self.0[counter as usize]
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
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
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

impl Rates {
    /// How fast a node, and the relay about it, counted from one snapshot to another: those at these
    /// times.
    pub fn of_node(before: (&NodeStatus, u64), now: (&NodeStatus, u64)) -> Self {
        let about = Counts::about_node(now.0).since(&Counts::about_node(before.0));
        let mut rates = about.per_second(now.1.saturating_sub(before.1));
        // A relay that was just started knows nothing of a node's load until it is told: what it is
        // told first did not happen since.
        if before.0.load != NodeLoad::default() {
            let told = Counts::of_load(&now.0.load).since(&Counts::of_load(&before.0.load));
            let over_ms = told_at_ms(now.0, now.1).saturating_sub(told_at_ms(before.0, before.1));
            rates += &told.per_second(told_over_ms(now.0, over_ms));
        }
        rates
    }

    /// So much of each.
    pub fn scaled(mut self, factor: f64) -> Self {
        self.0.iter_mut().for_each(|rate| *rate *= factor);
        self
    }

    /// What was taken by recipients' sessions, here and from elsewhere.
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
    fn a_counter_that_fell_began_anew() {
        let mut before = Counts::default();
        before[Counter::Accepted] = 100;
        before[Counter::Busy] = 7;
        let mut now = Counts::default();
        now[Counter::Accepted] = 30;
        now[Counter::Busy] = 9;
        let grown = now.since(&before);
        assert_eq!((grown[Counter::Accepted], grown[Counter::Busy]), (30, 2));
        let rates = grown.per_second(500);
        assert_eq!((rates[Counter::Accepted], rates[Counter::Busy]), (60.0, 4.0));
        assert_eq!(grown.per_second(0)[Counter::Accepted], 0.0);
    }
}
