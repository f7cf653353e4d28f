//! The window over a generated cluster, to see its design without running one:
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
    App, WindowOptions,
    connection::{Feed, StatusConnection, Update},
    queries::QueryClient,
};
use trunkline_protocol::status::StatusLine;

use generated::{Cluster, hello, line};

/// The snapshots before the window was opened, and their interval: an hour.
const PAST: u64 = 1_200;
const PAST_STEP_MS: u64 = 3_000;

/// The interval of the snapshots that come while it is open.
const STEP_MS: u64 = 500;

/// The frame in which the slider is clicked: all snapshots of the past have come by then.
const CLICK_FRAME: u64 = 12;

#[derive(Clone, Parser)]
struct Args {
    /// The number of nodes; the second one dies.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Click the timeline at this share of the window's width.
    #[arg(long)]
    back: Option<f32>,
    #[command(flatten)]
    options: WindowOptions,
}

fn main() -> eframe::Result {
    let args = Args::parse();
    let size = args.options.size.unwrap_or_default();
    let viewport = ViewportBuilder::default().with_inner_size([size.width, size.height]);
    let options = NativeOptions { viewport, persist_window: false, ..NativeOptions::default() };
    eframe::run_native(
        "trunkline-generated",
        options,
        Box::new(move |context| Ok(Box::new(ClickedApp::new(context, args)))),
    )
}

/// The window, with a click on its timeline.
struct ClickedApp {
    app: App,
    back: Option<f32>,
    frames: u64,
}

impl ClickedApp {
    fn new(context: &CreationContext<'_>, args: Args) -> Self {
        let (connection, feed) = StatusConnection::pair();
        let (queries, _) = QueryClient::pair();
        let ctx = context.egui_ctx.clone();
        thread::spawn(move || run(args.nodes, &feed, || ctx.request_repaint()));
        let mut app = App::new(context, "127.0.0.1:7400", connection, queries);
        app.apply_options(&context.egui_ctx, args.options);
        Self { app, back: args.back, frames: 0 }
    }
}

impl eframe::App for ClickedApp {
    fn raw_input_hook(&mut self, _ctx: &egui::Context, input: &mut RawInput) {
        self.frames += 1;
        let (Some(share), Some(screen)) = (self.back, input.screen_rect) else { return };
        let at = pos2(screen.width() * share, screen.height() - 25.0);
        let press = |pressed| button(at, pressed);
        match self.frames.saturating_sub(CLICK_FRAME) {
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

/// Feeds the window until it is closed.
fn run(nodes: usize, feed: &Feed, wake: impl Fn()) {
    let mut cluster = Cluster::of(nodes);
    let send = |line: StatusLine| feed.updates.blocking_send(Update::Line(line)).is_ok();
    send(hello(true));
    for step in 0.. {
        if step == PAST * 2 / 3 && nodes > 2 {
            cluster.kill(1).into_iter().map(StatusLine::Event).for_each(|event| {
                send(event);
            });
        }
        let is_past = step < PAST;
        if !send(line(cluster.step(if is_past { PAST_STEP_MS } else { STEP_MS }))) {
            return;
        }
        wake();
        if !is_past {
            thread::sleep(Duration::from_millis(STEP_MS));
        }
    }
}
