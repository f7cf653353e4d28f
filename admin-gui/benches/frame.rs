//! What a frame costs with a hundred nodes: the CPU time of logic, drawing and tessellation, for
//! each part of the window. Fails if one passes its budget. `cargo bench -p trunkline-admin-gui`

#[path = "../tests/it/generated.rs"]
mod generated;

use std::time::Duration;

use egui_kittest::{Harness, kittest::Queryable as _};
use rustix::time::{ClockId, clock_gettime};
use trunkline_admin_gui::{
    App,
    connection::{Connection, Feed, Update},
    lookups::Lookups,
};

use generated::{Cluster, hello, line};

/// How many nodes there are.
const NODES: usize = 100;

/// How many snapshots are remembered when it begins: an hour of them.
const PAST: usize = 7_200;

/// How many frames are measured, each with a new snapshot.
const FRAMES: usize = 100;

/// What a frame may cost: half of what 60 frames a second leave.
const BUDGET: Duration = Duration::from_millis(8);

fn main() {
    let mut cluster = Cluster::of(NODES);
    let (mut harness, feed) = window(&mut cluster);
    let mut over = false;
    println!("{NODES} nodes, an hour remembered, CPU time of a frame with a new snapshot:");
    for tab in ["Nodes", "Map", "Traffic", "Charts", "Events", "Users"] {
        harness.get_by_label(tab).click();
        harness.run_steps(4);
        let mut costs: Vec<_> =
            (0..FRAMES).map(|_| frame(&mut harness, &feed, &mut cluster)).collect();
        costs.sort();
        let (middle, worst) = (costs[FRAMES / 2], costs[FRAMES * 95 / 100]);
        println!("{tab:8} median {middle:>9.2?}   95 of 100 within {worst:>9.2?}");
        over |= worst > BUDGET;
    }
    assert!(!over, "a frame may cost {BUDGET:?}");
}

fn window(cluster: &mut Cluster) -> (Harness<'static, App>, Feed) {
    let (connection, feed) = Connection::pair();
    let (lookups, _) = Lookups::pair();
    let mut harness = Harness::builder()
        .with_size([1920.0, 1080.0])
        .with_accessibility_check(false)
        .build_eframe(|context| App::new(context, "127.0.0.1:7400", connection, lookups));
    feed.updates.try_send(Update::Line(hello(true))).expect("there is room");
    for past in 0..PAST {
        feed.updates.try_send(Update::Line(line(cluster.step(500)))).expect("there is room");
        if past % 100 == 0 {
            harness.step();
        }
    }
    harness.run_steps(4);
    (harness, feed)
}

/// The CPU time of one frame.
fn frame(harness: &mut Harness<'_, App>, feed: &Feed, cluster: &mut Cluster) -> Duration {
    feed.updates.try_send(Update::Line(line(cluster.step(500)))).expect("there is room");
    let before = cpu_time();
    harness.step();
    let shapes = harness.output().shapes.clone();
    let triangles = harness.ctx.tessellate(shapes, harness.ctx.pixels_per_point());
    assert!(!triangles.is_empty());
    cpu_time() - before
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
