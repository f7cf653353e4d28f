use std::time::Instant;

use trunkline_protocol::status::Snapshot;

use super::*;
use crate::{
    clock::{Clock, ClockZone},
    connection::Update,
    generated::{Cluster, START_MS, hello, line},
    state::{Playback, WindowState},
    view::UiCommands,
};

/// Messages per second from each node, and the sessions of each.
const FORWARDED: f64 = 130.0;
const SESSIONS: f64 = 100.0;

/// A cluster with constant rates, whose nodes report once a second, at different times.
struct Steady {
    cluster: Cluster,
    nodes: usize,
    at_ms: u64,
}

impl Steady {
    fn of(nodes: usize) -> Self {
        let cluster = Cluster::of(nodes);
        let at_ms = cluster.now_ms();
        Self { cluster, nodes, at_ms }
    }

    fn after(&mut self, ms: u64) -> Snapshot {
        self.at_ms += ms;
        let seconds = (self.at_ms - START_MS) as f64 / 1e3;
        for at in 0..self.nodes {
            let reported_ms = self.at_ms - (self.at_ms + 300 * at as u64) % 1_000;
            let node = self.cluster.node_mut(at);
            node.forwarded_from = (seconds * FORWARDED) as u64;
            node.load.sessions = SESSIONS as u32;
            node.load_at_ms = reported_ms;
        }
        Snapshot { at_ms: self.at_ms, ..self.cluster.now() }
    }
}

/// The history that a relay sends to a new window: one snapshot per second of the last five minutes,
/// and one in ten of those before.
fn relay_history(snapshots: Vec<Snapshot>) -> Vec<Snapshot> {
    let recent = snapshots.len().saturating_sub(300);
    let is_kept = |(at, _): &(usize, Snapshot)| *at >= recent || (at + 1).is_multiple_of(10);
    snapshots.into_iter().enumerate().filter(is_kept).map(|(_, snapshot)| snapshot).collect()
}

/// The charts of a window, and their source.
struct Charts {
    state: WindowState,
    points: Points,
    forwarded: StackedChart,
    sessions: StackedChart,
}

impl Charts {
    fn of(snapshots: Vec<Snapshot>) -> Self {
        let (forwarded, sessions) = (StackedChart::forwarded(), StackedChart::sessions());
        let mut state = WindowState::default();
        state.apply(Update::Line(hello(true)), Instant::now());
        let mut charts = Self { state, points: Points::default(), forwarded, sessions };
        snapshots.into_iter().for_each(|snapshot| charts.receive(snapshot));
        charts
    }

    fn receive(&mut self, snapshot: Snapshot) {
        self.state.apply(Update::Line(line(snapshot)), Instant::now());
    }

    /// Updates the charts beneath the table of nodes.
    fn strip(&mut self, minutes: u64) {
        self.points.update(&self.state, None, minutes);
    }

    fn draw(&mut self, minutes: u64) {
        let Some(status) = self.state.shown() else { return };
        self.strip(minutes);
        let commands = UiCommands::default();
        let ctx = ViewContext {
            relay: "127.0.0.1:7400",
            state: &self.state,
            status: &status,
            selected: None,
            recording: None,
            playback: Playback::default(),
            clock: &Clock::new(ClockZone::Utc),
            may_act: true,
            now: Instant::now(),
            commands: &commands,
        };
        self.forwarded.update(&ctx, &self.points, minutes);
        self.sessions.update(&ctx, &self.points, minutes);
    }

    /// Asserts that the areas add up to the true values, at each time.
    #[track_caller]
    fn assert_sums(&self, nodes: f64) {
        for (chart, each) in [(&self.forwarded, FORWARDED), (&self.sessions, SESSIONS)] {
            assert!(chart.times.len() > 10, "{} times", chart.times.len());
            for (at, at_ms) in chart.times.iter().enumerate() {
                let values: Vec<_> = chart.areas.iter().map(|(_, values)| values[at]).collect();
                let sum: f64 = values.iter().sum();
                let off = (sum - nodes * each).abs() / (nodes * each);
                assert!(off < 0.02, "{} at {at_ms}: {values:?}", chart.title);
            }
        }
    }
}

#[test]
fn sums_are_true_in_thinned_history() {
    for minutes in [5, 15, 60] {
        let mut cluster = Steady::of(3);
        let mut charts = Charts::of(Vec::new());
        for _ in 0..1_200 {
            charts.receive(cluster.after(500));
            charts.strip(minutes);
        }
        // The tab is opened when most of the history is thinned already.
        for _ in 0..120 {
            charts.receive(cluster.after(500));
            charts.draw(minutes);
            charts.assert_sums(3.0);
        }
    }
}

#[test]
fn sums_are_true_over_history_of_relay() {
    let mut cluster = Steady::of(3);
    let past = (0..1_800).map(|_| cluster.after(1_000)).collect();
    let mut charts = Charts::of(relay_history(past));
    for minutes in [5, 15, 60, 1, 5] {
        for _ in 0..600 {
            charts.receive(cluster.after(500));
            charts.draw(minutes);
        }
        charts.assert_sums(3.0);
    }
}

#[test]
fn sums_are_true_when_largest_nodes_change() {
    let mut cluster = Steady::of(7);
    let past = (0..900).map(|_| cluster.after(1_000)).collect();
    let mut charts = Charts::of(relay_history(past));
    for step in 0..600 {
        let mut snapshot = cluster.after(500);
        // Each minute another node has one session more than the others, and an area of its own.
        snapshot.nodes[step / 120].load.sessions += 1;
        charts.receive(snapshot);
        charts.draw(15);
        charts.assert_sums(7.0);
    }
    assert_eq!(charts.sessions.areas.len(), NODES + 1);
}

#[test]
fn restart_of_relay_leaves_no_dip() {
    let mut cluster = Steady::of(3);
    let mut charts = Charts::of((0..600).map(|_| cluster.after(500)).collect());
    let started_ms = cluster.at_ms;
    for step in 0..600 {
        let mut snapshot = cluster.after(500);
        snapshot.relay.started_at_ms = started_ms;
        for node in &mut snapshot.nodes {
            node.forwarded_from = (FORWARDED * (cluster.at_ms - started_ms) as f64 / 1e3) as u64;
            if step < 2 {
                (node.load, node.load_at_ms) = Default::default();
            }
        }
        charts.receive(snapshot);
        charts.draw(5);
        let sessions: f64 =
            charts.sessions.areas.iter().map(|(_, values)| values[values.len() - 1]).sum();
        assert_eq!(sessions, 3.0 * SESSIONS);
    }
    charts.draw(15);
    let times = charts.forwarded.times.iter().enumerate();
    for (at, _) in times.filter(|&(_, &at_ms)| at_ms.abs_diff(started_ms) > 6_000) {
        let sum: f64 = charts.forwarded.areas.iter().map(|(_, values)| values[at]).sum();
        assert!((sum - 3.0 * FORWARDED).abs() < 10.0, "{sum}");
    }
}
