use std::time::Instant;

use super::*;
use crate::{
    connection::Update,
    generated::{Cluster, START_MS, line},
};

/// A state after `snapshots` of a cluster with this many nodes.
fn state(nodes: usize, snapshots: usize) -> WindowState {
    let (mut state, mut cluster) = (WindowState::default(), Cluster::of(nodes));
    for _ in 0..snapshots {
        state.apply(Update::Line(line(cluster.step(500))), Instant::now());
    }
    state
}

/// Asserts that the points are those that are read anew.
#[track_caller]
fn assert_points_of(points: &mut Points, state: &WindowState) {
    let mut anew = Points::default();
    points.update(state, None, 5);
    anew.update(state, None, 5);
    let of = |points: &Points| -> Vec<_> {
        points.samples.iter().map(|sample| (sample.at_ms, sample.capacity)).collect()
    };
    assert_eq!(of(points), of(&anew));
    assert_eq!(points.span_ms, anew.span_ms);
}

#[test]
fn other_state_leaves_no_samples() {
    let (live, short, long) = (state(3, 20), state(7, 8), state(5, 20));
    let mut points = Points::default();
    // Live, each of two recordings, and back. Two have equally many snapshots, of the same times.
    for state in [&live, &short, &long, &short, &live, &long, &live] {
        assert_points_of(&mut points, state);
    }
}

#[test]
fn relay_with_earlier_clock_leaves_no_samples() {
    let mut state = state(3, 20);
    let mut points = Points::default();
    assert_points_of(&mut points, &state);
    let mut restarted = Cluster::of(4);
    restarted.relay_mut().started_at_ms = START_MS;
    for _ in 0..4 {
        state.apply(Update::Line(line(restarted.step(500))), Instant::now());
        assert_points_of(&mut points, &state);
    }
}

#[test]
fn moments_there_and_back_leave_no_samples() {
    let mut state = state(3, 3_000);
    let mut points = Points::default();
    let last_ms = state.history().latest_ms().unwrap();
    for back_ms in [0, 1_200_000, 900_000, 895_000, 1_000_000, 0, 600_000] {
        state.show(Moment::At(last_ms - back_ms));
        assert_points_of(&mut points, &state);
    }
}

#[test]
fn line_at_zero_is_not_drawn() {
    let parts = |values: &[f64]| -> Vec<Vec<f64>> {
        let piece: Vec<_> =
            values.iter().zip(0..).map(|(&y, at)| PlotPoint::new(f64::from(at), y)).collect();
        above_zero(&piece).iter().map(|part| part.iter().map(|at| at.y).collect()).collect()
    };
    assert!(parts(&[0.0, 0.0, 0.0]).is_empty());
    assert_eq!(parts(&[3.0, 4.0]), [[3.0, 4.0]]);
    assert_eq!(parts(&[0.0, 0.0, 3.0, 0.0, 0.0]), [[0.0, 3.0, 0.0]]);
    assert_eq!(parts(&[2.0, 0.0, 0.0, 0.0, 5.0]), [[2.0, 0.0], [0.0, 5.0]]);
    assert_eq!(parts(&[2.0, 0.0, 3.0]), [[2.0, 0.0, 3.0]]);
}
