//! Starting programs that are not ours.

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

/// Where the clients' sources are.
pub(crate) fn sources() -> PathBuf {
    project().join("tests/clients")
}

/// Where `tests/clients/setup.sh` installs what no package of the system has.
pub(crate) fn installed() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // <target>/<profile>/deps/<test>
    test.ancestors().nth(3).unwrap().join("clients")
}
