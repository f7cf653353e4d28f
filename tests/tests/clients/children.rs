//! Child processes of foreign programs.

use std::path::{Path, PathBuf};

use tokio::process::Command;
use trunkline_cli::local_cluster::project;

/// A command that the kernel kills when this process ends, and its owner when it is dropped.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program.as_ref());
    command.kill_on_drop(true);
    command
}

/// The folder of the clients' sources.
pub(crate) fn sources() -> PathBuf {
    project().join("tests/clients")
}

/// The folder in which `tests/clients/setup.sh` installs what the system's packages lack.
pub(crate) fn installed() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // <target>/<profile>/deps/<test>
    test.ancestors().nth(3).unwrap().join("clients")
}
