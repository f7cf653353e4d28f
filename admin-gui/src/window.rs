use std::{
    io,
    thread::{self, JoinHandle},
};

use eframe::{
    CreationContext, EventLoopBuilderHook, NativeOptions,
    egui::{Context, ViewportBuilder, ViewportCommand},
};
use thiserror::Error;
use tokio::runtime;
use tracing::warn;
use trunkline_ops::stop_signal;
use winit::platform::{wayland::EventLoopBuilderExtWayland, x11::EventLoopBuilderExtX11};

use crate::{
    App, NoDisplay, WindowConfig, WindowSize,
    connection::{self, Feed, StatusConnection},
    defaults::{REPAINT_DELAY, WINDOW_MIN},
    display::{self, Backend},
    icon::icon,
    queries::{self, QueryClient, QueryServer},
};

/// Identifies the window to the desktop, and names the folder that its layout is stored in.
const APP_ID: &str = "trunkline-admin-gui";

/// Why the window failed. Each text names the remedy.
#[derive(Debug, Error)]
pub enum WindowError {
    /// No display answers.
    #[error(
        "cannot open the window, as no display answers: {0}; run it in a desktop session, or set one \
         of the two variables to a running display"
    )]
    NoDisplay(#[from] NoDisplay),
    /// The display answered and refuses the window.
    #[error("cannot open the window, as the display refuses it ({cause}): {hint}")]
    Display {
        /// The library's error.
        cause: String,
        /// The remedy.
        hint: &'static str,
    },
    /// OpenGL is missing or too old.
    #[error(
        "cannot open the window without OpenGL 2.1 or newer ({0}): install libgl1, libegl1 and \
         libgl1-mesa-dri, or a driver for the graphics card; if that does not help, as on a display \
         of another machine, set LIBGL_ALWAYS_SOFTWARE=1"
    )]
    OpenGl(String),
    /// The app could not be created.
    #[error("cannot open the window: {0}")]
    Start(String),
}

impl WindowError {
    fn of(error: eframe::Error, backend: Backend) -> Self {
        let cause = without_location(&error.to_string()).to_owned();
        match error {
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
                Self::Display { cause, hint: hint(backend) }
            }
            eframe::Error::Glutin(_)
            | eframe::Error::NoGlutinConfigs(..)
            | eframe::Error::OpenGL(_) => Self::OpenGl(cause),
            eframe::Error::AppCreation(_) => Self::Start(cause),
        }
    }
}

fn hint(backend: Backend) -> &'static str {
    match backend {
        Backend::Wayland => {
            "install libwayland-client0 and libxkbcommon0, or unset WAYLAND_DISPLAY if DISPLAY names a \
             display that accepts it"
        }
        Backend::X11 => {
            "see `xauth list` and `xhost` for access to it, and install libx11-xcb1, libxcursor1, \
             libxi6 and libxkbcommon-x11-0"
        }
    }
}

/// The text of a winit error without the source location that it starts with.
fn without_location(error: &str) -> &str {
    let after = error.rsplit_once(".rs:").map_or(error, |(_, after)| {
        after.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches([':', ' '])
    });
    after.trim_end_matches('.')
}

/// Opens the window and shows the cluster, until the window is closed or the process gets a signal to
/// end.
///
/// # Errors
/// If the window cannot be opened.
pub fn run(config: WindowConfig) -> Result<(), WindowError> {
    let backend = display::choose()?;
    let title = format!("Trunkline, relay at {}", config.relay);
    let viewport =
        ViewportBuilder::default().with_app_id(APP_ID).with_title(title).with_icon(icon());
    let WindowSize { width, height } = config.options.size.unwrap_or_default();
    let viewport = viewport.with_inner_size([width, height]).with_min_inner_size(WINDOW_MIN);
    // A size given on the command line replaces the stored one.
    let persist_window = config.options.size.is_none();
    let event_loop_builder: EventLoopBuilderHook = Box::new(move |builder| {
        match backend {
            Backend::Wayland => EventLoopBuilderExtWayland::with_wayland(builder),
            Backend::X11 => EventLoopBuilderExtX11::with_x11(builder),
        };
    });
    let options = NativeOptions {
        viewport,
        persist_window,
        event_loop_builder: Some(event_loop_builder),
        ..NativeOptions::default()
    };
    let mut reader = None;
    let closed = eframe::run_native(
        APP_ID,
        options,
        Box::new(|context| {
            let (app, thread) = open(context, config)?;
            reader = Some(thread);
            Ok(Box::new(app))
        }),
    );
    if let Some(thread) = reader {
        // The window's ends of the channels are dropped, so the thread closes its connections and
        // ends. It cannot fail: a panic ends the process.
        let _ = thread.join();
    }
    closed.map_err(|error| WindowError::of(error, backend))
}

fn open(context: &CreationContext<'_>, config: WindowConfig) -> io::Result<(App, JoinHandle<()>)> {
    let (connection, feed) = StatusConnection::pair();
    let (queries, server) = QueryClient::pair();
    let (relay, window_options) = (config.relay.to_string(), config.options.clone());
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let ctx = context.egui_ctx.clone();
    let read = move || runtime.block_on(read(config, feed, server, ctx));
    let thread = thread::Builder::new().name("status".into()).spawn(read)?;
    let mut app = App::new(context, relay, connection, queries);
    app.apply_options(&context.egui_ctx, window_options);
    Ok((app, thread))
}

/// Reads the status stream and answers queries until the window is closed. A signal closes it.
async fn read(config: WindowConfig, feed: Feed, server: QueryServer, ctx: Context) {
    let wake = || ctx.request_repaint_after(REPAINT_DELAY);
    let answering = queries::run(config.directory.clone(), server, wake);
    let reading = async { tokio::join!(connection::run(config, feed, wake), answering) };
    tokio::pin!(reading);
    match stop_signal() {
        Ok(stop) => tokio::select! {
            _ = &mut reading => return,
            () = stop => ctx.send_viewport_cmd(ViewportCommand::Close),
        },
        Err(error) => {
            warn!(%error, "cannot catch signals: one will end the window without saving its layout")
        }
    }
    reading.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_location_is_left_out() {
        let error = "os error at /src/x11/mod.rs:42: Failed to open the display.";
        assert_eq!(without_location(error), "Failed to open the display");
        assert_eq!(without_location("no EGL configuration"), "no EGL configuration");
    }
}
