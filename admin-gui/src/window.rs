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
    App, Config, NoDisplay, Size,
    connection::{self, Connection, Feed},
    defaults::{REPAINT_DELAY, WINDOW_MIN},
    display::{self, Backend},
    icon::icon,
    lookups::{self, Desk, Lookups},
};

/// What the desktop knows the window by, and the folder that its layout is stored in.
const APP_ID: &str = "trunkline-admin-gui";

/// Why the window failed. Each text names the mend.
#[derive(Debug, Error)]
pub enum RunError {
    /// No display answers.
    #[error(
        "no window can be shown, for no display answers: {0}; run it in a desktop session, or set \
         one of the two to a display that is there"
    )]
    NoDisplay(#[from] NoDisplay),
    /// A display answered, and does not take the window.
    #[error("no window can be shown, for the display refuses it ({said}): {hint}")]
    Display {
        /// What was said.
        said: String,
        /// The mend.
        hint: &'static str,
    },
    /// Nothing draws.
    #[error(
        "no window can be shown, for there is no OpenGL 2.1 or newer ({0}): install libgl1, libegl1 \
         and libgl1-mesa-dri, or a driver for the graphics card; where that does not help, as on a \
         display of another machine, set LIBGL_ALWAYS_SOFTWARE=1"
    )]
    OpenGl(String),
    /// The window cannot be made ready.
    #[error("no window can be shown: {0}")]
    Start(String),
}

impl RunError {
    fn of(error: eframe::Error, backend: Backend) -> Self {
        let said = cause(&error.to_string()).to_owned();
        match error {
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
                Self::Display { said, hint: hint(backend) }
            }
            eframe::Error::Glutin(_)
            | eframe::Error::NoGlutinConfigs(..)
            | eframe::Error::OpenGL(_) => Self::OpenGl(said),
            eframe::Error::AppCreation(_) => Self::Start(said),
        }
    }
}

fn hint(backend: Backend) -> &'static str {
    match backend {
        Backend::Wayland => {
            "install libwayland-client0 and libxkbcommon0, or unset WAYLAND_DISPLAY where DISPLAY names \
             one that takes it"
        }
        Backend::X11 => {
            "is it yours? See `xauth list` and `xhost`, and install libx11-xcb1, libxcursor1, libxi6 \
             and libxkbcommon-x11-0"
        }
    }
}

/// What winit says behind the place in its code where it says it.
fn cause(said: &str) -> &str {
    let behind = said
        .rsplit_once(".rs:")
        .map(|(_, rest)| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    behind.map_or(said, |rest| rest.trim_start_matches([':', ' '])).trim_end_matches('.')
}

/// Opens the window and shows the cluster until it is closed, or the process is told to end.
///
/// # Errors
/// If no window can be opened.
pub fn run(config: Config) -> Result<(), RunError> {
    let backend = display::choose()?;
    let title = format!("Trunkline, relay at {}", config.relay);
    let viewport =
        ViewportBuilder::default().with_app_id(APP_ID).with_title(title).with_icon(icon());
    let Size { width, height } = config.look.size.unwrap_or_default();
    let viewport = viewport.with_inner_size([width, height]).with_min_inner_size(WINDOW_MIN);
    // A size that was asked for is not that of the last time.
    let persist_window = config.look.size.is_none();
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
    shown.map_err(|error| RunError::of(error, backend))
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
