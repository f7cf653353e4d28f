use tokio::sync::mpsc;
use trunkline_directory::{ConfigError, Directory, NodeRecord, Registrar};
use trunkline_protocol::{Incarnation, Name, control::ToRelay};

use crate::{
    custody::Limits,
    data_plane::{DataPlane, DataPlaneSetup},
    defaults::{CAPACITY, OUTBOX, PING_INTERVAL},
};

/// An address that refuses connections: these data planes work without Redis.
const NO_REDIS: &str = "redis://127.0.0.1:1";

/// The data plane of a node that reaches neither Redis nor a relay.
pub(crate) fn data_plane(sessions_per_user: usize) -> Result<DataPlane, ConfigError> {
    data_plane_with(sessions_per_user, mpsc::channel(OUTBOX).0)
}

/// The same, with control messages for the relay in `outbox`.
pub(crate) fn data_plane_with(
    sessions_per_user: usize,
    outbox: mpsc::Sender<ToRelay>,
) -> Result<DataPlane, ConfigError> {
    let incarnation = Incarnation::fresh();
    let name: Name = "isolated".parse().expect("it is a DNS label");
    let record = NodeRecord { incarnation, url: String::new(), capacity: CAPACITY, started_at: 0 };
    let directory = Directory::open(NO_REDIS, trunkline_directory::defaults::KEY_PREFIX)?;
    let registrar = Registrar::start(directory, name.clone(), record);
    Ok(DataPlane::new(DataPlaneSetup {
        name,
        incarnation,
        capacity: CAPACITY,
        sessions_per_user,
        ping_interval: PING_INTERVAL,
        limits: Limits::default(),
        registrar,
        outbox,
    }))
}
