use std::time::Instant;

use trunkline_protocol::status::Snapshot;

use super::*;
use crate::{
    connection::Update,
    generated::{Cluster, START_MS, hello, line},
    state::WindowState,
};

/// Messages a second from each node, and the sessions of each.
const FORWARDED: f64 = 130.0;
const SESSIONS: f64 = 100.0;

/// A cluster whose relay counts steadily, and whose nodes report once a second, each at a time of
/// its own.
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
            let told_at_ms = self.at_ms - (self.at_ms + 300 * at as u64) % 1_000;
            let node = self.cluster.node_mut(at);
            node.forwarded_from = (seconds * FORWARDED) as u64;
            node.load.sessions = SESSIONS as u32;
            node.load_at_ms = told_at_ms;
        }
        Snapshot { at_ms: self.at_ms, ..self.cluster.now() }
    }
}

/// What a relay replays to those who come later: one snapshot a second of the last five minutes,
/// one in ten of those before.
fn as_the_relay_remembers(snapshots: Vec<Snapshot>) -> Vec<Snapshot> {
    let recent = snapshots.len().saturating_sub(300);
    let is_kept = |(at, _): &(usize, Snapshot)| *at >= recent || (at + 1).is_multiple_of(10);
    snapshots.into_iter().enumerate().filter(is_kept).map(|(_, snapshot)| snapshot).collect()
}

/// A window's charts, and what they are made of.
struct Charts {
    state: WindowState,
    points: Points,
    forwarded: Bands,
    sessions: Bands,
}

impl Charts {
    fn of(snapshots: Vec<Snapshot>) -> Self {
        let (forwarded, sessions) = (Bands::forwarded(), Bands::sessions());
        let mut state = WindowState::default();
        state.apply(Update::Line(hello(true)), Instant::now());
        let mut charts = Self { state, points: Points::default(), forwarded, sessions };
        snapshots.into_iter().for_each(|snapshot| charts.hear(snapshot));
        charts
    }

    fn hear(&mut self, snapshot: Snapshot) {
        self.state.apply(Update::Line(line(snapshot)), Instant::now());
    }

    /// Draws the strip of lines beneath the table of nodes.
    fn strip(&mut self, minutes: u64) {
        self.points.update(&self.state, None, minutes);
    }

    fn draw(&mut self, minutes: u64) {
        let Some(picture) = self.state.shown() else { return };
        self.strip(minutes);
        let showing = Showing {
            relay: "127.0.0.1:7400",
            state: &self.state,
            picture: &picture,
            selected: None,
            recording: None,
            may_act: true,
            now: Instant::now(),
        };
        self.forwarded.update(&showing, &self.points, minutes);
        self.sessions.update(&showing, &self.points, minutes);
    }

    /// Demands that the bands reach what is true, at each time.
    #[track_caller]
    fn assert_true(&self, nodes: f64) {
        for (bands, each) in [(&self.forwarded, FORWARDED), (&self.sessions, SESSIONS)] {
            assert!(bands.times.len() > 10, "{} times", bands.times.len());
            for (at, at_ms) in bands.times.iter().enumerate() {
                let values: Vec<_> = bands.bands.iter().map(|(_, values)| values[at]).collect();
                let sum: f64 = values.iter().sum();
                let off = (sum - nodes * each).abs() / (nodes * each);
                assert!(off < 0.02, "{} at {at_ms}: {values:?}", bands.title);
            }
        }
    }
}

#[test]
fn bands_of_a_window_that_was_open_all_along_reach_what_is_true() {
    for minutes in [5, 15, 60] {
        let mut cluster = Steady::of(3);
        let mut charts = Charts::of(Vec::new());
        for _ in 0..1_200 {
            charts.hear(cluster.after(500));
            charts.strip(minutes);
        }
        // Only now are the bands looked at, when most of what they are made of was thinned out.
        for _ in 0..120 {
            charts.hear(cluster.after(500));
            charts.draw(minutes);
            charts.assert_true(3.0);
        }
    }
}

#[test]
fn bands_over_what_the_relay_remembers_reach_what_is_true() {
    let mut cluster = Steady::of(3);
    let past = (0..1_800).map(|_| cluster.after(1_000)).collect();
    let mut charts = Charts::of(as_the_relay_remembers(past));
    for minutes in [5, 15, 60, 1, 5] {
        for _ in 0..600 {
            charts.hear(cluster.after(500));
            charts.draw(minutes);
        }
        charts.assert_true(3.0);
    }
}

#[test]
fn bands_reach_what_is_true_whichever_nodes_have_the_most() {
    let mut cluster = Steady::of(7);
    let past = (0..900).map(|_| cluster.after(1_000)).collect();
    let mut charts = Charts::of(as_the_relay_remembers(past));
    for step in 0..600 {
        let mut snapshot = cluster.after(500);
        // Another node has one session more each minute, and so a band of its own.
        snapshot.nodes[step / 120].load.sessions += 1;
        charts.hear(snapshot);
        charts.draw(15);
        charts.assert_true(7.0);
    }
    assert_eq!(charts.sessions.bands.len(), NODES + 1);
}

#[test]
fn a_relay_that_was_started_anew_leaves_no_dip() {
    let mut cluster = Steady::of(3);
    let mut charts = Charts::of((0..600).map(|_| cluster.after(500)).collect());
    let begun_ms = cluster.at_ms;
    for step in 0..600 {
        let mut snapshot = cluster.after(500);
        snapshot.relay.started_at_ms = begun_ms;
        for node in &mut snapshot.nodes {
            node.forwarded_from = (FORWARDED * (cluster.at_ms - begun_ms) as f64 / 1e3) as u64;
            if step < 2 {
                (node.load, node.load_at_ms) = Default::default();
            }
        }
        charts.hear(snapshot);
        charts.draw(5);
        let sessions: f64 =
            charts.sessions.bands.iter().map(|(_, values)| values[values.len() - 1]).sum();
        assert_eq!(sessions, 3.0 * SESSIONS);
    }
    charts.draw(15);
    let times = charts.forwarded.times.iter().enumerate();
    for (at, _) in times.filter(|&(_, &at_ms)| at_ms.abs_diff(begun_ms) > 6_000) {
        let sum: f64 = charts.forwarded.bands.iter().map(|(_, values)| values[at]).sum();
        assert!((sum - 3.0 * FORWARDED).abs() < 10.0, "{sum}");
    }
}
