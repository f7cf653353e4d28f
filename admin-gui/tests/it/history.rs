//! The history: complete for minutes, thinned for an hour, and bounded.

use trunkline_admin_gui::{
    defaults::{COARSE_STEP_MS, FINE_MS, HISTORY_MS},
    state::{Counter, HistoryEntry, SnapshotHistory},
};

use crate::generated::{Cluster, START_MS};

/// The age up to which snapshots may not be thinned yet.
const BETWEEN_MS: u64 = FINE_MS + 2 * COARSE_STEP_MS;

/// A history of snapshots that are half a second apart.
fn history(cluster: &mut Cluster, snapshots: usize) -> SnapshotHistory {
    let mut history = SnapshotHistory::default();
    (0..snapshots).for_each(|_| assert!(history.push(cluster.step(500))));
    history
}

#[test]
fn last_minutes_are_complete_and_hour_before_is_thinned() {
    let mut cluster = Cluster::of(2);
    let history = history(&mut cluster, 2 * 90 * 60);
    let last = history.latest_ms().unwrap();
    let times: Vec<_> = history.iter().map(|kept| kept.snapshot.at_ms).collect();
    assert!(last - times[0] <= HISTORY_MS && last - times[0] > HISTORY_MS - 2 * COARSE_STEP_MS);
    for (at, gap) in times.windows(2).map(|pair| (pair[0], pair[1] - pair[0])) {
        let ago = last - at;
        // At the border between the two steps, the coarse one is not complete yet.
        let wanted = match ago {
            ago if ago <= FINE_MS => 500..=500,
            ago if ago <= BETWEEN_MS => 500..=COARSE_STEP_MS,
            _ => COARSE_STEP_MS..=COARSE_STEP_MS,
        };
        assert!(wanted.contains(&gap), "{gap} ms between, {ago} ms before the end");
    }
}

#[test]
fn thinning_loses_no_counts() {
    let mut cluster = Cluster::of(3);
    let history = history(&mut cluster, 2 * 30 * 60);
    let first = &history.iter().next().unwrap().snapshot;
    let accepted = |snapshot: &trunkline_protocol::status::Snapshot| -> u64 {
        snapshot.nodes.iter().map(|node| node.load.accepted).sum()
    };
    let last = &history.iter().next_back().unwrap().snapshot;
    let grown = |kept: &HistoryEntry| kept.rates[Counter::Accepted] * kept.over_ms as f64 / 1e3;
    let grown: f64 = history.iter().skip(1).map(grown).sum();
    assert_eq!(grown.round() as u64, accepted(last) - accepted(first));
    let times: u64 = history.iter().skip(1).map(|kept| kept.over_ms).sum();
    assert_eq!(times, last.at_ms - first.at_ms);
}

#[test]
fn rates_cover_last_seconds_and_percentiles_all_nodes() {
    let mut cluster = Cluster::of(3);
    let history = history(&mut cluster, 40);
    let status = history.status_at(history.len() - 1);
    let (now, before) = (&status.snapshot, &history.iter().nth(35).unwrap().snapshot);
    assert_eq!(now.at_ms - before.at_ms, 2_000);
    for ((now, before), rates) in now.nodes.iter().zip(&before.nodes).zip(&status.rates) {
        let accepted = (now.load.accepted - before.load.accepted) as f64 / 2.0;
        assert!((rates[Counter::Accepted] - accepted).abs() < 1e-6, "{accepted}");
    }
    let sends: u64 = history.iter().skip(20).map(|kept| kept.latency.count()).sum();
    assert_eq!(status.latency.count(), sends);
}

#[test]
fn rates_are_true_at_any_time_of_report() {
    let cluster = Cluster::of(1);
    let mut history = SnapshotHistory::default();
    // 600 per second, reported each second. Snapshots come each second too, then every 490 ms.
    let times = (1..=20).map(|at| at * 1_000).chain((41..80).map(|at| 130 + at * 490));
    for ms in times {
        let reported_ms = ms / 1_000 * 1_000;
        let mut snapshot = cluster.now();
        snapshot.at_ms += ms;
        snapshot.nodes[0].load.accepted = reported_ms * 6 / 10;
        snapshot.nodes[0].load_at_ms = cluster.now_ms() + reported_ms;
        history.push(snapshot);
        if ms > 3_000 {
            let node = history.status_at(history.len() - 1).rates[0][Counter::Accepted];
            assert_eq!(node.round(), 600.0, "the node's, at {ms} ms");
        }
    }
    for sample in history.samples(cluster.now_ms() + 4_000) {
        assert_eq!(sample.rates[Counter::Accepted].round(), 600.0, "at {} ms", sample.at_ms);
    }
    // A rate falls to zero soon after the last report.
    let mut silent = history.iter().next_back().unwrap().snapshot.as_ref().clone();
    for _ in 0..12 {
        silent.at_ms += 500;
        history.push(silent.clone());
    }
    let last = history.samples(silent.at_ms).pop().unwrap();
    assert_eq!(last.rates[Counter::Accepted], 0.0);
    assert_eq!(history.status_at(history.len() - 1).rates[0][Counter::Accepted], 0.0);
}

#[test]
fn restarted_node_counts_from_zero() {
    let mut cluster = Cluster::quiet(2);
    cluster.node_mut(0).load.accepted = 1_000;
    let mut history = history(&mut cluster, 10);
    cluster.node_mut(0).load.accepted = 40;
    history.push(cluster.step(500));
    let status = history.status_at(history.len() - 1);
    assert_eq!(status.rates[0][Counter::Accepted], 20.0);
}

#[test]
fn known_snapshot_is_ignored_but_restarted_relay_with_earlier_clock_is_not() {
    let mut cluster = Cluster::of(2);
    let mut history = history(&mut cluster, 20);
    let mut again = Cluster::of(2);
    assert!(!history.push(again.step(500)), "it was remembered already");
    assert_eq!(history.len(), 20);
    again.relay_mut().started_at_ms = START_MS;
    assert!(history.push(again.step(500)), "a restarted relay");
    assert_eq!(history.latest_ms(), Some(START_MS + 1_000));
    assert_eq!(history.len(), 2);
}

#[test]
fn moment_shows_latest_snapshot_before_it() {
    let mut cluster = Cluster::of(1);
    let history = history(&mut cluster, 3);
    assert_eq!(history.index_at(0), Some(0));
    assert_eq!(history.index_at(START_MS + 999), Some(0));
    assert_eq!(history.index_at(START_MS + 1_000), Some(1));
    assert_eq!(history.index_at(u64::MAX), Some(2));
    assert_eq!(SnapshotHistory::default().index_at(0), None);
}

#[test]
fn node_has_samples_only_while_relay_knew_it() {
    let mut small = Cluster::of(1);
    let mut history = history(&mut small, 10);
    let mut large = Cluster::of(2);
    (0..10).for_each(|_| drop(large.step(500)));
    (0..10).for_each(|_| assert!(history.push(large.step(500))));
    let second = "node-2".parse().unwrap();
    assert_eq!(history.samples_of(&second, 0).len(), 10);
    assert_eq!(history.samples(0).len(), 19);
    assert_eq!(history.samples(START_MS + 9_000).len(), 3);
}

#[test]
fn total_is_sum_of_the_nodes_in_status_and_chart() {
    let mut cluster = Cluster::of(3);
    let mut history = history(&mut cluster, 20);
    // The load of one node jumps, and another node dies, just before the compared moments.
    cluster.node_mut(0).load.accepted += 5_000;
    cluster.kill(1);
    (0..5).for_each(|_| assert!(history.push(cluster.step(500))));
    for index in 16..history.len() {
        let status = history.status_at(index);
        let nodes: f64 = status.rates.iter().map(|rates| rates[Counter::Accepted]).sum();
        let total = status.total[Counter::Accepted];
        assert!((nodes - total).abs() < 1e-6, "{nodes} and {total}");
        let samples = history.samples(status.snapshot.at_ms);
        assert_eq!(samples[0].at_ms, status.snapshot.at_ms);
        assert_eq!(samples[0].rates, status.total, "tile and legend");
    }
}
