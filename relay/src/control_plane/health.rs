//! The health of the relay, answered from the latest snapshot, which is at most a second old: a
//! request costs the data path nothing.

use std::sync::Arc;

use trunkline_ops::{Monitored, unix_ms};
use trunkline_protocol::status::RedisState;

use super::{
    metrics,
    snapshots::{PublishedSnapshot, SnapshotReceiver},
};
use crate::defaults::SNAPSHOT_STALE;

/// The relay, as its operations endpoint sees it.
pub(super) struct RelayMonitor(SnapshotReceiver);

impl RelayMonitor {
    pub(super) fn new(snapshots: SnapshotReceiver) -> Self {
        Self(snapshots)
    }

    fn latest(&self) -> Option<Arc<PublishedSnapshot>> {
        let published = self.0.borrow().clone()?;
        let age_ms = unix_ms().saturating_sub(published.snapshot.at_ms);
        (u128::from(age_ms) < SNAPSHOT_STALE.as_millis()).then_some(published)
    }
}

impl Monitored for RelayMonitor {
    /// Ready if the data path runs, and Redis answers, so that dead nodes can be purged. Forwarding
    /// needs no Redis.
    fn ready(&self) -> Result<(), String> {
        let Some(published) = self.latest() else {
            return Err("the data path does not answer".to_owned());
        };
        let relay = &published.snapshot.relay;
        match (&relay.redis_trouble, relay.redis) {
            (Some(trouble), _) => Err(format!("trouble with Redis: {trouble}")),
            (None, RedisState::Away { .. }) => Err("Redis does not answer".to_owned()),
            (None, RedisState::Up) => Ok(()),
        }
    }

    fn report(&self) {
        if let Some(published) = self.latest() {
            metrics::report(&published.snapshot);
        }
    }
}
