//! The CPU time of a frame with a hundred nodes, per tab: logic, drawing and tessellation. Fails if a
//! tab exceeds the budget. `cargo bench -p trunkline-admin-gui`

#[path = "../tests/it/generated.rs"]
mod generated;

use std::time::Duration;

use egui_kittest::{Harness, kittest::Queryable as _};
use rustix::time::{ClockId, clock_gettime};
use trunkline_admin_gui::{
    App,
    connection::{Feed, StatusConnection, Update},
    queries::QueryClient,
};

use generated::{Cluster, hello, line};

/// The size of the cluster.
const NODES: usize = 100;

/// The snapshots before the first measured frame: an hour.
const PAST: usize = 7_200;

/// The measured frames, each with a new snapshot.
const FRAMES: usize = 100;

/// The limit: half of a frame at 60 frames per second.
const BUDGET: Duration = Duration::from_millis(8);

fn main() {
    let mut cluster = Cluster::of(NODES);
    let (mut harness, feed) = window(&mut cluster);
    let mut is_over_budget = false;
    println!("{NODES} nodes, an hour of history, CPU time of a frame with a new snapshot:");
    for tab in ["Nodes", "Map", "Traffic", "Charts", "Events", "Users"] {
        harness.get_by_label(tab).click();
        harness.run_steps(4);
        let mut costs: Vec<_> =
            (0..FRAMES).map(|_| frame(&mut harness, &feed, &mut cluster)).collect();
        costs.sort();
        let (median, p95) = (costs[FRAMES / 2], costs[FRAMES * 95 / 100]);
        println!("{tab:8} median {median:>9.2?}   p95 {p95:>9.2?}");
        is_over_budget |= p95 > BUDGET;
    }
    assert!(!is_over_budget, "the budget is {BUDGET:?}");
}

fn window(cluster: &mut Cluster) -> (Harness<'static, App>, Feed) {
    let (connection, feed) = StatusConnection::pair();
    let (queries, _) = QueryClient::pair();
    let mut harness = Harness::builder()
        .with_size([1920.0, 1080.0])
        .with_accessibility_check(false)
        .build_eframe(|context| App::new(context, "127.0.0.1:7400", connection, queries));
    feed.updates.try_send(Update::Line(hello(true))).expect("the queue has room");
    for index in 0..PAST {
        feed.updates.try_send(Update::Line(line(cluster.step(500)))).expect("the queue has room");
        if index % 100 == 0 {
            harness.step();
        }
    }
    harness.run_steps(4);
    (harness, feed)
}

/// The CPU time of one frame.
fn frame(harness: &mut Harness<'_, App>, feed: &Feed, cluster: &mut Cluster) -> Duration {
    feed.updates.try_send(Update::Line(line(cluster.step(500)))).expect("the queue has room");
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
