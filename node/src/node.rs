//! A node: put together, run, and drained.

use std::{
    io,
    net::{self, SocketAddr},
    rc::Rc,
    sync::Arc,
};

use thiserror::Error;
use tokio::{
    net::TcpListener,
    select,
    sync::{mpsc, watch},
    task::{self, JoinSet, LocalSet},
    time::{self, MissedTickBehavior},
};
use tracing::{info, warn};
use trunkline_certs::{Alpn, Credentials, Role};
use trunkline_directory::{Directory, LeaseState, NodeRecord, Registrar};
use trunkline_link::{DialSockets, client_config, defaults::CLOSE_TIMEOUT};
use trunkline_ops::{LogThrottle, Usage, unix_ms};
use trunkline_protocol::{
    Incarnation, Name,
    control::{self, Hello, ToRelay},
    status::NodeLoad,
};

use crate::{
    config::{AuthMode, NodeConfig, NodeConfigError},
    custody::Limits,
    data_plane::{DataPlane, Setup},
    defaults::{LISTEN_BACKLOG, LOAD_EVERY, OUTBOX, SWEEP_EVERY},
    drain::drain,
    edge::{Auth, Listener, SessionRules},
    health::{Doctor, Health},
    link::{Link, NameTaken, Order},
    origins::Origins,
};

/// A node that has its addresses and its credentials, and can be run.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    url: String,
    auth: Auth,
    origins: Origins,
    credentials: Credentials,
    directory: Directory,
    listener: net::TcpListener,
    sockets: DialSockets,
    ops: Option<net::TcpListener>,
}

/// Why a node stopped before it was told to.
#[derive(Debug, Error)]
pub enum RunError {
    /// A part of it could not be started.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// A part of it that never ends by itself has ended.
    #[error("a part of the node ended by itself")]
    TaskEnded,
    /// Another living process has its name.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
}

impl Node {
    /// Checks the configuration and takes the addresses.
    ///
    /// # Errors
    /// If the configuration cannot be used. That the relay or Redis does not answer is no error.
    pub fn load(config: NodeConfig) -> Result<Self, NodeConfigError> {
        let credentials = Credentials::load(&config.certs, Role::Node, &config.name)?;
        let directory = Directory::open(config.redis.as_str(), &config.redis_prefix)?;
        let (listener, bound) = config.listen.bind(listen).map_err(NodeConfigError::Listen)?;
        let mode = config.auth(bound)?;
        let auth = match (mode, &config.jwt_secret_file) {
            (AuthMode::Open, _) => Auth::Open,
            (AuthMode::Jwt, Some(file)) => Auth::jwt(file)?,
            (AuthMode::Jwt, None) => return Err(NodeConfigError::SecretMissing),
        };
        let origins = config.origins(mode, bound);
        let url = config.url(bound)?;
        let ops = config.ops.as_ref().map(|ops| ops.bind(listen).map_err(NodeConfigError::Ops));
        let ops = ops.transpose()?.map(|(listener, _)| listener);
        let sockets = DialSockets::bind()?;
        Ok(Self { config, url, auth, origins, credentials, directory, listener, sockets, ops })
    }

    /// The node's name.
    pub fn name(&self) -> &Name {
        &self.config.name
    }

    /// The URL that clients dial.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves clients until `shutdown` completes or an operator drains it; then leaves in order.
    /// Wants a current-thread runtime to itself.
    ///
    /// # Errors
    /// If it could not start, or another living process has its name.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        LocalSet::new().run_until(self.run_local(shutdown)).await
    }

    async fn run_local(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let incarnation = Incarnation::fresh();
        let hello = self.hello(incarnation);
        let registrar = self.registrar(&hello);
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let data_plane = self.data_plane(incarnation, registrar.clone(), outbox.clone());
        let crypto = self.credentials.client_crypto(Alpn::Link);
        let dialer = self.sockets.dialer(&client_config(crypto))?;
        let (orders, mut ordered) = mpsc::channel(OUTBOX);
        let (health, doctor) = watch::channel(Arc::<Health>::default());
        if let Some(listener) = self.ops {
            trunkline_ops::serve(listener, Doctor(doctor))?;
        }
        let clients = Listener {
            listener: TcpListener::from_std(self.listener)?,
            data_plane: data_plane.clone(),
            rules: Rc::new(SessionRules {
                frame_bytes_max: self.config.frame_bytes_max,
                messages_per_second: self.config.messages_per_second,
                auth: self.auth,
                #[cfg(feature = "testing")]
                echo: false,
            }),
            origins: Rc::new(self.origins),
        };
        // None of these ends by itself: one that does leaves half a node, which nobody would notice.
        let mut tasks = JoinSet::new();
        tasks.spawn_local(data_plane.clone().flush_on_work());
        tasks.spawn_local(data_plane.clone().tick_on_dues());
        tasks.spawn_local(sweep(data_plane.clone()));
        tasks.spawn_local(clients.run());
        tasks.spawn_local(report(data_plane.clone(), registrar.clone(), outbox.clone(), health));
        let follow = Fence {
            data_plane: data_plane.clone(),
            registrar: registrar.clone(),
            outbox: outbox.clone(),
            hello: hello.clone(),
        };
        let relay = self.config.relay.clone();
        let link = Link {
            dialer,
            relay,
            hello,
            data_plane: data_plane.clone(),
            outbox: outgoing,
            orders,
            left: false,
            log_throttle: LogThrottle::new(),
            loss_logged: true,
        };
        let mut link = task::spawn_local(link.run());
        let leaving = async {
            select! {
                ended = &mut link => return Ok(ended.map_err(|_| RunError::TaskEnded)??),
                () = shutdown => {}
                () = follow.run(&mut ordered) => {}
            }
            drain(&data_plane, &registrar, &outbox).await;
            // The last receipts and the bye are on their way; the relay closes the link behind them.
            let _ = time::timeout(CLOSE_TIMEOUT, &mut link).await;
            link.abort();
            info!("left");
            Ok(())
        };
        select! {
            biased;
            _ = tasks.join_next() => Err(RunError::TaskEnded),
            left = leaving => left,
        }
    }

    fn hello(&self, incarnation: Incarnation) -> Hello {
        Hello {
            version: control::CONTROL_VERSION,
            incarnation,
            url: self.url.clone(),
            capacity: self.config.capacity,
            started_at_ms: unix_ms(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn registrar(&self, hello: &Hello) -> Registrar {
        let card = NodeRecord {
            incarnation: hello.incarnation,
            url: hello.url.clone(),
            capacity: hello.capacity,
            started_at: hello.started_at_ms,
        };
        Registrar::start(self.directory.clone(), self.config.name.clone(), card)
    }

    fn data_plane(
        &self,
        incarnation: Incarnation,
        registrar: Registrar,
        outbox: mpsc::Sender<ToRelay>,
    ) -> DataPlane {
        let setup = Setup {
            name: self.config.name.clone(),
            incarnation,
            capacity: self.config.capacity,
            sessions_per_user: self.config.sessions_per_user,
            ping_interval: self.config.ping_interval,
            limits: Limits { deadline: self.config.deadline, ..Limits::default() },
            registrar,
            outbox,
        };
        DataPlane::new(setup)
    }
}

/// Takes a new incarnation whenever the present one has lost its lease or was judged dead.
struct Fence {
    data_plane: DataPlane,
    registrar: Registrar,
    outbox: mpsc::Sender<ToRelay>,
    hello: Hello,
}

impl Fence {
    /// Completes when an operator wants the node to leave.
    async fn run(self, orders: &mut mpsc::Receiver<Order>) {
        let mut standing = self.registrar.status();
        loop {
            select! {
                order = orders.recv() => match order {
                    Some(Order::Condemned) => self.reincarnate(),
                    Some(Order::Drain) => return,
                    // The link has ended for good, and says why itself.
                    None => std::future::pending().await,
                },
                changed = standing.changed() => {
                    let lost = matches!(standing.borrow_and_update().lease, LeaseState::Lost { .. });
                    if changed.is_ok() && lost {
                        self.reincarnate();
                    }
                }
            }
        }
    }

    fn reincarnate(&self) {
        let incarnation = Incarnation::fresh();
        let former = self.data_plane.turn(|state, _| {
            let former = state.incarnation();
            state.reincarnate(incarnation);
            former
        });
        warn!(%former, %incarnation, "this node was given up for dead: going on anew");
        // Without a link nobody takes it out, and the next link's hello says the same.
        let _ = self.outbox.try_send(ToRelay::Hello(self.hello.clone()));
    }
}

async fn sweep(data_plane: DataPlane) {
    let mut due = time::interval(SWEEP_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        data_plane.turn(|state, now| state.sweep(now));
    }
}

/// Tells the relay and the operations endpoint how the node is.
async fn report(
    data_plane: DataPlane,
    registrar: Registrar,
    outbox: mpsc::Sender<ToRelay>,
    health: watch::Sender<Arc<Health>>,
) {
    let mut due = time::interval(LOAD_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let (load, linked, draining) =
            data_plane.turn(|state, _| (state.load(), state.is_linked(), state.is_draining()));
        let Usage { cpu, memory_bytes } = Usage::now();
        let load = NodeLoad { cpu_ms: cpu.as_millis() as u64, memory_bytes, ..load };
        let registered = registrar.status().borrow().lease == LeaseState::Held;
        if linked {
            // A report that finds the outbox full is older than the next one.
            let _ = outbox.try_send(ToRelay::Load(Box::new(load.clone())));
        }
        health.send_replace(Arc::new(Health { load, linked, registered, draining }));
    }
}

fn listen(address: SocketAddr) -> io::Result<(net::TcpListener, SocketAddr)> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    // A node that is started again takes its address back at once.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    let listener: net::TcpListener = socket.into();
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
