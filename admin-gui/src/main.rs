//! `trunkline-admin-gui`: the operator's window into a Trunkline cluster.

use std::process::ExitCode;

use trunkline_admin_gui::{Args, run};
use trunkline_ops::{FAILED, UNUSABLE, fail, log_to_stderr, parse_args};

fn main() -> ExitCode {
    let args = match parse_args::<Args>() {
        Ok(args) => args,
        Err(status) => return status,
    };
    let _log = log_to_stderr();
    let config = match args.check() {
        Ok(config) => config,
        Err(error) => return fail(UNUSABLE, format!("error: {error}")),
    };
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, format!("error: {error}")),
    }
}
