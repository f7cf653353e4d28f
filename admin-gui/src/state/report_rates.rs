use std::collections::HashMap;

use trunkline_protocol::{
    Name,
    status::{NodeLoad, NodeStatus},
};

use super::{
    cluster_status::is_present,
    counters::{CounterValues, Rates, report_interval_ms, reported_at_ms},
};
use crate::defaults::REPORT_MAX_AGE_MS;

/// The rates of each node between its last two reports, however far apart they are: a report may be
/// missing because the relay was away, and counters go on meanwhile. Nodes report at another interval than the
/// relay writes snapshots, so the difference of two snapshots may hold one report more or less than
/// their time accounts for.
#[derive(Debug, Default)]
pub(super) struct ReportRates(HashMap<Name, Report>);

#[derive(Debug)]
struct Report {
    /// When the process started that has reported.
    started_at_ms: u64,
    reported_at_ms: u64,
    values: CounterValues,
    rates: Rates,
}

impl ReportRates {
    /// The rates of a node in a snapshot of `at_ms`, which must be the next after the last one.
    pub(super) fn update(&mut self, node: &NodeStatus, at_ms: u64) -> Rates {
        let reported_at_ms = reported_at_ms(node, at_ms);
        // A restarted relay shows an empty load until the node's first report.
        let has_report = is_present(node.state) && node.load != NodeLoad::default();
        if !has_report || reported_at_ms + REPORT_MAX_AGE_MS < at_ms {
            return Rates::default();
        }
        let (values, started_at_ms) = (CounterValues::of_load(&node.load), node.started_at_ms);
        let last = self.0.get(&node.name).filter(|last| last.reported_at_ms <= reported_at_ms);
        let rates = match last {
            None => Rates::default(),
            Some(last) if last.reported_at_ms == reported_at_ms => return last.rates.clone(),
            Some(last) => {
                let is_same_process = last.started_at_ms == started_at_ms;
                let zero = CounterValues::default();
                let before = if is_same_process { &last.values } else { &zero };
                let over_ms = reported_at_ms - last.reported_at_ms;
                values.since(before).per_second(report_interval_ms(node, over_ms))
            }
        };
        let report = Report { started_at_ms, reported_at_ms, values, rates: rates.clone() };
        self.0.insert(node.name.clone(), report);
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{generated::Cluster, state::Counter};

    #[test]
    fn delayed_report_makes_no_burst() {
        let mut node = Cluster::of(1).now().nodes.remove(0);
        let mut reports = ReportRates::default();
        for (at_ms, accepted) in [(1_000, 600), (2_900, 1_200), (3_000, 1_800), (4_000, 2_400)] {
            (node.load_at_ms, node.load.accepted) = (at_ms, accepted);
            let rate = reports.update(&node, at_ms)[Counter::Accepted];
            assert!(rate <= 800.0, "{rate} at {at_ms}");
        }
    }

    #[test]
    fn silent_node_has_no_rates() {
        let mut node = Cluster::of(1).now().nodes.remove(0);
        let mut reports = ReportRates::default();
        for at_ms in [1_000, 2_000] {
            (node.load_at_ms, node.load.accepted) = (at_ms, at_ms);
            reports.update(&node, at_ms);
        }
        assert_eq!(reports.update(&node, 4_000)[Counter::Accepted], 1_000.0);
        assert_eq!(reports.update(&node, 2_001 + REPORT_MAX_AGE_MS), Rates::default());
    }
}
