//! `gui`: the operator's window of the cluster that runs.

use std::{os::unix::process::CommandExt, process::Command};

use crate::local_cluster::Programs;
use anyhow::{Context, Result};

use crate::state::{Home, State};

/// The window's program and package.
pub(crate) const PROGRAM: &str = "trunkline-admin-gui";

/// Builds the window if need be, and becomes it.
pub(crate) fn run(home: &Home) -> Result<()> {
    let state = State::running(home)?;
    let programs = Programs::built(&[PROGRAM])?;
    let mut window = Command::new(programs.path(PROGRAM));
    window.args(["--relay", &state.relay.to_string(), "--redis", &state.redis]);
    window.arg("--certs").arg(&state.certs);
    Err(window.exec()).context("the window cannot be opened")
}
