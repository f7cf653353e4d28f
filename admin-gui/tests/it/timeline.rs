//! Pausing, going back, and recordings.

use std::time::{Duration, Instant};

use eframe::egui::Key;
use trunkline_protocol::control::MemberState;

use crate::{
    generated::{Cluster, START_MS, hello},
    window::Window,
};

/// How long a file may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_paused_picture_stays_while_the_cluster_goes_on() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    window.press("Pause");
    window.assert_has("paused");
    cluster.node_mut(2).load.sessions = 300;
    window.watch(&mut cluster, 4);
    window.assert_has("node-3, live, 230 sessions of 500");
    window.assert_has("paused, 2 s behind the latest");
    window.key(Key::Space);
    window.assert_has("node-3, live, 300 sessions of 500");
    assert!(!window.has_words("paused"));
}

#[test]
fn the_arrow_keys_go_back_to_how_it_was() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.happen(event));
    window.watch(&mut cluster, 4);
    window.assert_has("Degraded");
    for _ in 0..3 {
        window.key(Key::ArrowLeft);
    }
    window.assert_has("Healthy");
    window.assert_has("node-2, live, 177 sessions of 500");
    window.press("Events");
    window.assert_has("0 events");
    window.press("Resume");
    window.assert_has("2 events");
}

#[test]
fn an_event_that_is_pressed_shows_the_picture_of_its_time() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    let [event, _] = cluster.kill(1);
    let at = event.at_ms;
    window.happen(event);
    window.watch(&mut cluster, 4);
    window.press("Events");
    let seconds = 20 + (at - START_MS) / 1000;
    window.press(&format!("14:13:{seconds}"));
    window.assert_words("paused, 2 s behind the latest");
}

#[test]
fn what_a_relay_repeats_of_its_history_is_not_taken_twice() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::open();
    window.send_line(hello(true));
    let past: Vec<_> = (0..6).map(|_| cluster.step(500)).collect();
    past.iter().cloned().for_each(|snapshot| window.show(snapshot));
    let accepted = window.labels("accepted");
    window.send_line(hello(true));
    past.into_iter().for_each(|snapshot| window.show(snapshot));
    assert_eq!(window.labels("accepted"), accepted);
    cluster.node_mut(0).state = MemberState::Draining;
    window.watch(&mut cluster, 1);
    window.assert_words("node-1 is draining");
}

#[test]
fn a_recording_is_saved_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("an hour.jsonl").display().to_string();
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.happen(event));
    window.watch(&mut cluster, 2);
    choose_file(&mut window, "Save recording …", "Save", &path);
    await_words(&mut window, "saved");

    let mut other = Window::onto(&mut Cluster::of(7));
    choose_file(&mut other, "Open recording …", "Open", &path);
    await_words(&mut other, "recording an hour.jsonl");
    other.assert_words("node-2 is dead");
    assert!(!other.has_words("node-7"));
    other.press("node-1, live, 124 sessions of 500");
    assert!(!other.has("Drain …"), "nothing can be done to a recording");
    other.press("Close recording");
    other.assert_words("node-7");
}

#[test]
fn what_is_no_recording_is_told_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "{\"type\":\"later\"}\nbuy milk\n").unwrap();
    let mut window = Window::onto(&mut Cluster::of(2));
    choose_file(&mut window, "Open recording …", "Open", &path.display().to_string());
    await_words(&mut window, "line 2: not a status line");
    window.assert_words("node-1, live");
}

fn choose_file(window: &mut Window, item: &str, answer: &str, path: &str) {
    window.press("Window");
    window.press(item);
    window.fill("file", path);
    window.press(answer);
}

fn await_words(window: &mut Window, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !window.has_words(words) {
        assert!(Instant::now() < deadline, "there is no {words:?}");
        std::thread::sleep(Duration::from_millis(10));
        window.draw();
    }
}
