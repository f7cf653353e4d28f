//! `trunkline-node`: serves clients' sessions and takes custody of what they send.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::runtime;
use trunkline_node::{Node, NodeConfig, defaults};
use trunkline_ops::{
    FAILED, UNUSABLE, announce, fail, keep_freed_memory, log_to_stderr, parse_args,
    raise_open_files, stop_signal,
};

fn main() -> ExitCode {
    let config = match parse_args::<NodeConfig>() {
        Ok(config) => config,
        Err(status) => return status,
    };
    let _log = log_to_stderr();
    keep_freed_memory();
    raise_open_files(u64::from(config.capacity) + defaults::OTHER_FILES);
    let node = match Node::load(config) {
        Ok(node) => node,
        Err(error) => return fail(UNUSABLE, format!("error: {error}")),
    };
    match run(node) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, format!("error: {error:#}")),
    }
}

/// Runs the node on this thread until it is asked to stop.
fn run(node: Node) -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_io_events_per_tick(defaults::SOCKETS_PER_TURN)
        .build()?;
    let ended = runtime.block_on(async {
        let stop = stop_signal().context("cannot listen to signals")?;
        announce(node.name(), node.url());
        Ok(node.run(stop).await?)
    });
    // A pending look-up of a host name may take half a minute.
    runtime.shutdown_background();
    ended
}
