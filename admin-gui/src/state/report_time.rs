//! When a node reported its counters, and over which time.

use trunkline_protocol::status::NodeStatus;

use crate::defaults::REPORT_INTERVAL_MIN_MS;

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
