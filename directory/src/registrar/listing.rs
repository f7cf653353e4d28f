//! Checks the listings: restores the node's own incarnation and record if they are missing, and
//! purges former incarnations of the node. The holder of the lease is their successor, so it also
//! purges those of a process that was killed.

use std::collections::BTreeSet;

use tokio::time;
use trunkline_protocol::Incarnation;

use super::{shared::RegistrarShared, state::LeaseGrant};
use crate::{
    defaults::{LEASE_TTL, LISTING_CHECK_EVERY},
    error::CallError,
};

pub(super) async fn run(shared: &RegistrarShared) {
    loop {
        if let Err(error) = check(shared).await {
            tracing::debug!(%error, "the check of the listings failed, retrying");
        }
        tokio::select! {
            () = shared.granted.notified() => {}
            () = time::sleep(LISTING_CHECK_EVERY) => {}
        }
    }
}

async fn check(shared: &RegistrarShared) -> Result<(), CallError> {
    let Some(grant) = shared.grant() else { return Ok(()) };
    let all = shared.directory.incarnations().await?;
    let listed: BTreeSet<Incarnation> =
        all.into_iter().filter(|(_, node)| *node == shared.node).map(|(own, _)| own).collect();
    restore(shared, grant, &listed).await?;
    purge_former(shared, grant, listed).await
}

/// Writes the listing and the record again if another program has removed them.
async fn restore(
    shared: &RegistrarShared,
    grant: LeaseGrant,
    listed: &BTreeSet<Incarnation>,
) -> Result<(), CallError> {
    let RegistrarShared { directory, node, .. } = shared;
    if !listed.contains(&grant.incarnation) {
        directory.list_incarnation(node, grant.incarnation).await?;
    }
    let record = shared.record(grant.incarnation);
    if directory.record(node).await?.as_ref() != Some(&record) {
        directory.announce(node, &record).await?;
    }
    Ok(())
}

/// Purges former incarnations, once all users are registered under the current one: until then
/// their old entries still lead messages here.
async fn purge_former(
    shared: &RegistrarShared,
    grant: LeaseGrant,
    mut former: BTreeSet<Incarnation>,
) -> Result<(), CallError> {
    former.extend(&shared.lock().former);
    former.remove(&grant.incarnation);
    if former.is_empty() {
        return Ok(());
    }
    wait_until_rebuilt(shared, grant).await;
    // A process that took over meanwhile may be among the listed ones, and must not be purged. A
    // node lists its incarnation only while it has the lease. So if this incarnation still has it,
    // all others that were listed before are former ones.
    let lease = shared.directory.lease(&shared.node).await?;
    if lease.is_none_or(|lease| lease.holder != grant.incarnation) {
        return Ok(());
    }
    for former in former {
        // A former incarnation's commands may take effect until its lease would have expired.
        let purged = shared.directory.purge(&shared.node, former, LEASE_TTL, |_| {}).await?;
        shared.lock().former.remove(&former);
        tracing::info!(
            incarnation = %former,
            removed = purged.removed,
            elsewhere = purged.elsewhere,
            "purged a former incarnation of this node"
        );
    }
    Ok(())
}

/// Also returns if the incarnation is replaced: then its successor rebuilds.
async fn wait_until_rebuilt(shared: &RegistrarShared, grant: LeaseGrant) {
    let rebuilt = shared
        .status()
        .wait_for(|status| !status.rebuilding || status.incarnation != grant.incarnation)
        .await
        .map(drop);
    debug_assert!(rebuilt.is_ok(), "`shared` has the sender");
}
