//! A node: assembled, run, and drained.

use std::{
    io,
    net::{self, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::{
    net::TcpListener,
    select,
    sync::{mpsc, watch},
    task::{self, JoinSet, LocalSet},
    time::{self, MissedTickBehavior},
};
use tracing::info;
use trunkline_certs::{Alpn, Credentials, Role, defaults::EXPIRY_CHECK_EVERY};
use trunkline_directory::{Directory, NodeRecord, Registrar};
use trunkline_link::{DialSockets, client_config, defaults::CLOSE_TIMEOUT};
use trunkline_ops::{WatchedFiles, unix_ms};
use trunkline_protocol::{
    Incarnation, Name,
    control::{self, Hello, ToRelay},
};

use crate::{
    client_socket::ServerTls,
    config::{NodeConfig, NodeConfigError, PageMode},
    custody::Limits,
    data_plane::{DataPlane, DataPlaneSetup},
    defaults::{FILES_CHECKED_EVERY, LISTEN_BACKLOG, OUTBOX, SWEEP_EVERY},
    drain::drain,
    edge::{Auth, BrowserRules, Listener, SessionRules},
    fence::fence,
    health::{MonitoredNode, report_load},
    link::{LinkControl, NameTaken, RelayCommand, RelayLink},
};

/// A node that has its addresses and its credentials, and is ready to run.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    url: String,
    auth: Auth,
    tls: Option<ServerTls>,
    browsers: BrowserRules,
    credentials: Credentials,
    directory: Directory,
    listener: net::TcpListener,
    sockets: DialSockets,
    ops: Option<net::TcpListener>,
}

/// Why a node stopped by itself.
#[derive(Debug, Error)]
pub enum NodeError {
    /// A part of it could not be started.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// A task that never ends by itself has ended.
    #[error("a task of the node ended by itself: the log above says why")]
    TaskEnded,
    /// Another living process has its name.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
}

impl Node {
    /// Checks the configuration and binds the addresses.
    ///
    /// # Errors
    /// If the configuration cannot be used. The relay and Redis may be started later.
    pub fn load(config: NodeConfig) -> Result<Self, NodeConfigError> {
        let credentials = Credentials::load(&config.certs, Role::Node, &config.name)?;
        let directory = Directory::open(config.redis.as_str(), &config.redis_prefix)?;
        let (listener, bound) = config.listen.bind(listen).map_err(NodeConfigError::Listen)?;
        let mode = config.auth(bound)?;
        let auth = config.token_check(mode)?;
        let tls = config.tls()?;
        let origins = config.origins(mode, bound);
        let browsers = BrowserRules { origins, has_page: config.page == PageMode::On };
        let url = config.url(bound)?;
        let ops = config.ops.as_ref().map(|ops| ops.bind(listen).map_err(NodeConfigError::Ops));
        let ops = ops.transpose()?.map(|(listener, _)| listener);
        let sockets = DialSockets::bind()?;
        Ok(Self {
            config,
            url,
            auth,
            tls,
            browsers,
            credentials,
            directory,
            listener,
            sockets,
            ops,
        })
    }

    /// The node's name.
    pub fn name(&self) -> &Name {
        &self.config.name
    }

    /// The URL that clients dial.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves clients until `shutdown` completes or an operator drains the node; then leaves in order.
    /// Needs a current-thread runtime of its own.
    ///
    /// # Errors
    /// If it cannot start, if one of its tasks ends, or if another living process has its name.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        LocalSet::new().run_until(self.run_local(shutdown)).await
    }

    async fn run_local(self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        let hello = self.hello();
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let data_plane = self.data_plane(&hello, outbox.clone());
        let (commands, commanded) = mpsc::channel(OUTBOX);
        let crypto = self.credentials.client_crypto(Alpn::Link);
        let dialer = self.sockets.dialer(&client_config(crypto))?;
        let control = LinkControl {
            data_plane: data_plane.clone(),
            hello: hello.clone(),
            outbox: outgoing,
            commands,
            said_bye: false,
        };
        let link = RelayLink::new(dialer, self.config.relay.clone(), control);
        let (health, monitored) = watch::channel(Arc::default());
        if let Some(listener) = self.ops {
            trunkline_ops::serve(listener, MonitoredNode(monitored))?;
        }
        let clients = Listener {
            listener: TcpListener::from_std(self.listener)?,
            tls: self.tls.as_ref().map(|tls| tls.config.clone()),
            data_plane: data_plane.clone(),
            rules: Rc::new(SessionRules {
                frame_bytes_max: self.config.frame_bytes_max,
                rates: self.config.send_rates(),
                auth: self.auth,
                #[cfg(feature = "testing")]
                echo: false,
            }),
            browsers: Rc::new(self.browsers),
        };
        // These never end by themselves. If one does, or panics, half a node would stay that still
        // sends heartbeats: the node stops then. `serve` watches the link in the same way.
        let mut tasks = JoinSet::new();
        tasks.spawn_local(data_plane.clone().flush_when_needed());
        tasks.spawn_local(data_plane.clone().tick_when_needed());
        tasks.spawn_local(sweep(data_plane.clone()));
        reload_when_changed(&mut tasks, clients.rules.auth.clone(), self.tls, self.credentials);
        tasks.spawn_local(clients.run());
        let started_at_ms = hello.started_at_ms;
        tasks.spawn_local(report_load(data_plane.clone(), outbox.clone(), health, started_at_ms));
        select! {
            biased;
            _ = tasks.join_next() => Err(NodeError::TaskEnded),
            ended = serve(link, &data_plane, &outbox, &hello, commanded, shutdown) => ended,
        }
    }

    fn hello(&self) -> Hello {
        Hello {
            version: control::CONTROL_VERSION,
            incarnation: Incarnation::fresh(),
            url: self.url.clone(),
            capacity: self.config.capacity,
            started_at_ms: unix_ms(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn data_plane(&self, hello: &Hello, outbox: mpsc::Sender<ToRelay>) -> DataPlane {
        let (name, incarnation) = (self.config.name.clone(), hello.incarnation);
        let record = NodeRecord {
            incarnation,
            url: hello.url.clone(),
            capacity: hello.capacity,
            started_at: hello.started_at_ms,
        };
        let deadline = Duration::from_millis(self.config.deadline_ms);
        DataPlane::new(DataPlaneSetup {
            incarnation,
            capacity: self.config.capacity,
            sessions_per_user: self.config.sessions_per_user,
            ping_interval: Duration::from_secs(self.config.ping_interval_seconds),
            limits: Limits { deadline, ..Limits::default() },
            registrar: Registrar::start(self.directory.clone(), name.clone(), record),
            name,
            outbox,
        })
    }
}

/// Keeps the link until the node has left, or the link has ended for good.
async fn serve(
    link: RelayLink,
    data_plane: &DataPlane,
    outbox: &mpsc::Sender<ToRelay>,
    hello: &Hello,
    mut commands: mpsc::Receiver<RelayCommand>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let mut link = task::spawn_local(link.run());
    select! {
        ended = &mut link => return Ok(ended.map_err(|_| NodeError::TaskEnded)??),
        () = shutdown => {}
        () = fence(data_plane, outbox, hello, &mut commands) => {}
    }
    drain(data_plane, outbox).await;
    // The last receipts and the bye are on their way; the relay closes the link behind them.
    let _ = time::timeout(CLOSE_TIMEOUT, &mut link).await;
    link.abort();
    info!("shutdown complete");
    Ok(())
}

/// Reads the node's certificate, the keys for tokens, and the certificate for clients again when their
/// files change.
fn reload_when_changed(
    tasks: &mut JoinSet<()>,
    auth: Auth,
    tls: Option<ServerTls>,
    credentials: Credentials,
) {
    tasks.spawn_local(warn_of_expiry(credentials.clone()));
    let files = WatchedFiles::new(credentials.paths());
    watch(tasks, files, move || credentials.reload_and_tell());
    if let Auth::Jwt(check) = auth {
        let files = WatchedFiles::new(check.files());
        watch(tasks, files, move || check.reload_and_tell());
    }
    if let Some(tls) = tls {
        let files = WatchedFiles::new(tls.paths());
        watch(tasks, files, move || tls.reload_and_tell());
    }
}

/// Warns while the node's certificate is about to expire. Never ends.
async fn warn_of_expiry(credentials: Credentials) {
    let mut due = time::interval(EXPIRY_CHECK_EVERY);
    loop {
        due.tick().await;
        credentials.expires_soon();
    }
}

fn watch(tasks: &mut JoinSet<()>, files: WatchedFiles, changed: impl Fn() + Send + Sync + 'static) {
    let watched = files.watch(FILES_CHECKED_EVERY, changed);
    tasks.spawn_local(async move { match watched.await {} });
}

async fn sweep(data_plane: DataPlane) {
    let mut due = time::interval(SWEEP_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        data_plane.turn(|state, now| state.sweep(now));
    }
}

fn listen(address: SocketAddr) -> io::Result<(net::TcpListener, SocketAddr)> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    // Otherwise a node that is restarted could not bind while old connections time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    let listener: net::TcpListener = socket.into();
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
