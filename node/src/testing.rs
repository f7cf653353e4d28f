//! An echo server for conformance suites: the node's accept path, upgrade, codec settings, sessions
//! and outgoing buffers, with nothing behind them.

use std::{io, net, rc::Rc};

use tokio::{net::TcpListener, sync::mpsc, task::LocalSet};
use trunkline_directory::{ConfigError, Directory, NodeRecord, Registrar};
use trunkline_protocol::{Incarnation, Name};

use crate::{
    custody::Limits,
    data_plane::{DataPlane, DataPlaneSetup},
    defaults::{CAPACITY, OUTBOX, PING_INTERVAL, SESSIONS_PER_USER},
    edge::{Auth, Listener, SessionRules},
    origins::Origins,
};

/// Nothing listens there: without logins, the directory is never asked.
const NO_REDIS: &str = "redis://127.0.0.1:1";

/// Echoes every message of up to `frame_bytes_max` bytes while it is polled. Needs a current-thread
/// runtime of its own.
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve_echo(listener: net::TcpListener, frame_bytes_max: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let data_plane = data_plane().map_err(io::Error::other)?;
    let rules =
        SessionRules { frame_bytes_max, messages_per_second: None, auth: Auth::Open, echo: true };
    let clients = Listener {
        listener,
        data_plane: data_plane.clone(),
        rules: Rc::new(rules),
        origins: Rc::new(Origins::Any),
    };
    let tasks = LocalSet::new();
    tasks.spawn_local(data_plane.flush_when_needed());
    tasks.run_until(clients.run()).await;
    Ok(())
}

fn data_plane() -> Result<DataPlane, ConfigError> {
    let incarnation = Incarnation::fresh();
    let name: Name = "echo".parse().expect("it is a DNS label");
    let record = NodeRecord { incarnation, url: String::new(), capacity: CAPACITY, started_at: 0 };
    let directory = Directory::open(NO_REDIS, trunkline_directory::defaults::KEY_PREFIX)?;
    let registrar = Registrar::start(directory, name.clone(), record);
    Ok(DataPlane::new(DataPlaneSetup {
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
