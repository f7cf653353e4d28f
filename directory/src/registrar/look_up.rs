//! Look-ups for a node's sends. That a user is nowhere is believed only of a Redis that has
//! forgotten nothing.

use tokio::time::Instant;
use trunkline_protocol::User;

use super::shared::Shared;
use crate::{CallError, Location, LookUpError};

pub(super) async fn look_up(shared: &Shared, user: &User) -> Result<Vec<Location>, LookUpError> {
    let places = shared.directory.look_up(user).await?;
    if places.is_empty() && !remembers(shared).await? {
        return Err(LookUpError::Indeterminate);
    }
    Ok(places)
}

/// Whether Redis knew all that this node and the others had told it. What makes it forget the
/// others' entries takes the node's own lease as well, which is asked for after the entry: so there
/// is no moment in between.
async fn remembers(shared: &Shared) -> Result<bool, CallError> {
    let lease = shared.directory.lease(&shared.node).await?;
    let state = shared.lock();
    let held = lease.is_some_and(|lease| lease.holder == state.incarnation);
    let settled = state.doubts_until.is_some_and(|until| until <= Instant::now());
    drop(state);
    if !held {
        shared.keep.notify_one();
    }
    Ok(held && settled)
}
