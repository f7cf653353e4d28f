//! Carries out the plan: a bounded number of operations at a time, only while the lease is held.

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{self, Instant};

use super::{
    plan::{Action, Operation, Outcome},
    shared::{Phase, Shared, Tenure},
};
use crate::{CallError, EntryError, Location, defaults::OPERATIONS_IN_FLIGHT_MAX};

/// What an operation brought back.
enum Answer {
    /// The user is registered, and also on these nodes.
    Registered(Vec<Location>),
    /// The user is not registered any more; whether there was an entry to remove.
    Removed(bool),
}

type Finished = (Operation, Result<Answer, EntryError>);

pub(super) async fn work(shared: &Shared) {
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < OPERATIONS_IN_FLIGHT_MAX
            && let Some((operation, tenure)) = next(shared)
        {
            under_way.push(perform(shared, operation, tenure));
        }
        tokio::select! {
            biased;
            // What is finished makes room for the next.
            Some(finished) = under_way.next() => finish(shared, finished),
            // A wish, or a lease to fulfil it under.
            () = shared.work.notified() => {}
            // What was put off.
            () = until_due(shared), if under_way.len() < OPERATIONS_IN_FLIGHT_MAX => {}
        }
    }
}

fn next(shared: &Shared) -> Option<(Operation, Tenure)> {
    let now = Instant::now();
    let mut state = shared.lock();
    let tenure = state.tenure(now)?;
    Some((state.plan.next(now)?, tenure))
}

/// Without a lease nothing is due: the keeper of the lease wakes the worker.
async fn until_due(shared: &Shared) {
    let due = {
        let state = shared.lock();
        state.tenure(Instant::now()).and_then(|_| state.plan.next_due())
    };
    match due {
        Some(due) => time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn perform(shared: &Shared, operation: Operation, tenure: Tenure) -> Finished {
    let Operation { user, action, since_ms, .. } = &operation;
    let directory = &shared.directory;
    let place = (&shared.node, tenure.incarnation);
    let answer = match action {
        Action::Register => {
            directory.register(user, place, *since_ms, tenure.fence).await.map(Answer::Registered)
        }
        Action::Remove { keep_index: true } => directory
            .leave(user, place, tenure.fence)
            .await
            .map(|left| Answer::Removed(left.removed)),
        Action::Remove { keep_index: false } => {
            directory.unregister(user, place, *since_ms, tenure.fence).await.map(Answer::Removed)
        }
    };
    (operation, answer)
}

fn finish(shared: &Shared, (operation, answer): Finished) {
    let mut state = shared.lock();
    let fulfilled = state.plan.finish(&operation, outcome(&answer), Instant::now());
    state.log_first_late(answer.as_ref().err());
    match answer {
        Ok(Answer::Registered(others)) if fulfilled => {
            state.answer(&operation.user, operation.wish, &others);
        }
        Ok(Answer::Removed(true)) if operation.ghost => state.stale_entries_removed += 1,
        _ => {}
    }
    let rebuilt = state.plan.rebuilding() == 0 && matches!(state.phase, Phase::Open(_));
    drop(state);
    if rebuilt {
        shared.publish(|standing| standing.rebuilding = false);
    }
    shared.settled.notify_one();
}

fn outcome(answer: &Result<Answer, EntryError>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Done,
        // What Redis has answered it will not do later.
        Err(EntryError::LeaseOver { .. } | EntryError::Call(CallError::Refused(_))) => {
            Outcome::Refused
        }
        Err(EntryError::Call(CallError::TimedOut | CallError::Away(_))) => Outcome::Doubtful,
    }
}
