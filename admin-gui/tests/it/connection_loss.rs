//! What the window shows while no relay answers.

use std::time::{Duration, Instant};

use trunkline_admin_gui::connection::Update;

use crate::{generated::Cluster, window::WindowHarness};

fn lost() -> Update {
    let retry_at = Instant::now() + Duration::from_secs(2);
    Update::Lost { reason: "no answer".into(), retry_at }
}

#[test]
fn missing_relay_is_shown_with_remedy() {
    let mut window = WindowHarness::open();
    window.update(Update::Dialling);
    window.assert_words("Connecting to the relay at 127.0.0.1:7400");
    window.update(lost());
    window.assert_has("no relay at 127.0.0.1:7400: retrying in 2 s; start one with `just up`");
    window.update(Update::Dialling);
    window.assert_has("no relay at 127.0.0.1:7400: retrying now; start one with `just up`");
    window.assert_has("no answer");
}

#[test]
fn last_known_state_is_shown_until_relay_is_back() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.update(lost());
    window.assert_has("Relay lost");
    window.assert_words("retrying in 2 s");
    window.assert_has("node-1, live, 124 sessions of 500");
    window.assert_has("No data from the relay: last known values, as of 14:13:24, 0 s ago");
    window.assert_has("Nodes ○ was 3 live");
    window.assert_has("values as of 14:13:24");
    assert!(!window.has("now"), "the slider ends at the last snapshot");
    assert!(!window.has_words("continue"), "nobody knows what still works");
    window.update(Update::Dialling);
    window.assert_has("Relay lost");
    window.advance(&mut cluster, 1);
    window.assert_has("Healthy");
    window.assert_has("Relay ● up");
    window.assert_has("now");
    assert!(!window.has_words("last known"));
    window.click("Events");
    window.assert_has("this window lost the relay: no answer");
    window.assert_has("this window is connected to the relay again");
}
