//! Look-ups for a node's sends. A miss is trusted only if Redis certainly has lost nothing.

use tokio::time::Instant;
use trunkline_protocol::User;

use super::shared::RegistrarShared;
use crate::{
    error::{CallError, LookUpError},
    users::Location,
};

pub(super) async fn look_up(
    shared: &RegistrarShared,
    user: &User,
) -> Result<Vec<Location>, LookUpError> {
    let locations = shared.directory.look_up(user).await?;
    if locations.is_empty() && !misses_are_trusted(shared).await? {
        return Err(LookUpError::Indeterminate);
    }
    Ok(locations)
}

/// Whether Redis still had all entries when it answered with a miss. An event that removes all
/// entries (`FLUSHALL`, a restart, a failover) also removes the node's own lease. The lease is read
/// after the entry, so the event cannot hide between the two reads; and a lease that was acquired
/// after such an event is not trusted until the other nodes have noticed it too.
async fn misses_are_trusted(shared: &RegistrarShared) -> Result<bool, CallError> {
    let lease = shared.directory.lease(&shared.node).await?;
    let state = shared.lock();
    let held = lease.is_some_and(|lease| lease.holder == state.incarnation);
    let trusted = state.misses_untrusted_until.is_some_and(|until| until <= Instant::now());
    drop(state);
    if !held {
        shared.lease_check.notify_one();
    }
    Ok(held && trusted)
}
