//! `gui`: opens the operator's window for the running cluster.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{
    local_cluster::Programs,
    state::{ClusterState, Home},
};

/// The window's program.
pub(crate) const PROGRAM: &str = "trunkline-admin-gui";

/// Builds the window if it is missing or old, and becomes it.
pub(crate) fn run(home: &Home) -> Result<()> {
    let state = ClusterState::running(home)?;
    let programs = Programs::built(&[PROGRAM])?;
    let mut window = Command::new(programs.path(PROGRAM));
    window.args(["--relay", &state.relay.to_string(), "--redis", &state.redis]);
    window.arg("--certs").arg(&state.certs);
    Err(window.exec()).context("the window cannot be opened")
}
