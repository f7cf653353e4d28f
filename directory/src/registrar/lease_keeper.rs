//! Acquires the lease and renews it, and publishes its state.

use tokio::time::{self, Instant};
use trunkline_protocol::Incarnation;

use super::{
    shared::RegistrarShared,
    state::{LeaseGrant, LeasePhase},
    status::LeaseState,
};
use crate::{
    defaults::{LEASE_RENEW_EVERY, LEASE_TTL, MISS_UNTRUSTED_FOR},
    error::CallError,
    lease::{Acquired, Fence, Renewed},
};

pub(super) async fn run(shared: &RegistrarShared) {
    loop {
        let next = Instant::now() + LEASE_RENEW_EVERY;
        let (incarnation, phase) = {
            let state = shared.lock();
            (state.incarnation, state.phase)
        };
        let step = match phase {
            LeasePhase::Seeking => acquire(shared, incarnation).await,
            LeasePhase::Granted(_) => renew(shared, incarnation).await,
            LeasePhase::Lost => shared.directory.ping().await,
        };
        shared.publish(|status| status.redis_away = step.is_err());
        tokio::select! {
            biased;
            // A new incarnation acquires the lease at once.
            () = shared.lease_check.notified() => {}
            () = time::sleep_until(next) => {}
        }
    }
}

async fn acquire(shared: &RegistrarShared, incarnation: Incarnation) -> Result<(), CallError> {
    let requested = Instant::now();
    match shared.directory.acquire(&shared.node, incarnation).await? {
        Acquired::Held(fence) => {
            granted(shared, LeaseGrant { incarnation, fence, ends: requested + LEASE_TTL }).await
        }
        Acquired::Foreign { holder } => held_by(shared, incarnation, holder).await,
    }
}

/// The holder is another process, or a former incarnation of this one, whose lease is revoked.
async fn held_by(
    shared: &RegistrarShared,
    incarnation: Incarnation,
    holder: Option<Incarnation>,
) -> Result<(), CallError> {
    let own = holder.filter(|holder| shared.lock().former.contains(holder));
    if let Some(former) = own {
        shared.directory.revoke_lease(&shared.node, former).await?;
        shared.lease_check.notify_one();
    } else if shared.lock().incarnation == incarnation {
        shared.publish(|status| status.lease = LeaseState::Foreign { holder });
    }
    Ok(())
}

/// Lists the incarnation before its first entry, so that every entry can be found by its
/// incarnation. Lists the former ones again, because an emptied Redis has lost their listings but
/// may still execute their late commands.
async fn granted(shared: &RegistrarShared, grant: LeaseGrant) -> Result<(), CallError> {
    let LeaseGrant { incarnation, .. } = grant;
    let RegistrarShared { directory, node, .. } = shared;
    let former = shared.lock().former.clone();
    for former in former {
        directory.list_incarnation(node, former).await?;
    }
    directory.list_incarnation(node, incarnation).await?;
    directory.announce(node, &shared.record(incarnation)).await?;

    let mut state = shared.lock();
    // The node may have taken yet another incarnation during the calls.
    if state.incarnation != incarnation {
        return Ok(());
    }
    state.phase = LeasePhase::Granted(grant);
    state.misses_untrusted_until = Some(Instant::now() + MISS_UNTRUSTED_FOR);
    if state.reconciled_for != incarnation {
        state.reconciled_for = incarnation;
        state.reconciler.restart(Instant::now());
    }
    let rebuilding = state.reconciler.rebuilding() > 0;
    drop(state);
    tracing::info!(%incarnation, "lease acquired, registering users");
    shared.publish(|status| {
        status.lease = LeaseState::Held;
        status.rebuilding = rebuilding;
    });
    shared.work.notify_one();
    shared.granted.notify_one();
    Ok(())
}

async fn renew(shared: &RegistrarShared, incarnation: Incarnation) -> Result<(), CallError> {
    let requested = Instant::now();
    match shared.directory.renew(&shared.node, incarnation).await? {
        Renewed::Held(fence) => renewed(shared, incarnation, fence, requested + LEASE_TTL),
        Renewed::Lost { holder } => lost(shared, incarnation, holder),
    }
    Ok(())
}

fn renewed(shared: &RegistrarShared, incarnation: Incarnation, fence: Fence, ends: Instant) {
    let mut state = shared.lock();
    if state.incarnation == incarnation {
        state.phase = LeasePhase::Granted(LeaseGrant { incarnation, fence, ends });
        // The worker sleeps while the lease is expired by the node's clock.
        shared.work.notify_one();
    }
}

fn lost(shared: &RegistrarShared, incarnation: Incarnation, holder: Option<Incarnation>) {
    let mut state = shared.lock();
    if state.incarnation != incarnation {
        return;
    }
    state.phase = LeasePhase::Lost;
    drop(state);
    tracing::warn!(%incarnation, ?holder, "lease lost, a new incarnation is needed");
    shared.publish(|status| {
        status.lease = LeaseState::Lost { holder };
        status.rebuilding = true;
    });
}
