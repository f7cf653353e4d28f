//! Every limit and timeout of the window.

use std::time::Duration;

use eframe::egui::{Vec2, vec2};

/// The time between snapshots that is asked of the relay.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// A relay that has written nothing for so long is given up: it writes a snapshot each
/// [`INTERVAL`], however little happens.
pub const SILENCE: Duration = Duration::from_secs(5);

/// How long the last words to a relay may take.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The first wait after the relay was lost or could not be reached; each next one is twice as long.
pub const REDIAL_MIN: Duration = Duration::from_millis(250);

/// The longest wait between two dials: what an operator who has just started the relay waits.
pub const REDIAL_MAX: Duration = Duration::from_secs(2);

/// The longest line that a relay may write. A hundred nodes that all send to each other make one
/// of about a mebibyte.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many updates may wait for the window; a relay that writes faster is made to wait.
pub const UPDATES_MAX: usize = 256;

/// How many commands may wait to be written to the relay.
pub const COMMANDS_MAX: usize = 16;

/// What arrives within so long is drawn at once.
pub const REPAINT_DELAY: Duration = Duration::from_millis(30);

/// While nothing moves in the cluster, what arrives is drawn this long after the last time: with every
/// other snapshot.
pub const STILL_INTERVAL: Duration = Duration::from_millis(900);

/// A picture older than this is not called live any more.
pub const FRESH: Duration = Duration::from_millis(2_500);

/// Rates are taken over the latest snapshots of so many milliseconds, which evens out that nodes
/// report at their own pace.
pub const RATE_WINDOW_MS: u64 = 2_000;

/// What a node told longer ago says nothing of how fast it counts now: it tells every second.
pub const REPORT_LIFE_MS: u64 = 3_000;

/// Two reports of a node that come sooner one after the other than this were not told so soon: the
/// first was held up.
pub const REPORT_LEAST_MS: u64 = 750;

/// Percentiles are taken over the latest so many milliseconds.
pub const LATENCY_WINDOW_MS: u64 = 10_000;

/// How far back the window remembers.
pub const HISTORY_MS: u64 = 60 * 60 * 1000;

/// How many of the latest milliseconds are remembered snapshot by snapshot. Before, one in every
/// [`COARSE_STEP_MS`] is kept.
pub const FINE_MS: u64 = 2 * 60 * 1000;

/// The least time between two remembered snapshots that are older than [`FINE_MS`].
pub const COARSE_STEP_MS: u64 = 5_000;

/// About how much memory the remembered snapshots may take; the oldest go first.
pub const HISTORY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How many events are remembered; the oldest go first.
pub const EVENTS_MAX: usize = 10_000;

/// How many questions to the directory, and how many answers, may wait.
pub const QUESTIONS_MAX: usize = 32;

/// A search for users ends when it has found so many.
pub const FOUND_MAX: usize = 1_000;

/// How many users of a node are asked for at once.
pub const PAGE_USERS: usize = 200;

/// How many such pages are remembered.
pub const PAGES_MAX: usize = 64;

/// How often the directory is asked how many users it has for each node, while that is shown.
pub const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// How long a display that the environment names may take to answer.
pub const DISPLAY_TIMEOUT: Duration = Duration::from_secs(3);

/// The smallest window that may be made, in points. Of a screen of 1440 by 900 with a scale of 3 there
/// are 480 by 300.
pub const WINDOW_MIN: [f32; 2] = [480.0, 300.0];

/// How much of a window's upper edge is on a screen at least, in pixels: enough to be taken hold of.
pub const REACHABLE: Vec2 = vec2(120.0, 24.0);

/// How long a notice stays.
pub const NOTICE: Duration = Duration::from_secs(8);
