//! A relay: put together, run, and stopped.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    rc::Rc,
    sync::Arc,
    time::SystemTime,
};

use quinn::{Endpoint, TokioRuntime};
use thiserror::Error;
use tokio::{sync::mpsc, task::LocalSet, time};
use tracing::warn;
use trunkline_certs::{Credentials, Role};
use trunkline_directory::Directory;
use trunkline_link::{close_code, endpoint_config, server_config};
use trunkline_ops::ListenAddress;
use trunkline_protocol::{Name, status::EventKind};

use crate::{
    accept,
    cleaner::Report,
    config::{Config, ConfigError},
    defaults::{
        CERTIFICATE_CHECK_EVERY, CERTIFICATE_WARNING, DRAIN_TIMEOUT, REFUSAL_EVENT_EVERY, TICK,
        TICK_IN_ROUND,
    },
    hub::Hub,
    membership,
    side::{self, Ask, Side},
};

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// A relay that has its addresses and its credentials, and can be run.
#[derive(Debug)]
pub struct Relay {
    name: Name,
    credentials: Credentials,
    directory: Directory,
    socket: UdpSocket,
    address: SocketAddr,
    ops: Option<TcpListener>,
}

/// Why a relay stopped before it was told to.
#[derive(Debug, Error)]
pub enum RunError {
    /// The endpoint or the thread beside the data path could not be started.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// The thread beside the data path ended: nobody would clean up after dead nodes.
    #[error("the relay's side thread ended")]
    SideEnded,
    /// The endpoint ended: nobody could dial any more.
    #[error("the relay's endpoint ended")]
    EndpointEnded,
}

impl Relay {
    /// Checks the configuration and takes the addresses.
    ///
    /// # Errors
    /// If the certificates, the Redis URL or an address cannot be used. That Redis does not
    /// answer is no error.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let credentials = Credentials::load(&config.certs, Role::Relay, &config.name)?;
        let directory = Directory::open(config.redis.as_str(), &config.redis_prefix)?;
        let (socket, address) = config.listen.bind(listen).map_err(ConfigError::Listen)?;
        let bind_ops = |ops: &ListenAddress| ops.bind(TcpListener::bind).map_err(ConfigError::Ops);
        let ops = config.ops.as_ref().map(bind_ops).transpose()?;
        let name = config.name.clone();
        Ok(Self { name, credentials, directory, socket, address, ops })
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

    /// Forwards, judges and cleans up until `shutdown` completes; then tells the nodes that it is
    /// leaving. Wants a current-thread runtime to itself.
    ///
    /// # Errors
    /// If it could not start, or ended by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        LocalSet::new().run_until(self.run_local(shutdown)).await
    }

    async fn run_local(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let endpoint = Endpoint::new(
            endpoint_config(),
            Some(server_config(self.credentials.server_crypto())),
            self.socket,
            Arc::new(TokioRuntime),
        )?;
        let Side { requests, reports, events, operators, asks, stop, ended } =
            side::start(self.name.clone(), self.directory.clone(), self.ops)?;
        let hub = Rc::new(Hub::new(self.name, self.directory, requests, events));
        let work = async {
            tokio::select! {
                () = accept::run(&hub, &endpoint, operators) => RunError::EndpointEnded,
                () = take_reports(&hub, reports) => RunError::SideEnded,
                () = answer(&hub, asks) => RunError::SideEnded,
                never = membership::keep_telling(&hub) => match never {},
                never = keep_time(&hub) => match never {},
                never = watch_certificate(&hub, self.credentials.not_after()) => match never {},
            }
        };
        let result = tokio::select! {
            error = work => Err(error),
            () = shutdown => Ok(()),
        };
        endpoint.close(close_code::BYE, b"the relay is leaving");
        let _ = time::timeout(DRAIN_TIMEOUT, endpoint.wait_idle()).await;
        drop(stop);
        let _ = time::timeout(DRAIN_TIMEOUT, ended).await;
        result
    }
}

fn listen(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = trunkline_link::bind(address).map_err(|error| error.source)?;
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

/// Lets liveness look at the clock: often while a round of probes is under way.
async fn keep_time(hub: &Hub) -> Infallible {
    let mut refill = time::interval(REFUSAL_EVENT_EVERY);
    loop {
        hub.tick();
        let pause =
            if hub.liveness(|liveness, _| liveness.is_in_round()) { TICK_IN_ROUND } else { TICK };
        tokio::select! {
            () = time::sleep(pause) => {}
            _ = refill.tick() => hub.refill_refusals(),
        }
    }
}

async fn take_reports(hub: &Hub, mut reports: mpsc::Receiver<Report>) {
    while let Some(report) = reports.recv().await {
        hub.report(report);
    }
}

async fn answer(hub: &Rc<Hub>, mut asks: mpsc::Receiver<Ask>) {
    while let Some(ask) = asks.recv().await {
        hub.answer(ask);
    }
}

/// Warns while the relay's own certificate is near its end.
async fn watch_certificate(hub: &Hub, not_after: SystemTime) -> Infallible {
    let mut every = time::interval(CERTIFICATE_CHECK_EVERY);
    loop {
        every.tick().await;
        let left = not_after.duration_since(SystemTime::now()).unwrap_or_default();
        if left < CERTIFICATE_WARNING {
            let (subject, days) = (format!("relay/{}", hub.name), left.as_secs() / SECONDS_A_DAY);
            warn!(subject, days, "the certificate is near its end: issue it again");
            hub.tell(None, EventKind::CertificateEnding { subject, days });
        }
    }
}
