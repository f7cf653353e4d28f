//! The window over a cluster that runs nowhere, to look at how it looks:
//! `cargo run -p trunkline-admin-gui --example generated -- [--nodes N] [--back SHARE] [--theme light]`

#[path = "../tests/it/generated.rs"]
mod generated;

use std::{thread, time::Duration};

use clap::Parser;
use eframe::{
    CreationContext, Frame, NativeOptions,
    egui::{self, Event, Modifiers, PointerButton, Pos2, RawInput, ViewportBuilder, pos2},
};
use trunkline_admin_gui::{
    App, Look,
    connection::{Connection, Feed, Update},
    lookups::Lookups,
};
use trunkline_protocol::status::StatusLine;

use generated::{Cluster, hello, line};

/// How many snapshots are of the time before the window was opened, and how far they are apart:
/// an hour.
const PAST: u64 = 1_200;
const PAST_STEP_MS: u64 = 3_000;

/// The time between the snapshots that come while it is open.
const STEP_MS: u64 = 500;

/// The frame in which the slider is pressed: when the past has come.
const PRESSED_AT: u64 = 12;

#[derive(Clone, Parser)]
struct Args {
    /// How many nodes there are; the second one dies on the way.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Where the slider of time is pressed, from the left of the window to the right.
    #[arg(long)]
    back: Option<f32>,
    #[command(flatten)]
    look: Look,
}

fn main() -> eframe::Result {
    let args = Args::parse();
    let size = args.look.size.unwrap_or_default();
    let viewport = ViewportBuilder::default().with_inner_size([size.width, size.height]);
    let options = NativeOptions { viewport, persist_window: false, ..NativeOptions::default() };
    eframe::run_native(
        "trunkline-generated",
        options,
        Box::new(move |context| Ok(Box::new(Pressed::new(context, args)))),
    )
}

/// The window, and a finger that presses its slider.
struct Pressed {
    app: App,
    back: Option<f32>,
    frames: u64,
}

impl Pressed {
    fn new(context: &CreationContext<'_>, args: Args) -> Self {
        let (connection, feed) = Connection::pair();
        let (lookups, _) = Lookups::pair();
        let ctx = context.egui_ctx.clone();
        thread::spawn(move || run(args.nodes, &feed, || ctx.request_repaint()));
        let mut app = App::new(context, "127.0.0.1:7400", connection, lookups);
        app.look(&context.egui_ctx, args.look);
        Self { app, back: args.back, frames: 0 }
    }
}

impl eframe::App for Pressed {
    fn raw_input_hook(&mut self, _ctx: &egui::Context, input: &mut RawInput) {
        self.frames += 1;
        let (Some(share), Some(screen)) = (self.back, input.screen_rect) else { return };
        let at = pos2(screen.width() * share, screen.height() - 25.0);
        let press = |pressed| button(at, pressed);
        match self.frames.saturating_sub(PRESSED_AT) {
            1 => input.events.extend([Event::PointerMoved(at), press(true)]),
            2 => input.events.extend([press(false), Event::PointerGone]),
            _ => {}
        }
    }

    fn logic(&mut self, ctx: &egui::Context, frame: &mut Frame) {
        self.app.logic(ctx, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut Frame) {
        self.app.ui(ui, frame);
    }
}

fn button(pos: Pos2, pressed: bool) -> Event {
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    Event::PointerButton { pos, button, pressed, modifiers }
}

/// Runs the cluster until the window is closed; its second node dies on the way.
fn run(nodes: usize, feed: &Feed, wake: impl Fn()) {
    let mut cluster = Cluster::of(nodes);
    let tell = |line: StatusLine| feed.updates.blocking_send(Update::Line(line)).is_ok();
    tell(hello(true));
    for step in 0.. {
        if step == PAST * 2 / 3 && nodes > 2 {
            cluster.kill(1).into_iter().map(StatusLine::Event).for_each(|event| {
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
