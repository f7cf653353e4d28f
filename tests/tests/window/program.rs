//! The window's program: its arguments, its exit status, and its window on a virtual display.

use std::{
    fs,
    os::unix::net::UnixListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use trunkline_certs::{Role, init, issue};
use trunkline_cli::local_cluster::Programs;
use trunkline_tests::{virtual_display::VirtualDisplay, window_process::PROGRAM};

/// How long a window may take to show on a loaded machine that draws in software.
const PATIENCE: Duration = Duration::from_secs(60);

fn program(certs: &Path) -> Command {
    let mut command = Command::new(Programs::built(&[PROGRAM]).unwrap().path(PROGRAM));
    command.env_clear().arg("--certs").arg(certs);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn certs() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).unwrap();
    issue(dir.path(), Role::Admin, &"admin".parse().unwrap()).unwrap();
    dir
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn invalid_arguments_end_it_with_2() {
    let certs = certs();
    let cases: [(&[&str], &str); 9] = [
        (&["--relay", "nowhere"], "--relay"),
        (&["--relay", "quic://127.0.0.1:7400"], "as in 127.0.0.1:7400"),
        (&["--relay", "::1:7400"], "[::1]:7400"),
        (&["--relay", "relay:0"], "1 to 65535"),
        (&["--redis", "redis://alice:hunter2@db:x"], "redis://[[user]:password@]host"),
        (&["--redis", "carrier-pigeon://x"], "--redis"),
        (&["--name", "somebody"], "trunkline-certs issue"),
        (&["--role", "node"], "--role"),
        (&["--bogus"], "--bogus"),
    ];
    for (arguments, named) in cases {
        let output = program(certs.path()).args(arguments).output().unwrap();
        let line = one_line(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
        assert!(line.contains(named), "{arguments:?}: {line}");
        assert!(!line.contains("hunter2"), "{arguments:?}: {line}");
    }
}

#[test]
fn help_shows_no_password_and_empty_variables_count_as_unset() {
    let certs = certs();
    let mut help = program(certs.path());
    let help = help.arg("--help").env("TRUNKLINE_REDIS", "redis://:hunter2@db").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.contains("TRUNKLINE_REDIS") && !text.contains("hunter2"), "{text}");
    let mut empty = program(certs.path());
    for name in ["RELAY", "REDIS", "ROLE", "NAME", "SIZE", "THEME", "TAB", "DUMP"] {
        empty.env(format!("TRUNKLINE_{name}"), "");
    }
    // It gets as far as the missing display.
    let output = empty.env("TRUNKLINE_LOG", "off").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn missing_display_is_named_and_ends_it_with_1() {
    let output = program(certs().path()).env("TRUNKLINE_LOG", "off").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output).contains("DISPLAY"));
}

/// Runs the program on a display until its window shows, and ends it.
fn show(screen: &VirtualDisplay, home: &Path, prepare: impl FnOnce(&mut Command)) {
    let certs = certs();
    let mut command = program(certs.path());
    // Nothing listens on port 1: the window shows that the relay is missing.
    command.args(["--relay", "127.0.0.1:1"]).env("DISPLAY", screen.display()).env("HOME", home);
    prepare(command.stderr(Stdio::null()));
    let mut window = command.spawn().unwrap();
    await_window(screen, &mut window);
    kill_process(Pid::from_child(&window), Signal::TERM).unwrap();
    assert_eq!(window.wait().unwrap().code(), Some(0));
}

#[test]
fn window_shows_and_ends_on_sigterm() {
    let (home, screen) =
        (tempfile::tempdir().unwrap(), VirtualDisplay::start((1280, 800)).unwrap());
    show(&screen, home.path(), |_| {});
}

#[test]
fn stale_wayland_display_falls_back_to_x11() {
    let home = tempfile::tempdir().unwrap();
    let stale = |command: &mut Command| {
        command.env("WAYLAND_DISPLAY", "wayland-0").env("XDG_RUNTIME_DIR", home.path());
    };
    show(&VirtualDisplay::start((1280, 800)).unwrap(), home.path(), stale);
    // Its socket exists, but nothing listens.
    drop(UnixListener::bind(home.path().join("wayland-0")).unwrap());
    show(&VirtualDisplay::start((1280, 800)).unwrap(), home.path(), stale);
}

#[test]
fn unreachable_displays_are_named() {
    let certs = certs();
    let mut program = program(certs.path());
    program.env("WAYLAND_DISPLAY", "wayland-9").env("DISPLAY", ":4711");
    let output = program.env("TRUNKLINE_LOG", "off").output().unwrap();
    let line = one_line(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        ["WAYLAND_DISPLAY=wayland-9", "DISPLAY=:4711", "XDG_RUNTIME_DIR"]
            .iter()
            .all(|name| line.contains(name)),
        "{line}"
    );
    assert!(!line.contains(".rs"), "{line}");
}

#[test]
fn missing_opengl_names_what_to_install() {
    let (libraries, screen) =
        (tempfile::tempdir().unwrap(), VirtualDisplay::start((1280, 800)).unwrap());
    for library in ["libGL.so", "libGL.so.1", "libEGL.so", "libEGL.so.1"] {
        fs::write(libraries.path().join(library), "no library").unwrap();
    }
    let certs = certs();
    let mut program = program(certs.path());
    program.env("DISPLAY", screen.display()).env("LD_LIBRARY_PATH", libraries.path());
    let output =
        program.env("HOME", libraries.path()).env("TRUNKLINE_LOG", "off").output().unwrap();
    let line = one_line(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        ["OpenGL", "libgl1-mesa-dri", "LIBGL_ALWAYS_SOFTWARE"]
            .iter()
            .all(|word| line.contains(word)),
        "{line}"
    );
    assert!(!line.contains("WAYLAND_DISPLAY"), "{line}");
}

#[test]
fn window_with_a_position_off_screen_shows_on_screen() {
    let (home, screen) =
        (tempfile::tempdir().unwrap(), VirtualDisplay::start((1280, 800)).unwrap());
    let stored = home.path().join(".local/share/trunkline-admin-gui");
    fs::create_dir_all(&stored).unwrap();
    let window = "(normal_geometry:(outer_position_pixels:Some((x:9000.0,y:5000.0)),scale_factor:1.0,\
                  inner_size_points:(x:1500.0,y:900.0)),fullscreen:false,maximized:false)";
    fs::write(stored.join("app.ron"), format!("{{ \"window\": {window:?} }}")).unwrap();
    show(&screen, home.path(), |_| {});
}

/// Waits until most of the display has the window's background colour, and there is text on it:
/// antialiased text has many shades.
fn await_window(screen: &VirtualDisplay, window: &mut Child) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let colors = screen.screenshot().unwrap().colors();
        if colors[0].0 != [0; 3] && colors.len() > 20 {
            return;
        }
        assert!(window.try_wait().unwrap().is_none(), "the program ended");
        assert!(Instant::now() < deadline, "the window does not show: {colors:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
