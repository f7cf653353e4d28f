//! Pause, past moments, and recordings.

use std::time::{Duration, Instant};

use eframe::egui::Key;
use trunkline_protocol::control::MemberState;

use crate::{
    generated::{Cluster, START_MS, hello},
    window::WindowHarness,
};

/// The longest time for a file on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn paused_display_ignores_new_snapshots() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.click("Pause");
    window.assert_has("paused");
    cluster.node_mut(2).load.sessions = 300;
    window.advance(&mut cluster, 4);
    window.assert_has("node-3, live, 230 sessions of 500");
    window.assert_has("paused, 2 s behind the latest");
    window.key(Key::Space);
    window.assert_has("node-3, live, 300 sessions of 500");
    assert!(!window.has_words("paused"));
}

#[test]
fn arrow_keys_show_earlier_moments() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.send_event(event));
    window.advance(&mut cluster, 4);
    window.assert_has("Degraded");
    for _ in 0..3 {
        window.key(Key::ArrowLeft);
    }
    window.assert_has("Healthy");
    window.assert_has("node-2, live, 177 sessions of 500");
    window.click("Events");
    window.assert_has("0 events");
    window.click("Resume");
    window.assert_has("2 events");
}

#[test]
fn click_on_event_shows_its_moment() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    let [event, _] = cluster.kill(1);
    let at = event.at_ms;
    window.send_event(event);
    window.advance(&mut cluster, 4);
    window.click("Events");
    let seconds = 20 + (at - START_MS) / 1000;
    window.click(&format!("14:13:{seconds}"));
    window.assert_words("paused, 2 s behind the latest");
}

#[test]
fn repeated_history_of_relay_is_not_counted_twice() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::open();
    window.send_line(hello(true));
    let past: Vec<_> = (0..6).map(|_| cluster.step(500)).collect();
    past.iter().cloned().for_each(|snapshot| window.send_snapshot(snapshot));
    let accepted = window.labels("accepted");
    window.send_line(hello(true));
    past.into_iter().for_each(|snapshot| window.send_snapshot(snapshot));
    assert_eq!(window.labels("accepted"), accepted);
    cluster.node_mut(0).state = MemberState::Draining;
    window.advance(&mut cluster, 1);
    window.assert_words("node-1 is draining");
}

#[test]
fn saved_recording_can_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("an hour.jsonl").display().to_string();
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.send_event(event));
    window.advance(&mut cluster, 2);
    choose_file(&mut window, "Save recording …", "Save", &path);
    await_words(&mut window, "saved");

    let mut other = WindowHarness::onto(&mut Cluster::of(7));
    choose_file(&mut other, "Open recording …", "Open", &path);
    await_words(&mut other, "recording an hour.jsonl");
    other.assert_words("node-2 is dead");
    assert!(!other.has_words("node-7"));
    other.click("node-1, live, 124 sessions of 500");
    assert!(!other.has("Drain …"), "nothing can be done to a recording");
    other.click("Close recording");
    other.assert_words("node-7");
}

#[test]
fn invalid_recording_names_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "{\"type\":\"later\"}\nbuy milk\n").unwrap();
    let mut window = WindowHarness::onto(&mut Cluster::of(2));
    choose_file(&mut window, "Open recording …", "Open", &path.display().to_string());
    await_words(&mut window, "line 2: not a status line");
    window.assert_words("node-1, live");
}

fn choose_file(window: &mut WindowHarness, item: &str, answer: &str, path: &str) {
    window.click("Window");
    window.click(item);
    window.fill("file", path);
    window.click(answer);
}

fn await_words(window: &mut WindowHarness, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !window.has_words(words) {
        assert!(Instant::now() < deadline, "there is no {words:?}");
        std::thread::sleep(Duration::from_millis(10));
        window.draw();
    }
}
