//! A running cluster: its members' ends, and the requests of other commands.

use std::{future::pending, process::ExitStatus, time::Instant};

use anyhow::Result;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    commands::gui::{PROGRAM, has_display},
    control::{Caller, ControlReply, ControlRequest, ControlSocket},
    local_cluster::{
        ClusterError, LocalCluster, MemberKind, Programs, RELAY, WINDOW, describe_exit,
    },
    state::{ClusterState, Home},
    terminal::{BAD, GOOD, NOTE, notice, step, tell},
};

/// The build of the window's program.
type Build = JoinHandle<Result<Programs, ClusterError>>;

/// The cluster and its control socket.
#[derive(Debug)]
pub(crate) struct Service {
    cluster: LocalCluster,
    control: ControlSocket,
    window: Option<Build>,
    home: Home,
}

impl Service {
    pub(crate) fn new(cluster: LocalCluster, control: ControlSocket, home: Home) -> Self {
        Self { cluster, control, window: None, home }
    }

    pub(crate) fn cluster(&self) -> &LocalCluster {
        &self.cluster
    }

    pub(crate) fn into_cluster(self) -> LocalCluster {
        self.cluster
    }

    /// Starts all members, and prints each when it is ready.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let members = self.cluster.members();
        let members: Vec<_> = members.map(|member| member.name().to_owned()).collect();
        let mut begun = Vec::new();
        for name in members {
            begun.push((name.clone(), Instant::now()));
            self.cluster.start(&name).await?;
            self.save()?;
        }
        for (name, begin) in begun {
            self.cluster.ready(&name).await?;
            step(&name, &self.whereabouts(&name), begin.elapsed());
        }
        Ok(())
    }

    /// Opens the window if it is wanted and there is a display. A build that is needed runs in the
    /// background.
    pub(crate) fn open_window(&mut self, wanted: bool) {
        if wanted && has_display() {
            notice(NOTE, "opening the window");
            self.window = Some(spawn_blocking(|| Programs::built(&[PROGRAM])));
        } else if wanted {
            notice(NOTE, "no display, so no window: `just status` shows the same in a terminal,");
            tell("    and `just gui` opens the window where there is one");
        }
    }

    /// Serves until a caller asks for the end, and returns the caller.
    pub(crate) async fn serve(&mut self) -> Result<Caller> {
        loop {
            tokio::select! {
                biased;
                (name, status) = self.cluster.next_exit() => self.report_exit(&name, status),
                built = finished(&mut self.window) => self.show_window(built).await,
                caller = self.control.next() => {
                    let mut caller = caller?;
                    match caller.request().await {
                        Ok(ControlRequest::Down) => return Ok(caller),
                        Ok(request) => caller.reply(self.carry_out(request).await).await,
                        Err(error) => caller.reply(Err(error.to_string())).await,
                    }
                }
            }
            // A full disk is no reason to stop the cluster.
            if let Err(error) = self.save() {
                notice(BAD, &format!("the state file cannot be written: {error}"));
            }
        }
    }

    fn report_exit(&self, name: &str, status: ExitStatus) {
        let how = describe_exit(status);
        match name {
            WINDOW => notice(NOTE, &format!("the window {how}: open it again with `just gui`")),
            _ => notice(BAD, &format!("{name} {how}: start it again with `just node {name}`")),
        }
    }

    async fn show_window(&mut self, built: Result<Programs, ClusterError>) {
        let opened = async {
            built?;
            self.cluster.add(MemberKind::Window, WINDOW)?;
            self.cluster.start(WINDOW).await
        };
        match opened.await {
            Ok(()) => notice(GOOD, "the window is open"),
            Err(error) => notice(BAD, &format!("no window: {error}")),
        }
    }

    async fn carry_out(&mut self, request: ControlRequest) -> ControlReply {
        let done = match request {
            ControlRequest::Start { name } => self.start_one(&name).await,
            ControlRequest::Kill { name } => self.kill(&name).await,
            ControlRequest::Drain { name } => self.drain(&name).await,
            ControlRequest::Down => Ok(String::new()),
        };
        match done {
            Ok(text) => {
                notice(NOTE, &text);
                Ok(text)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn start_one(&mut self, name: &str) -> Result<String, ClusterError> {
        let begin = Instant::now();
        self.cluster.start_node(name).await?;
        self.cluster.ready(name).await?;
        let place = self.whereabouts(name);
        Ok(format!("{name} is ready: {place} ({:.2} s)", begin.elapsed().as_secs_f64()))
    }

    async fn kill(&mut self, name: &str) -> Result<String, ClusterError> {
        self.cluster.kill(name).await?;
        Ok(format!("{name} was killed (SIGKILL): start it again with `just node {name}`"))
    }

    async fn drain(&mut self, name: &str) -> Result<String, ClusterError> {
        let begin = Instant::now();
        let status = self.cluster.terminate(name).await?;
        let took = begin.elapsed().as_secs_f64();
        Ok(format!("{name} {} after {took:.2} s", describe_exit(status)))
    }

    /// Where a member is to be found.
    fn whereabouts(&self, name: &str) -> String {
        let member = self.cluster.node(name);
        match member.kind() {
            MemberKind::Node => member.ws_url(),
            _ if name == RELAY => format!("{} (UDP)", member.address()),
            _ => member.address().to_string(),
        }
    }

    fn save(&self) -> Result<()> {
        ClusterState::of(&self.cluster, &self.control.path())?.write(&self.home)
    }
}

/// Waits until the build is done, or for ever if there is none. Cancel-safe.
async fn finished(window: &mut Option<Build>) -> Result<Programs, ClusterError> {
    let Some(build) = window else { return pending().await };
    let built = build.await;
    *window = None;
    built.unwrap_or_else(|error| Err(ClusterError::Build(error.into())))
}
