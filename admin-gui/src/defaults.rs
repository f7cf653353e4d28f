//! Every limit and timeout of the window.

use std::time::Duration;

use eframe::egui::{Vec2, vec2};

/// The interval of snapshots that the window asks the relay for.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// A relay that has written nothing for this long is lost: it writes a snapshot every [`INTERVAL`],
/// also while the cluster is idle.
pub const SILENCE: Duration = Duration::from_secs(5);

/// The wait before the first redial; each next one is twice as long.
pub const REDIAL_MIN: Duration = Duration::from_millis(250);

/// The longest wait between two dials: what an operator who has just started the relay waits.
pub const REDIAL_MAX: Duration = Duration::from_secs(2);

/// The longest line that a relay may write. A hundred nodes that all send to each other make one
/// of about a mebibyte.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many updates may wait for the window. A relay that writes faster is slowed down by QUIC's flow
/// control.
pub const UPDATES_MAX: usize = 256;

/// How many commands may wait to be written to the relay.
pub const COMMANDS_MAX: usize = 16;

/// Updates that arrive within this time are drawn in one frame.
pub const REPAINT_DELAY: Duration = Duration::from_millis(30);

/// While the cluster is idle, snapshots wake the window at this interval: with every other one.
pub const STILL_INTERVAL: Duration = Duration::from_millis(900);

/// A snapshot older than this is not called live any more.
pub const FRESH: Duration = Duration::from_millis(2_500);

/// Rates are averages over the latest milliseconds, as nodes report at another interval than the relay
/// writes snapshots.
pub const RATE_WINDOW_MS: u64 = 2_000;

/// A node's report that is older than this says nothing of its rates now: nodes report every second.
pub const REPORT_MAX_AGE_MS: u64 = 3_000;

/// Two reports of a node that come in quicker succession than this were not sent so: the first one was
/// delayed.
pub const REPORT_INTERVAL_MIN_MS: u64 = 750;

/// Percentiles are taken over the latest milliseconds.
pub const LATENCY_WINDOW_MS: u64 = 10_000;

/// How far back the history goes.
pub const HISTORY_MS: u64 = 60 * 60 * 1000;

/// How many of the latest milliseconds have every snapshot. Before that, there is one per
/// [`COARSE_STEP_MS`].
pub const FINE_MS: u64 = 2 * 60 * 1000;

/// The least time between two snapshots that are older than [`FINE_MS`].
pub const COARSE_STEP_MS: u64 = 5_000;

/// About how much memory the history may take; the oldest snapshots make room.
pub const HISTORY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// About how much the strings and vectors of one node take in a snapshot, beside its own size.
pub const NODE_HEAP_BYTES: usize = 400;

/// How many events are kept; the oldest make room.
pub const EVENTS_MAX: usize = 10_000;

/// The span of time of the shorter of the totals that the header shows. The longer one is an hour.
pub const TOTALS_MS: u64 = 15 * 60 * 1000;

/// A cluster whose share of failed sends is larger than this is in a critical state.
pub const FAILING_SHARE: f64 = 0.01;

/// The share of failed sends is that of the latest milliseconds: a single send that fails is no
/// outage, also where few are sent.
pub const FAILING_WINDOW_MS: u64 = 10_000;

/// What was counted in this time before an incident was noticed belongs to it: a node's report comes
/// every second, and the silence of a node is noticed after one and a half.
pub const INCIDENT_LEAD_MS: u64 = 3_000;

/// How long after its start a relay may be without Redis before that counts as an incident.
pub const RELAY_STARTS_MS: u64 = 3_000;

/// An incident is over when nothing has been wrong for this time: nodes link up and report to a
/// restarted relay within it.
pub const INCIDENT_QUIET_MS: u64 = 5_000;

/// How long the header shows an incident that is over.
pub const RECOVERED_SHOWN_MS: u64 = 10 * 60 * 1000;

/// How many incidents are kept; the oldest make room.
pub const INCIDENTS_MAX: usize = 256;

/// From this share of its capacity on, a cluster is called nearly full.
pub const NEARLY_FULL_SHARE: f64 = 0.95;

/// From this share of lost packets on, a link is called lossy.
pub const LOSSY_SHARE: f64 = 0.02;

/// A node of whose sends more than this share fails is called failing.
pub const NODE_FAILING_SHARE: f64 = 0.01;

/// The least time between two changes of the order of a list that is sorted by changing values.
pub const RESORT_INTERVAL: Duration = Duration::from_secs(1);

/// How many queries to the directory, and how many replies, may wait.
pub const QUERIES_MAX: usize = 32;

/// A search ends when it has found this many users.
pub const FOUND_MAX: usize = 1_000;

/// How many users of a node one query asks for.
pub const PAGE_USERS: usize = 200;

/// How many such pages are cached.
pub const PAGES_MAX: usize = 64;

/// How often the directory is asked how many users it lists for each node, and where a user is, while
/// that is shown.
pub const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// How long after a command to disconnect a user the directory is asked for the user again: the nodes
/// have removed its entries by then.
pub const DISCONNECT_DELAY: Duration = Duration::from_millis(500);

/// How often the window checks whether a recording has been read or written.
pub const FILE_JOB_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// While a recording plays fast, the least time between two of its moments that are drawn.
pub const PLAYBACK_FRAME: Duration = Duration::from_millis(40);

/// How long a display that the environment names may take to answer.
pub const DISPLAY_TIMEOUT: Duration = Duration::from_secs(3);

/// The smallest window, in points. A screen of 1440 by 900 pixels at a scale of 3 has 480 by 300.
pub const WINDOW_MIN: [f32; 2] = [480.0, 300.0];

/// How much of a window's upper edge has to be on a screen, in pixels: enough to drag it by.
pub const REACHABLE: Vec2 = vec2(120.0, 24.0);

/// How long a notice is shown.
pub const NOTICE: Duration = Duration::from_secs(8);
