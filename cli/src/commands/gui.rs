//! `gui`: opens the operator's window for the running cluster.

use std::{env, ffi::OsString, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    local_cluster::Programs,
    state::{ClusterState, Home},
};

/// The window's program.
pub(crate) const PROGRAM: &str = "trunkline-admin-gui";

/// Whether a window can be opened.
pub(crate) fn has_display() -> bool {
    is_display_named(|name| env::var_os(name))
}

/// A variable that is set but empty does not count.
fn is_display_named(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let mut names = ["WAYLAND_SOCKET", "WAYLAND_DISPLAY", "DISPLAY"].into_iter();
    names.any(|name| variable(name).is_some_and(|display| !display.is_empty()))
}

/// Builds the window if it is missing or old, and becomes it.
pub(crate) fn run(home: &Home) -> Result<()> {
    let state = ClusterState::running(home)?;
    ensure!(
        has_display(),
        "no display: `just status` shows the cluster in this terminal, or set DISPLAY or WAYLAND_DISPLAY"
    );
    let programs = Programs::built(&[PROGRAM])?;
    let mut window = Command::new(programs.path(PROGRAM));
    window.args(["--relay", &state.relay.to_string(), "--redis", &state.redis]);
    window.arg("--certs").arg(&state.certs);
    Err(window.exec()).context("the window cannot be opened")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variable_names_no_display() {
        assert!(!is_display_named(|_| None));
        assert!(!is_display_named(|_| Some(OsString::new())));
        assert!(is_display_named(|name| (name == "DISPLAY").then(|| ":0".into())));
    }
}
