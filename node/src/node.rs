//! A node: put together, run, and drained.

use std::{
    io,
    net::{self, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use quinn::{Endpoint, TokioRuntime};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    select,
    sync::{mpsc, watch},
    task::{self, LocalSet},
    time::{self, MissedTickBehavior},
};
use tracing::{info, warn};
use trunkline_certs::{Alpn, Credentials, Role};
use trunkline_directory::{Directory, LeaseState, NodeCard, Registrar};
use trunkline_link::{client_config, endpoint_config};
use trunkline_ops::Usage;
use trunkline_protocol::{
    Incarnation, Name,
    control::{self, Hello, ToRelay},
    status::Load,
};

use crate::{
    config::{AuthMode, Config, ConfigError},
    custody::Limits,
    defaults::{FAREWELL, LISTEN_BACKLOG, LOAD_EVERY, OUTBOX, SWEEP_EVERY},
    drain::drain,
    edge::{Auth, Listener, SessionRules},
    exchange::{Exchange, Setup},
    health::{Doctor, Health},
    link::{Link, NameTaken, Order},
};

/// A node that has its addresses and its credentials, and can be run.
#[derive(Debug)]
pub struct Node {
    config: Config,
    url: String,
    auth: Auth,
    credentials: Credentials,
    directory: Directory,
    listener: net::TcpListener,
    socket: net::UdpSocket,
    ops: Option<net::TcpListener>,
}

/// Why a node stopped before it was told to.
#[derive(Debug, Error)]
pub enum RunError {
    /// A part of it could not be started.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// Another living process has its name.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
}

impl Node {
    /// Checks the configuration and takes the addresses.
    ///
    /// # Errors
    /// If the configuration cannot be used. That the relay or Redis does not answer is no error.
    pub fn load(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let auth = match (config.auth()?, &config.jwt_secret_file) {
            (AuthMode::Open, _) => Auth::Open,
            (AuthMode::Jwt, Some(file)) => Auth::jwt(file)?,
            (AuthMode::Jwt, None) => return Err(ConfigError::SecretMissing),
        };
        let credentials = Credentials::load(&config.certs, Role::Node, &config.name)?;
        let directory = Directory::open(&config.redis, &config.redis_prefix)?;
        let listener = listen(config.listen)
            .map_err(|source| ConfigError::Listen { address: config.listen, source })?;
        let url = config.url(listener.local_addr().unwrap_or(config.listen))?;
        let ops = config
            .ops
            .map(|address| listen(address).map_err(|source| ConfigError::Ops { address, source }));
        let ops = ops.transpose()?;
        let socket = trunkline_link::bind(dialling_address(config.relay.as_str()))?;
        Ok(Self { config, url, auth, credentials, directory, listener, socket, ops })
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
        let endpoint = self.endpoint()?;
        let registrar = self.registrar(&hello);
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let exchange = self.exchange(incarnation, registrar.clone(), outbox.clone());
        let (orders, mut ordered) = mpsc::channel(OUTBOX);
        let (health, doctor) = watch::channel(Arc::<Health>::default());
        if let Some(listener) = self.ops {
            trunkline_ops::serve(listener, Doctor(doctor))?;
        }
        let clients = Listener {
            listener: TcpListener::from_std(self.listener)?,
            exchange: exchange.clone(),
            rules: Rc::new(SessionRules {
                frame_bytes_max: self.config.frame_bytes_max,
                messages_per_second: self.config.messages_per_second,
                auth: self.auth,
                #[cfg(feature = "testing")]
                echo: false,
            }),
        };
        task::spawn_local(exchange.clone().flush_on_work());
        task::spawn_local(exchange.clone().tick_on_dues());
        task::spawn_local(sweep(exchange.clone()));
        task::spawn_local(clients.run());
        task::spawn_local(report(exchange.clone(), registrar.clone(), outbox.clone(), health));
        let follow = Fence {
            exchange: exchange.clone(),
            registrar: registrar.clone(),
            outbox: outbox.clone(),
            hello: hello.clone(),
        };
        let relay = self.config.relay.clone();
        let link = Link {
            endpoint,
            relay,
            hello,
            exchange: exchange.clone(),
            outbox: outgoing,
            orders,
            left: false,
        };
        let mut link = task::spawn_local(link.run());
        select! {
            ended = &mut link => return Ok(ended.map_err(io::Error::other)??),
            () = shutdown => {}
            () = follow.run(&mut ordered) => {}
        }
        drain(&exchange, &registrar, &outbox).await;
        // The last receipts and the bye are on their way; the relay closes the link behind them.
        let _ = time::timeout(FAREWELL, &mut link).await;
        link.abort();
        info!("left");
        Ok(())
    }

    fn hello(&self, incarnation: Incarnation) -> Hello {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Hello {
            version: control::VERSION,
            incarnation,
            url: self.url.clone(),
            capacity: self.config.capacity,
            started_at_ms: now.as_millis() as u64,
            software: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn endpoint(&self) -> io::Result<Endpoint> {
        let socket = self.socket.try_clone()?;
        let mut endpoint = Endpoint::new(endpoint_config(), None, socket, Arc::new(TokioRuntime))?;
        let crypto = self.credentials.client_crypto(Alpn::Link);
        endpoint.set_default_client_config(client_config(crypto));
        Ok(endpoint)
    }

    fn registrar(&self, hello: &Hello) -> Registrar {
        let card = NodeCard {
            incarnation: hello.incarnation,
            url: hello.url.clone(),
            capacity: hello.capacity,
            started_at: hello.started_at_ms,
        };
        Registrar::start(self.directory.clone(), self.config.name.clone(), card)
    }

    fn exchange(
        &self,
        incarnation: Incarnation,
        registrar: Registrar,
        outbox: mpsc::Sender<ToRelay>,
    ) -> Exchange {
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
        Exchange::new(setup)
    }
}

/// Takes a new incarnation whenever the present one has lost its lease or was judged dead.
struct Fence {
    exchange: Exchange,
    registrar: Registrar,
    outbox: mpsc::Sender<ToRelay>,
    hello: Hello,
}

impl Fence {
    /// Completes when an operator wants the node to leave.
    async fn run(self, orders: &mut mpsc::Receiver<Order>) {
        let mut standing = self.registrar.standing();
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
        let former = self.exchange.turn(|state, _| {
            let former = state.incarnation();
            state.reincarnate(incarnation);
            former
        });
        warn!(%former, %incarnation, "this node was given up for dead: going on anew");
        // Without a link nobody takes it out, and the next link's hello says the same.
        let _ = self.outbox.try_send(ToRelay::Hello(self.hello.clone()));
    }
}

async fn sweep(exchange: Exchange) {
    let mut due = time::interval(SWEEP_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        exchange.turn(|state, now| state.sweep(now));
    }
}

/// Tells the relay and the operations endpoint how the node is.
async fn report(
    exchange: Exchange,
    registrar: Registrar,
    outbox: mpsc::Sender<ToRelay>,
    health: watch::Sender<Arc<Health>>,
) {
    let mut due = time::interval(LOAD_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let (load, linked, draining) =
            exchange.turn(|state, _| (state.load(), state.is_linked(), state.is_draining()));
        let Usage { cpu, memory_bytes } = Usage::now();
        let load = Load { cpu_ms: cpu.as_millis() as u64, memory_bytes, ..load };
        let registered = registrar.standing().borrow().lease == LeaseState::Held;
        if linked {
            // A report that finds the outbox full is older than the next one.
            let _ = outbox.try_send(ToRelay::Load(Box::new(load.clone())));
        }
        health.send_replace(Arc::new(Health { load, linked, registered, draining }));
    }
}

fn listen(address: SocketAddr) -> io::Result<net::TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    // A node that is started again takes its address back at once.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// An address of the relay's family, and any port.
fn dialling_address(relay: &str) -> SocketAddr {
    match relay.parse() {
        Ok(SocketAddr::V6(_)) => (net::Ipv6Addr::UNSPECIFIED, 0).into(),
        _ => (net::Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}
