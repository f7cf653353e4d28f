use std::collections::HashMap;

use trunkline_protocol::{
    Name,
    status::{NodeLoad, NodeStatus},
};

use super::{
    counters::{Counts, Rates},
    picture::is_present,
    report_time::{told_at_ms, told_over_ms},
};
use crate::defaults::REPORT_LIFE_MS;

/// How fast each node counted between its last two reports. Snapshots come at another pace than the
/// reports of nodes, so that what a node counted between two snapshots may be that of one report more
/// or less than belongs there.
#[derive(Debug, Default)]
pub(super) struct Reports(HashMap<Name, Report>);

#[derive(Debug)]
struct Report {
    told_at_ms: u64,
    counts: Counts,
    rates: Rates,
}

impl Reports {
    /// How fast a node counts, as it last told up to a snapshot at `at_ms`, the next after the last.
    pub(super) fn rates(&mut self, node: &NodeStatus, at_ms: u64) -> Rates {
        let told_at_ms = told_at_ms(node, at_ms);
        // A relay that was just started has been told nothing.
        if !is_present(node.state)
            || node.load == NodeLoad::default()
            || told_at_ms + REPORT_LIFE_MS < at_ms
        {
            self.0.remove(&node.name);
            return Rates::default();
        }
        let counts = Counts::of_load(&node.load);
        let Some(last) = self.0.get_mut(&node.name) else {
            let rates = Rates::default();
            self.0.insert(node.name.clone(), Report { told_at_ms, counts, rates });
            return Rates::default();
        };
        if told_at_ms != last.told_at_ms {
            let over_ms = told_over_ms(node, told_at_ms.saturating_sub(last.told_at_ms));
            let rates = counts.since(&last.counts).per_second(over_ms);
            *last = Report { told_at_ms, counts, rates };
        }
        last.rates.clone()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::Cluster;

    #[test]
    fn reports_that_were_held_up_are_no_burst() {
        let mut node = Cluster::of(1).now().nodes.remove(0);
        let mut reports = Reports::default();
        for (told_at_ms, accepted) in [(1_000, 600), (2_900, 1_200), (3_000, 1_800), (4_000, 2_400)]
        {
            (node.load_at_ms, node.load.accepted) = (told_at_ms, accepted);
            let rate = reports.rates(&node, told_at_ms)[crate::state::Counter::Accepted];
            assert!(rate <= 800.0, "{rate} at {told_at_ms}");
        }
    }
}
