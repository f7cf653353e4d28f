//! Compares, forever and slowly, what the node wants with what the directory says, both ways:
//! each wanted user has an entry, and each entry is wanted. A full cycle takes at most
//! [`AUDIT_CYCLE`]; what differs is mended by the plan.

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{self, Instant, MissedTickBehavior};
use trunkline_protocol::{Incarnation, User};

use super::{
    plan::Settled,
    shared::{Shared, Tenure},
};
use crate::{
    CallError,
    defaults::{AUDIT_CYCLE, AUDIT_IN_FLIGHT_MAX, AUDIT_STEP_EVERY, AUDIT_STEP_USERS_MIN},
};

/// How far the present cycle has come.
#[derive(Debug, Default)]
struct Progress {
    /// The last wanted user that was looked at.
    user: Option<User>,
    /// Where the scan of the index goes on, and of which incarnation.
    index: Option<(Incarnation, u64)>,
    /// How many users the index had when the scan began.
    indexed: usize,
}

pub(super) async fn look_after(shared: &Shared) {
    let mut progress = Progress::default();
    let mut steps = time::interval(AUDIT_STEP_EVERY);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        steps.tick().await;
        let Some(tenure) = shared.tenure() else { continue };
        let step = async {
            progress.check_users(shared, tenure).await?;
            progress.check_index(shared, tenure).await
        };
        if let Err(error) = step.await {
            tracing::debug!(%error, "a step of the audit will be repeated");
        }
    }
}

impl Progress {
    /// Looks at the next wanted users: does each have its entry?
    async fn check_users(&mut self, shared: &Shared, tenure: Tenure) -> Result<(), CallError> {
        let (users, count) = {
            let state = shared.lock();
            let count = step_users(state.plan.wanted());
            (state.plan.settled_after(self.user.as_ref(), count), count)
        };
        let entered = entered(shared, tenure, &users).await?;
        let mut state = shared.lock();
        for (settled, entered) in users.iter().zip(entered) {
            if !entered && state.incarnation == tenure.incarnation {
                let repaired = state.plan.repair(settled, Instant::now());
                state.entries_repaired += u64::from(repaired);
                shared.work.notify_one();
            }
        }
        self.user = users.last().filter(|_| users.len() == count).map(|last| last.user.clone());
        Ok(())
    }

    /// Looks at the next part of the index: is each user there wanted?
    async fn check_index(&mut self, shared: &Shared, tenure: Tenure) -> Result<(), CallError> {
        let cursor = match self.index {
            Some((incarnation, cursor)) if incarnation == tenure.incarnation => cursor,
            _ => 0,
        };
        let Shared { directory, node, .. } = shared;
        if cursor == 0 {
            self.indexed = directory.users_count(node, tenure.incarnation).await?;
        }
        let count = step_users(self.indexed);
        let (next, users) =
            directory.scan_users_of((node, tenure.incarnation), cursor, count).await?;
        let mut state = shared.lock();
        if state.incarnation == tenure.incarnation {
            for (user, since_ms) in users {
                state.plan.remove_ghost(&user, since_ms, Instant::now());
            }
            shared.work.notify_one();
        }
        self.index = Some((tenure.incarnation, next));
        Ok(())
    }
}

/// Whether each user has an entry, and is in the index.
async fn entered(
    shared: &Shared,
    tenure: Tenure,
    users: &[Settled],
) -> Result<Vec<bool>, CallError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let Shared { directory, node, .. } = shared;
    let names: Vec<&User> = users.iter().map(|settled| &settled.user).collect();
    let indexed = directory.indexed_among((node, tenure.incarnation), &names).await?;
    let look_ups: Vec<_> = names.into_iter().map(|user| directory.entry(user, node)).collect();
    let entries: Vec<Option<Incarnation>> =
        stream::iter(look_ups).buffered(AUDIT_IN_FLIGHT_MAX).try_collect().await?;
    let right = |entry: Option<Incarnation>| entry == Some(tenure.incarnation);
    Ok(entries.into_iter().zip(indexed).map(|(entry, indexed)| right(entry) && indexed).collect())
}

/// How many users a step looks at, so that all are looked at within a cycle.
fn step_users(all: usize) -> usize {
    let steps = (AUDIT_CYCLE.as_millis() / AUDIT_STEP_EVERY.as_millis()) as usize;
    all.div_ceil(steps).max(AUDIT_STEP_USERS_MIN)
}
