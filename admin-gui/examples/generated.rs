//! The window over a cluster that runs nowhere, to look at how it looks:
//! `cargo run -p trunkline-admin-gui --example generated -- [NODES] [light]`

#[path = "../tests/it/generated.rs"]
mod generated;

use std::{env, thread, time::Duration};

use eframe::{
    NativeOptions,
    egui::{Theme, ViewportBuilder},
};
use trunkline_admin_gui::{
    App,
    connection::{Connection, Feed, Update},
    lookups::Lookups,
};
use trunkline_protocol::status::Line;

use generated::{Cluster, hello, line};

/// How many snapshots are of the time before the window was opened, and how far they are apart.
const PAST: u64 = 400;
const PAST_STEP_MS: u64 = 2_000;

/// The time between the snapshots that come while it is open.
const STEP_MS: u64 = 500;

fn main() -> eframe::Result {
    let nodes = env::args().nth(1).map_or(3, |number| number.parse().expect("how many nodes"));
    let light = env::args().nth(2).is_some_and(|theme| theme == "light");
    let viewport = ViewportBuilder::default().with_inner_size([1280.0, 800.0]);
    let options = NativeOptions { viewport, persist_window: false, ..NativeOptions::default() };
    eframe::run_native(
        "trunkline-generated",
        options,
        Box::new(move |context| {
            let (connection, feed) = Connection::pair();
            let (lookups, _) = Lookups::pair();
            let ctx = context.egui_ctx.clone();
            thread::spawn(move || run(nodes, &feed, || ctx.request_repaint()));
            let app = App::new(context, "127.0.0.1:7400", connection, lookups);
            if light {
                context.egui_ctx.set_theme(Theme::Light);
            }
            Ok(Box::new(app))
        }),
    )
}

/// Runs the cluster until the window is closed; its second node dies on the way.
fn run(nodes: usize, feed: &Feed, wake: impl Fn()) {
    let mut cluster = Cluster::of(nodes);
    let tell = |line: Line| feed.updates.blocking_send(Update::Line(line)).is_ok();
    tell(hello(true));
    for step in 0.. {
        if step == PAST - 40 && nodes > 2 {
            cluster.kill(1).into_iter().map(Line::Event).for_each(|event| {
                tell(event);
            });
        }
        let past = step < PAST;
        if !tell(line(cluster.step(if past { PAST_STEP_MS } else { STEP_MS }))) {
            return;
        }
        wake();
        if !past {
            thread::sleep(Duration::from_millis(STEP_MS));
        }
    }
}
