//! The command line of `trunkline`. The recipes of the `justfile` call it.

mod chat;
mod gui;
mod load;
mod status;
mod token;
mod up;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use trunkline_ops::{FAILED, fail, flush_output, parse_args};

use self::{chat::Chat, load::Load, status::Status, token::Token, up::Up};
use crate::{
    control::{ControlRequest, ask},
    state::{ClusterState, Home},
    terminal::{self, GOOD, Painted, tell},
};

/// A Trunkline cluster on this machine
#[derive(Debug, Parser)]
#[command(
    name = "trunkline",
    version,
    disable_help_subcommand = true,
    after_help = "Example: trunkline up, then trunkline chat alice"
)]
struct Cli {
    /// Keep the cluster's files here and use any free ports; the default is .trunkline at the top of
    /// the project and the ports that the documentation names
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start Redis, a relay and nodes; Ctrl-C stops them
    Up(Up),
    /// Stop the cluster
    Down,
    /// Start a new node, or a member that has ended
    Node {
        /// Its name, such as node-4
        name: String,
    },
    /// Kill a member with SIGKILL
    Kill {
        /// Its name
        name: String,
    },
    /// Stop a member with SIGTERM, and wait until it has ended
    Drain {
        /// Its name
        name: String,
    },
    /// Send and receive messages as a user, line by line
    Chat(Chat),
    /// Log users in and let them send each other messages; Ctrl-C ends it
    Load(Load),
    /// Show what the relay sees
    Status(Status),
    /// Print a token for a user, for nodes that run with --auth jwt
    Token(Token),
    /// Open the operator's window
    Gui,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = match parse_args::<Cli>() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(cli.command, &Home::new(cli.home)));
            // Does not wait for a build of the window that is still running.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    let status =
        outcome.unwrap_or_else(|error| fail(FAILED, terminal::error(format_args!("{error:#}"))));
    flush_output();
    status
}

async fn run(command: Command, home: &Home) -> Result<ExitCode> {
    let request = match command {
        Command::Up(up) => return up.run(home).await,
        Command::Chat(chat) => return chat.run(home).await.map(|()| ExitCode::SUCCESS),
        Command::Load(load) => return load.run(home).await.map(|()| ExitCode::SUCCESS),
        Command::Status(status) => return status.run(home).await.map(|()| ExitCode::SUCCESS),
        Command::Token(token) => return token.run().map(|()| ExitCode::SUCCESS),
        Command::Gui => return gui::run(home).map(|()| ExitCode::SUCCESS),
        Command::Down if killed_leftovers(home) => return Ok(ExitCode::SUCCESS),
        Command::Down => ControlRequest::Down,
        Command::Node { name } => ControlRequest::Start { name },
        Command::Kill { name } => ControlRequest::Kill { name },
        Command::Drain { name } => ControlRequest::Drain { name },
    };
    tell(format_args!("{} {}", Painted(GOOD, "✓"), ask(home, &request).await?));
    Ok(ExitCode::SUCCESS)
}

/// Whether there is only what a dead `up` has left; that is killed.
fn killed_leftovers(home: &Home) -> bool {
    let dead = ClusterState::read(home).filter(|state| !state.owner.is_alive());
    let Some(left) = dead.map(|state| state.kill_leftovers(home)) else { return false };
    tell(format_args!("the cluster had died already; leftover processes killed: {left}"));
    true
}
