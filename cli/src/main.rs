//! The program `trunkline`: a cluster on this machine, and what to do with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    trunkline_cli::main()
}
