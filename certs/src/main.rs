//! `trunkline-certs`: makes a cluster's CA and issues its certificates.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use trunkline_certs::{
    CertsError, CertsErrorKind, Role,
    defaults::{DAY, DAYS_MAX, LEAF_DAYS},
    init, issue_for, revoke,
};
use trunkline_ops::{FAILED, UNUSABLE, fail, log_to_stderr, parse_args};
use trunkline_protocol::Name;

/// Makes a Trunkline cluster's CA and issues its certificates.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = false,
    after_help = "Example: trunkline-certs issue --dir certs --role node --name node-1"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a CA: ca.pem, to be copied to every machine, and ca.key, to be kept where
    /// certificates are issued. Refuses to overwrite one.
    Init {
        /// The folder to make it in.
        #[arg(long, env = "TRUNKLINE_DIR", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Issue <role>/<name>.pem and <role>/<name>.key, in place of earlier ones.
    Issue {
        #[command(flatten)]
        certificate: Certificate,
        /// For how many days it is valid.
        #[arg(long, env = "TRUNKLINE_DAYS", value_name = "N", default_value_t = LEAF_DAYS,
              value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
        days: u32,
    },
    /// Deny a certificate: adds it to denied.txt, which relays read again when it changes. They close its
    /// connections, and accept no other by it. Nodes read no such list: a relay's cannot be denied.
    Revoke(Certificate),
}

/// Which certificate.
#[derive(clap::Args)]
struct Certificate {
    /// The folder that the CA and its certificates are in.
    #[arg(long, env = "TRUNKLINE_DIR", value_name = "DIR")]
    dir: PathBuf,
    /// The role of the certificate's holder: node, relay, admin, or viewer (an admin that may
    /// only read).
    #[arg(long, env = "TRUNKLINE_ROLE", value_name = "ROLE")]
    role: Role,
    /// The holder's name: a DNS label, such as node-1.
    #[arg(long, env = "TRUNKLINE_NAME", value_name = "NAME")]
    name: Name,
}

fn main() -> ExitCode {
    let args = match parse_args::<Args>() {
        Ok(args) => args,
        Err(status) => return status,
    };
    let _log = log_to_stderr();
    let result = match args.command {
        Command::Init { dir } => init(&dir),
        Command::Issue { certificate: Certificate { dir, role, name }, days } => {
            issue_for(&dir, role, &name, DAY * days)
        }
        Command::Revoke(Certificate { dir, role, name }) => revoke(&dir, role, &name),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(status(&error), format!("error: {error}")),
    }
}

fn status(error: &CertsError) -> u8 {
    match error.kind {
        CertsErrorKind::Unwritable { .. } | CertsErrorKind::Unsigned(_) => FAILED,
        _ => UNUSABLE,
    }
}
