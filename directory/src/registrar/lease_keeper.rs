//! Takes the lease and keeps it, and tells the node how it stands.

use tokio::time::{self, Instant};
use trunkline_protocol::Incarnation;

use super::{
    LeaseState,
    shared::{Phase, Shared, Tenure},
};
use crate::{
    Acquired, CallError, Fence, Renewed,
    defaults::{LEASE_RENEW_EVERY, LEASE_TTL, MISS_DOUBT},
};

pub(super) async fn keep(shared: &Shared) {
    loop {
        let next = Instant::now() + LEASE_RENEW_EVERY;
        let (incarnation, phase) = {
            let state = shared.lock();
            (state.incarnation, state.phase)
        };
        let step = match phase {
            Phase::Seeking => seek(shared, incarnation).await,
            Phase::Open(_) => renew(shared, incarnation).await,
            Phase::Lost => shared.directory.ping().await,
        };
        shared.publish(|standing| standing.redis_away = step.is_err());
        tokio::select! {
            biased;
            // A new incarnation does not wait.
            () = shared.keep.notified() => {}
            () = time::sleep_until(next) => {}
        }
    }
}

async fn seek(shared: &Shared, incarnation: Incarnation) -> Result<(), CallError> {
    let asked = Instant::now();
    match shared.directory.acquire(&shared.node, incarnation).await? {
        Acquired::Held(fence) => {
            open(shared, Tenure { incarnation, fence, ends: asked + LEASE_TTL }).await
        }
        Acquired::Foreign { holder } => give_way(shared, incarnation, holder).await,
    }
}

/// Someone else has the lease: another process, or an own former incarnation, which is over.
async fn give_way(
    shared: &Shared,
    incarnation: Incarnation,
    holder: Option<Incarnation>,
) -> Result<(), CallError> {
    let own = holder.filter(|holder| shared.lock().former.contains(holder));
    if let Some(former) = own {
        shared.directory.revoke_lease(&shared.node, former).await?;
        shared.keep.notify_one();
    } else if shared.lock().incarnation == incarnation {
        shared.publish(|standing| standing.lease = LeaseState::Foreign { holder });
    }
    Ok(())
}

/// The lease is taken. Before the first entry is made, the incarnation is listed; and so are the
/// former ones again, of which an emptied Redis has lost sight.
async fn open(shared: &Shared, tenure: Tenure) -> Result<(), CallError> {
    let Tenure { incarnation, .. } = tenure;
    let Shared { directory, node, .. } = shared;
    let former = shared.lock().former.clone();
    for former in former {
        directory.list_incarnation(node, former).await?;
    }
    directory.list_incarnation(node, incarnation).await?;
    directory.announce(node, &shared.card(incarnation)).await?;

    let mut state = shared.lock();
    if state.incarnation != incarnation {
        return Ok(());
    }
    state.phase = Phase::Open(tenure);
    state.doubts_until = Some(Instant::now() + MISS_DOUBT);
    if state.planned_for != incarnation {
        state.planned_for = incarnation;
        state.plan.restart(Instant::now());
    }
    let rebuilding = state.plan.rebuilding() > 0;
    drop(state);
    tracing::info!(%incarnation, "has the lease; users are being registered");
    shared.publish(|standing| {
        standing.lease = LeaseState::Held;
        standing.rebuilding = rebuilding;
    });
    shared.work.notify_one();
    shared.opened.notify_one();
    Ok(())
}

async fn renew(shared: &Shared, incarnation: Incarnation) -> Result<(), CallError> {
    let asked = Instant::now();
    match shared.directory.renew(&shared.node, incarnation).await? {
        Renewed::Held(fence) => prolong(shared, incarnation, fence, asked + LEASE_TTL),
        Renewed::Lost { holder } => lose(shared, incarnation, holder),
    }
    Ok(())
}

fn prolong(shared: &Shared, incarnation: Incarnation, fence: Fence, ends: Instant) {
    let mut state = shared.lock();
    if state.incarnation == incarnation {
        state.phase = Phase::Open(Tenure { incarnation, fence, ends });
        // The lease may have run out in between, and the worker have gone to sleep.
        shared.work.notify_one();
    }
}

fn lose(shared: &Shared, incarnation: Incarnation, holder: Option<Incarnation>) {
    let mut state = shared.lock();
    if state.incarnation != incarnation {
        return;
    }
    state.phase = Phase::Lost;
    drop(state);
    tracing::warn!(%incarnation, ?holder, "has lost the lease; a new incarnation is needed");
    shared.publish(|standing| {
        standing.lease = LeaseState::Lost { holder };
        standing.rebuilding = true;
    });
}
