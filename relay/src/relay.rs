//! A relay: assembled, run, and shut down.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use quinn::{Endpoint, TokioRuntime};
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    task::LocalSet,
    time,
};
use tracing::info;
use trunkline_certs::{Credentials, DeniedCertificates, Role};
use trunkline_directory::Directory;
use trunkline_link::{close_code, endpoint_config, server_config};
use trunkline_ops::{ListenAddress, unix_ms};
use trunkline_protocol::Name;

use crate::{
    certificates,
    config::{RelayConfig, RelayConfigError},
    control_plane::{self, ControlPlane},
    data_path::{accept, admin_commands, periodic},
    defaults::DRAIN_TIMEOUT,
    liveness::DirectoryReply,
    state::{RelayState, SharedState, StateOutputs},
};

/// A relay that has its addresses and its credentials, and can be run.
#[derive(Debug)]
pub struct Relay {
    name: Name,
    certs: PathBuf,
    credentials: Credentials,
    denied: DeniedCertificates,
    directory: Directory,
    socket: UdpSocket,
    address: SocketAddr,
    ops: Option<TcpListener>,
}

/// Why a relay ended before it was shut down.
#[derive(Debug, Error)]
pub enum RelayRunError {
    /// The endpoint or the control plane could not be started.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// The control plane ended: dead nodes would not be purged any more.
    #[error("the control plane ended")]
    ControlPlaneEnded,
    /// The endpoint ended: no node could dial any more.
    #[error("the relay's endpoint ended")]
    EndpointEnded,
}

impl Relay {
    /// Checks the configuration and binds the addresses.
    ///
    /// # Errors
    /// If the certificates, the Redis URL or an address cannot be used. A Redis that does not answer
    /// is no error.
    pub fn load(config: &RelayConfig) -> Result<Self, RelayConfigError> {
        let credentials = Credentials::load(&config.certs, Role::Relay, &config.name)?;
        let denied = DeniedCertificates::load(&config.certs)?;
        let certs = config.certs.clone();
        let directory = Directory::open(config.redis.as_str(), &config.redis_prefix)?;
        let (socket, address) = config.listen.bind(listen).map_err(RelayConfigError::Listen)?;
        let bind_ops =
            |ops: &ListenAddress| ops.bind(TcpListener::bind).map_err(RelayConfigError::Ops);
        let ops = config.ops.as_ref().map(bind_ops).transpose()?;
        let name = config.name.clone();
        Ok(Self { name, certs, credentials, denied, directory, socket, address, ops })
    }

    /// The relay's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The UDP address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The TCP address of its operations endpoint, if it has one.
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops.as_ref()?.local_addr().ok()
    }

    /// Runs until `shutdown` completes; then tells the nodes that it shuts down. Needs a
    /// current-thread runtime to itself.
    ///
    /// # Errors
    /// If it could not start, or a part of it ended by itself. A panic in any of its tasks panics
    /// here.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RelayRunError> {
        LocalSet::new().run_until(self.run_local(shutdown)).await
    }

    async fn run_local(self, shutdown: impl Future<Output = ()>) -> Result<(), RelayRunError> {
        let endpoint = Endpoint::new(
            endpoint_config(),
            Some(server_config(self.credentials.server_crypto())),
            self.socket,
            Arc::new(TokioRuntime),
        )?;
        let plane = control_plane::start(self.name.clone(), self.directory, self.ops)?;
        let ControlPlane { commands, replies, events, admins, requests, stop, ended } = plane;
        let outputs = StateOutputs::new(commands, events);
        let state = RelayState::new(self.name.clone(), outputs, unix_ms(), Instant::now());
        let shared = Rc::new(SharedState::new(state));
        let (denied, denied_now) = watch::channel(Arc::new(self.denied));
        // Every task below belongs to one of these futures, so no part can end unnoticed.
        let parts = async {
            tokio::select! {
                () = accept::run(&shared, &endpoint, admins, denied_now) => RelayRunError::EndpointEnded,
                () = take_replies(&shared, replies) => RelayRunError::ControlPlaneEnded,
                () = admin_commands::serve(&shared, requests) => RelayRunError::ControlPlaneEnded,
                never = periodic::announce_members(&shared) => match never {},
                never = periodic::run_clock(&shared) => match never {},
                never = periodic::watch_certificate(&shared, &self.credentials) => match never {},
                never = certificates::watch(self.credentials.clone()) => match never {},
                never = certificates::watch_denied(self.certs, denied) => match never {},
            }
        };
        let result = tokio::select! {
            error = parts => Err(error),
            () = shutdown => Ok(()),
        };
        endpoint.close(close_code::BYE, b"the relay is shutting down");
        let _ = time::timeout(DRAIN_TIMEOUT, endpoint.wait_idle()).await;
        drop(stop);
        let _ = time::timeout(DRAIN_TIMEOUT, ended).await;
        if result.is_ok() {
            info!("shutdown complete");
        }
        result
    }
}

fn listen(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = trunkline_link::bind(address).map_err(|error| error.source)?;
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

async fn take_replies(shared: &SharedState, mut replies: mpsc::Receiver<DirectoryReply>) {
    while let Some(reply) = replies.recv().await {
        shared.apply(|state, now| state.directory_replied(reply, now));
    }
}
