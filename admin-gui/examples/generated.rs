//! The window over a cluster that runs nowhere, to look at: `cargo run --example generated -- 3`.

#[path = "../tests/it/generated.rs"]
mod generated;

use std::{thread, time::Duration};

use eframe::NativeOptions;
use trunkline_admin_gui::{
    App,
    connection::{Connection, Feed, Update},
    lookups::Lookups,
};

use generated::{Cluster, hello, line};

fn main() -> eframe::Result {
    let nodes =
        std::env::args().nth(1).map_or(3, |number| number.parse().expect("a number of nodes"));
    let viewport = eframe::egui::ViewportBuilder::default()
        .with_inner_size([1280.0, 800.0])
        .with_decorations(false);
    let options = NativeOptions { viewport, persist_window: false, ..NativeOptions::default() };
    eframe::run_native(
        "trunkline-generated",
        options,
        Box::new(move |context| {
            let (connection, feed) = Connection::pair();
            let (lookups, _desk) = Lookups::pair();
            let ctx = context.egui_ctx.clone();
            thread::spawn(move || run(nodes, &feed, || ctx.request_repaint()));
            let app = App::new(context, "127.0.0.1:7400", connection, lookups);
            if std::env::args().nth(2).is_some_and(|theme| theme == "light") {
                context.egui_ctx.set_theme(eframe::egui::Theme::Light);
            }
            Ok(Box::new(app))
        }),
    )
}

fn run(nodes: usize, feed: &Feed, wake: impl Fn()) {
    let mut cluster = Cluster::of(nodes);
    let mut tell = |tell_line| feed.updates.blocking_send(Update::Line(tell_line)).is_ok();
    tell(hello(true));
    for step in 0.. {
        let past = step < 400;
        if step == 360 && nodes > 2 {
            cluster
                .kill(1)
                .into_iter()
                .for_each(|event| drop(tell(trunkline_protocol::status::Line::Event(event))));
        }
        if !tell(line(cluster.step(if past { 2_000 } else { 500 }))) {
            return;
        }
        wake();
        if !past {
            thread::sleep(Duration::from_millis(500));
        }
    }
}
