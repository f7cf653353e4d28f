//! An echo server for conformance suites: the node's accept path, upgrade, codec settings, sessions
//! and outgoing buffers, with nothing behind them.

use std::{io, net, rc::Rc};

use tokio::{net::TcpListener, sync::mpsc, task::LocalSet};
use trunkline_directory::{ConfigError, Directory, NodeCard, Registrar};
use trunkline_protocol::{Incarnation, Name};

use crate::{
    custody::Limits,
    defaults::{CAPACITY, OUTBOX, PING_INTERVAL, SESSIONS_PER_USER},
    edge::{Auth, Listener, SessionRules},
    exchange::{Exchange, Setup},
    origins::Origins,
};

/// Nothing listens there, and nothing needs to: nobody logs in.
const NO_REDIS: &str = "redis://127.0.0.1:1";

/// Echoes every message of up to `frame_bytes_max` bytes, for as long as it is polled. Wants a
/// current-thread runtime to itself.
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve_echo(listener: net::TcpListener, frame_bytes_max: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let exchange = exchange().map_err(io::Error::other)?;
    let rules =
        SessionRules { frame_bytes_max, messages_per_second: None, auth: Auth::Open, echo: true };
    let clients = Listener {
        listener,
        exchange: exchange.clone(),
        rules: Rc::new(rules),
        origins: Rc::new(Origins::Any),
    };
    let tasks = LocalSet::new();
    tasks.spawn_local(exchange.flush_on_work());
    tasks.run_until(clients.run()).await;
    Ok(())
}

fn exchange() -> Result<Exchange, ConfigError> {
    let incarnation = Incarnation::fresh();
    let name: Name = "echo".parse().expect("it is a DNS label");
    let card = NodeCard { incarnation, url: String::new(), capacity: CAPACITY, started_at: 0 };
    let directory = Directory::open(NO_REDIS, trunkline_directory::defaults::KEY_PREFIX)?;
    let registrar = Registrar::start(directory, name.clone(), card);
    Ok(Exchange::new(Setup {
        name,
        incarnation,
        capacity: CAPACITY,
        sessions_per_user: SESSIONS_PER_USER,
        ping_interval: PING_INTERVAL,
        limits: Limits::default(),
        registrar,
        outbox: mpsc::channel(OUTBOX).0,
    }))
}
