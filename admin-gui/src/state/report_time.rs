//! When, and over how long, a node counted what it reports.

use trunkline_protocol::status::NodeStatus;

use crate::defaults::REPORT_LEAST_MS;

/// How long it took to count what a report has more than one `over_ms` before. Reports that come at
/// once one after the other were held up on the way.
pub(super) fn told_over_ms(node: &NodeStatus, over_ms: u64) -> u64 {
    let is_held_up = node.load_at_ms != 0 && (1..REPORT_LEAST_MS).contains(&over_ms);
    if is_held_up { REPORT_LEAST_MS } else { over_ms }
}

/// When a node told what it is said to have counted. A relay that is older does not say.
pub(super) fn told_at_ms(node: &NodeStatus, at_ms: u64) -> u64 {
    match node.load_at_ms {
        0 => at_ms,
        told_at_ms => told_at_ms,
    }
}
