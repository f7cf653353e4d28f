//! `up`: runs a cluster until a signal or `down` ends it.

mod guide;
mod service;

use std::{process::ExitCode, time::Instant};

use anyhow::Result;
use clap::Args;
use trunkline_ops::{SecretUrl, StopSignal, StopSignals, UNUSABLE, fail};

use self::service::Service;
use crate::{
    control::{Caller, ControlSocket},
    local_cluster::{LocalCluster, MemberKind, describe_exit},
    state::{ClusterState, Home, HomeLock},
    terminal::{NOTE, notice, step},
};

/// The exit status after Ctrl-C, as in shells: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// What `up` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example: trunkline up --nodes 5 --no-gui")]
pub(crate) struct Up {
    /// How many nodes
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(..=30))]
    nodes: u8,
    /// Use the Redis at this URL instead of starting one
    #[arg(long, value_name = "URL")]
    redis: Option<SecretUrl>,
    /// Open no window, even where there is a display
    #[arg(long)]
    no_gui: bool,
}

impl Up {
    /// Runs a cluster until a signal or `down` ends it.
    pub(crate) async fn run(self, home: &Home) -> Result<ExitCode> {
        let Some(_claim) = HomeLock::take(home)? else {
            let text = "a cluster runs here already: watch it with `just status`, stop it with";
            return Ok(fail(UNUSABLE, format_args!("{text} `just down`")));
        };
        guide::headline();
        if let Some(left) = ClusterState::read(home).map(|state| state.kill_leftovers(home)) {
            notice(
                NOTE,
                &format!("the last cluster was not stopped; leftover processes killed: {left}"),
            );
        }
        let mut signals = StopSignals::listen()?;
        let begin = Instant::now();
        let cluster = self.prepare(home)?;
        step("programs", "built and up to date", begin.elapsed());
        let mut service = Service::new(cluster, ControlSocket::listen()?, home.clone());
        let ended = tokio::select! {
            biased;
            signal = signals.next() => Ok(End::Signal(status_after(signal))),
            ended = self.start_and_serve(&mut service, home) => ended.map(End::Asked),
        };
        stop(service.into_cluster(), &mut signals).await?;
        home.remove_state();
        match ended? {
            End::Signal(status) => Ok(status),
            End::Asked(caller) => {
                caller.reply(Ok("stopped".to_owned())).await;
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    fn prepare(&self, home: &Home) -> Result<LocalCluster> {
        let builder = LocalCluster::builder().nodes(self.nodes.into()).home(home.path());
        let builder = if home.is_default() { builder.default_ports() } else { builder };
        let builder = match &self.redis {
            Some(url) => builder.redis(url.as_str()),
            None => builder,
        };
        Ok(builder.prepare()?)
    }

    /// Returns the caller that asked for the end.
    async fn start_and_serve(&self, service: &mut Service, home: &Home) -> Result<Caller> {
        service.start().await?;
        if home.is_default() {
            guide::moved_ports(service.cluster());
        }
        guide::ready(service.cluster());
        service.open_window(!self.no_gui);
        service.serve().await
    }
}

/// Why `up` ends.
enum End {
    /// A signal, and the exit status that goes with it.
    Signal(ExitCode),
    /// A caller asked, and waits until it is done.
    Asked(Caller),
}

/// The exit status after a signal.
fn status_after(signal: StopSignal) -> ExitCode {
    match signal {
        StopSignal::Interrupt => ExitCode::from(INTERRUPTED),
        StopSignal::Terminate | StopSignal::Quit | StopSignal::Hangup => ExitCode::SUCCESS,
    }
}

/// Stops the members in order. A second signal kills them at once.
async fn stop(mut cluster: LocalCluster, signals: &mut StopSignals) -> Result<()> {
    guide::stopping();
    tokio::select! {
        biased;
        () = signals.next_insisting() => notice(NOTE, "killing what still runs"),
        stopped = stop_in_order(&mut cluster) => stopped?,
    }
    drop(cluster);
    Ok(())
}

async fn stop_in_order(cluster: &mut LocalCluster) -> Result<()> {
    for kind in MemberKind::STOP_ORDER {
        let begin = Instant::now();
        for (name, status) in cluster.stop(kind).await? {
            step(&name, &describe_exit(status), begin.elapsed());
        }
    }
    Ok(())
}
