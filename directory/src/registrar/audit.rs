//! Compares the desired state with the directory, continuously and slowly, in both directions: each
//! user must have an entry, and each entry must have a user. A full cycle takes [`AUDIT_CYCLE`] at
//! most; the reconciler repairs the differences.

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{self, Instant, MissedTickBehavior};
use trunkline_protocol::{Incarnation, User};

use super::{reconciler::ConfirmedUser, shared::RegistrarShared, state::LeaseGrant};
use crate::{
    defaults::{AUDIT_CYCLE, AUDIT_IN_FLIGHT_MAX, AUDIT_STEP_EVERY, AUDIT_STEP_USERS_MIN},
    error::CallError,
};

/// The progress of the current cycle.
#[derive(Debug, Default)]
struct AuditProgress {
    /// The last user that was checked.
    user: Option<User>,
    /// Where the scan of the index continues, and the incarnation of that index.
    index: Option<(Incarnation, u64)>,
    /// How many users the index had when the scan began.
    indexed: usize,
}

pub(super) async fn run(shared: &RegistrarShared) {
    let mut progress = AuditProgress::default();
    let mut steps = time::interval(AUDIT_STEP_EVERY);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        steps.tick().await;
        let Some(grant) = shared.grant() else { continue };
        let step = async {
            progress.check_users(shared, grant).await?;
            progress.check_index(shared, grant).await
        };
        if let Err(error) = step.await {
            tracing::debug!(%error, "a step of the audit failed, retrying");
        }
    }
}

impl AuditProgress {
    /// Checks that each of the next users has its entry.
    async fn check_users(
        &mut self,
        shared: &RegistrarShared,
        grant: LeaseGrant,
    ) -> Result<(), CallError> {
        let (users, count) = {
            let state = shared.lock();
            let count = step_users(state.reconciler.desired());
            (state.reconciler.confirmed_after(self.user.as_ref(), count), count)
        };
        let registered = registered(shared, grant, &users).await?;
        let mut state = shared.lock();
        for (user, registered) in users.iter().zip(registered) {
            if !registered && state.incarnation == grant.incarnation {
                let repaired = state.reconciler.repair(user, Instant::now());
                state.entries_repaired += u64::from(repaired);
                shared.work.notify_one();
            }
        }
        self.user = users.last().filter(|_| users.len() == count).map(|last| last.user.clone());
        Ok(())
    }

    /// Checks that each user in the next part of the index is in the desired state.
    async fn check_index(
        &mut self,
        shared: &RegistrarShared,
        grant: LeaseGrant,
    ) -> Result<(), CallError> {
        let cursor = match self.index {
            Some((incarnation, cursor)) if incarnation == grant.incarnation => cursor,
            _ => 0,
        };
        let RegistrarShared { directory, node, .. } = shared;
        if cursor == 0 {
            self.indexed = directory.users_count(node, grant.incarnation).await?;
        }
        let count = step_users(self.indexed);
        let (next, users) =
            directory.scan_users_of((node, grant.incarnation), cursor, count).await?;
        let mut state = shared.lock();
        if state.incarnation == grant.incarnation {
            for (user, since_ms) in users {
                state.reconciler.remove_stale(&user, since_ms, Instant::now());
            }
            shared.work.notify_one();
        }
        self.index = Some((grant.incarnation, next));
        Ok(())
    }
}

/// For each user, whether it has an entry and is in the index.
async fn registered(
    shared: &RegistrarShared,
    grant: LeaseGrant,
    users: &[ConfirmedUser],
) -> Result<Vec<bool>, CallError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let RegistrarShared { directory, node, .. } = shared;
    let users: Vec<&User> = users.iter().map(|confirmed| &confirmed.user).collect();
    let indexed = directory.indexed_among((node, grant.incarnation), &users).await?;
    let look_ups: Vec<_> = users.into_iter().map(|user| directory.entry(user, node)).collect();
    let entries: Vec<Option<Incarnation>> =
        stream::iter(look_ups).buffered(AUDIT_IN_FLIGHT_MAX).try_collect().await?;
    let right = |entry: Option<Incarnation>| entry == Some(grant.incarnation);
    Ok(entries.into_iter().zip(indexed).map(|(entry, indexed)| right(entry) && indexed).collect())
}

/// How many users a step has to check to complete the cycle in time.
fn step_users(all: usize) -> usize {
    let steps = (AUDIT_CYCLE.as_millis() / AUDIT_STEP_EVERY.as_millis()) as usize;
    all.div_ceil(steps).max(AUDIT_STEP_USERS_MIN)
}
