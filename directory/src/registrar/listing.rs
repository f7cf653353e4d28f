//! Looks after what is listed: that the node's incarnation and card are there, and that former
//! incarnations of the node are purged. Who has the lease is their successor, and so purges also
//! those of a process that was killed.

use std::collections::BTreeSet;

use tokio::time;
use trunkline_protocol::Incarnation;

use super::shared::{Shared, Tenure};
use crate::{
    CallError,
    defaults::{LEASE_TTL, LISTING_CHECK_EVERY},
};

pub(super) async fn look_after(shared: &Shared) {
    loop {
        let checked = check(shared).await;
        if let Err(error) = checked {
            tracing::debug!(%error, "the listing will be checked again");
        }
        tokio::select! {
            () = shared.opened.notified() => {}
            () = time::sleep(LISTING_CHECK_EVERY) => {}
        }
    }
}

async fn check(shared: &Shared) -> Result<(), CallError> {
    let Some(tenure) = shared.tenure() else { return Ok(()) };
    let listed = listed(shared).await?;
    restore(shared, tenure, &listed).await?;
    purge_former(shared, tenure, listed).await
}

/// The listed incarnations of this node.
async fn listed(shared: &Shared) -> Result<BTreeSet<Incarnation>, CallError> {
    let all = shared.directory.incarnations().await?;
    Ok(all.into_iter().filter(|(_, node)| *node == shared.node).map(|(own, _)| own).collect())
}

/// Writes again what someone has removed.
async fn restore(
    shared: &Shared,
    tenure: Tenure,
    listed: &BTreeSet<Incarnation>,
) -> Result<(), CallError> {
    let Shared { directory, node, .. } = shared;
    if !listed.contains(&tenure.incarnation) {
        directory.list_incarnation(node, tenure.incarnation).await?;
    }
    let card = shared.card(tenure.incarnation);
    if directory.card(node).await?.as_ref() != Some(&card) {
        directory.announce(node, &card).await?;
    }
    Ok(())
}

/// Purges former incarnations, once all users are registered under the present one.
async fn purge_former(
    shared: &Shared,
    tenure: Tenure,
    mut former: BTreeSet<Incarnation>,
) -> Result<(), CallError> {
    former.extend(&shared.lock().former);
    former.remove(&tenure.incarnation);
    if former.is_empty() {
        return Ok(());
    }
    wait_until_rebuilt(shared, tenure).await;
    // An incarnation is listed by its node only under the lease. So whatever was listed while
    // this one still had it is no successor.
    let lease = shared.directory.lease(&shared.node).await?;
    if lease.is_none_or(|lease| lease.holder != tenure.incarnation) {
        return Ok(());
    }
    for former in former {
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

/// Returns also when the incarnation is over: then another one rebuilds.
async fn wait_until_rebuilt(shared: &Shared, tenure: Tenure) {
    let rebuilt = shared
        .status()
        .wait_for(|standing| !standing.rebuilding || standing.incarnation != tenure.incarnation)
        .await
        .map(drop);
    // The sender lives as long as the registrar.
    debug_assert!(rebuilt.is_ok());
}
