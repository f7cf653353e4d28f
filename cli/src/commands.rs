//! The command line of `trunkline`. The recipes of the justfile call it.

mod chat;
mod gui;
mod load;
mod status;
mod up;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use trunkline_ops::{FAILED, fail, flush_output, parse_args};

use self::{chat::Chat, load::Load, status::Status, up::Up};
use crate::{
    control::{Request, ask},
    state::{Home, State},
    terminal::{self, GOOD, Painted, tell},
};

/// A Trunkline cluster on this machine
#[derive(Debug, Parser)]
#[command(name = "trunkline", version, disable_help_subcommand = true)]
struct Cli {
    /// Keep the cluster's files here and take any free ports; without it they are in .trunkline
    /// at the project's top, and the ports are those of the documentation
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
    /// One more node, or a member that has ended once more
    Node {
        /// Its name, such as node-4
        name: String,
    },
    /// End a member with SIGKILL
    Kill {
        /// Its name
        name: String,
    },
    /// Ask a member to leave with SIGTERM, and wait until it has
    Drain {
        /// Its name
        name: String,
    },
    /// Talk as a user, line by line
    Chat(Chat),
    /// Let users log in and send one another messages; Ctrl-C ends it
    Load(Load),
    /// Show what the relay sees
    Status(Status),
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
            // A build of the window that is still under way is not waited for.
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
        Command::Gui => return gui::run(home).map(|()| ExitCode::SUCCESS),
        Command::Down if is_left_over(home) => return Ok(ExitCode::SUCCESS),
        Command::Down => Request::Down,
        Command::Node { name } => Request::Start { name },
        Command::Kill { name } => Request::Kill { name },
        Command::Drain { name } => Request::Drain { name },
    };
    tell(format_args!("{} {}", Painted(GOOD, "✓"), ask(home, &request).await?));
    Ok(ExitCode::SUCCESS)
}

/// Whether there was only a cluster whose `up` has died; it is swept.
fn is_left_over(home: &Home) -> bool {
    let dead = State::read(home).filter(|state| !state.owner.is_alive());
    let Some(left) = dead.map(|state| state.sweep(home)) else { return false };
    tell(format_args!("the cluster had died already; processes it left: {left}"));
    true
}
