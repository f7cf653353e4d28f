use std::{
    io,
    thread::{self, JoinHandle},
};

use eframe::{
    CreationContext, NativeOptions,
    egui::{Context, ViewportBuilder, ViewportCommand},
};
use thiserror::Error;
use tokio::runtime;
use tracing::warn;
use trunkline_ops::stop_signal;

use crate::{
    App, Config, Size,
    connection::{self, Connection, Feed},
    defaults::REPAINT_DELAY,
    icon::icon,
    lookups::{self, Desk, Lookups},
};

/// What the desktop knows the window by, and the folder that its layout is stored in.
const APP_ID: &str = "trunkline-admin-gui";

/// Why the window failed.
#[derive(Debug, Error)]
#[error(
    "no window can be shown ({0}): run it where there is a display, as DISPLAY or WAYLAND_DISPLAY \
     names it"
)]
pub struct RunError(#[from] eframe::Error);

/// Opens the window and shows the cluster until it is closed, or the process is told to end.
///
/// # Errors
/// If no window can be opened.
pub fn run(config: Config) -> Result<(), RunError> {
    let title = format!("Trunkline, relay at {}", config.relay);
    let viewport =
        ViewportBuilder::default().with_app_id(APP_ID).with_title(title).with_icon(icon());
    let Size { width, height } = config.look.size.unwrap_or_default();
    let viewport = viewport.with_inner_size([width, height]).with_min_inner_size([1080.0, 600.0]);
    // A size that was asked for is not that of the last time.
    let persist_window = config.look.size.is_none();
    let options = NativeOptions { viewport, persist_window, ..NativeOptions::default() };
    let mut reading = None;
    let shown = eframe::run_native(
        APP_ID,
        options,
        Box::new(|context| {
            let (app, thread) = open(context, config)?;
            reading = Some(thread);
            Ok(Box::new(app))
        }),
    );
    if let Some(thread) = reading {
        // The window is gone, so the thread has nobody to tell and ends by itself.
        let _ = thread.join();
    }
    Ok(shown?)
}

fn open(context: &CreationContext<'_>, config: Config) -> io::Result<(App, JoinHandle<()>)> {
    let (connection, feed) = Connection::pair();
    let (lookups, desk) = Lookups::pair();
    let (relay, look) = (config.relay.to_string(), config.look.clone());
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let ctx = context.egui_ctx.clone();
    let read = move || runtime.block_on(read(config, feed, desk, ctx));
    let thread = thread::Builder::new().name("status".into()).spawn(read)?;
    let mut app = App::new(context, relay, connection, lookups);
    app.look(&context.egui_ctx, look);
    Ok((app, thread))
}

/// All that the window does beside drawing.
async fn read(config: Config, feed: Feed, desk: Desk, ctx: Context) {
    let wake = || ctx.request_repaint_after(REPAINT_DELAY);
    let looking_up = lookups::run(config.directory.clone(), desk, wake);
    let reading = async { tokio::join!(connection::run(config, feed, wake), looking_up) };
    tokio::pin!(reading);
    match stop_signal() {
        Ok(stop) => tokio::select! {
            _ = &mut reading => return,
            () = stop => ctx.send_viewport_cmd(ViewportCommand::Close),
        },
        Err(error) => warn!(%error, "a signal will end the window without saving its layout"),
    }
    reading.await;
}
