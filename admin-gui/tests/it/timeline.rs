//! Pause, past moments, and recordings.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{DroppedFile, Key};
use trunkline_protocol::{control::MemberState, status::ClusterEvent};

use crate::{
    generated::{Cluster, hello},
    window::WindowHarness,
};

/// The longest time for a file on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn paused_display_ignores_new_snapshots() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.click("Pause");
    window.assert_has("Paused at 14:13:24.000 UTC");
    cluster.node_mut(2).load.sessions = 300;
    window.advance(&mut cluster, 4);
    window.assert_has("node-3, live, 230 sessions of 500");
    window.assert_has("Paused at 14:13:24.000 UTC, 2 s behind the latest");
    window.click("Back to live");
    window.assert_has("node-3, live, 300 sessions of 500");
    assert!(!window.has_words("Paused"));
    window.key(Key::Space);
    window.assert_has("Paused at 14:13:26.000 UTC");
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
fn click_on_event_shows_first_snapshot_after_it() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    let [dead, cleaned] = cluster.kill(1);
    window.send_event(ClusterEvent { at_ms: dead.at_ms + 120, ..dead });
    window.send_event(ClusterEvent { at_ms: cleaned.at_ms + 370, ..cleaned });
    window.advance(&mut cluster, 4);
    window.click("Events");
    window.click("14:13:24.120");
    window.assert_has("Paused at 14:13:24.500 UTC, 1 s behind the latest");
    window.assert_has("Degraded");
    window.assert_has("2 events");
    window.assert_has("declared dead 1.6 s after its last response at 14:13:22.480");
    window.assert_words(
        "removed at 14:13:24.370, 1.9 s after the node's last response at 14:13:22.480",
    );
}

#[test]
fn times_are_in_the_chosen_zone() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.assert_has("14:13:24 UTC");
    window.click("Window");
    window.click("Local time");
    window.click("Window");
    window.click("UTC");
    window.assert_has("14:13:24 UTC");
}

#[test]
fn recording_plays_at_the_chosen_speed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("minute.jsonl");
    let mut cluster = Cluster::of(2);
    let mut window = WindowHarness::onto(&mut cluster);
    window.advance(&mut cluster, 112);
    choose_file(&mut window, "Save recording …", "Save", &path.display().to_string());
    await_words(&mut window, "saved");
    window.harness.input_mut().dropped_files.push(Arc::new(Dropped(path)));
    await_words(&mut window, "Not live: recording minute.jsonl, at 14:14:20.000 UTC");
    window.choose("speed", "30×");
    window.click("Play");
    await_words(&mut window, "recording minute.jsonl, at 14:13:");
    window.assert_has("Pause");
    await_words(&mut window, "at 14:14:20.000 UTC");
    window.assert_has("Play");
    window.click("Close recording");
    assert!(!window.has_words("Not live"));
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

/// A file that is dropped on the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("the window reads the file by its path".into())
    }
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
