//! Executes the reconciler's operations: a bounded number at a time, and only while the lease is
//! held.

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{self, Instant};

use super::{
    operation::{Operation, OperationKind, OperationResult},
    shared::RegistrarShared,
    state::{LeaseGrant, LeasePhase},
};
use crate::{
    defaults::OPERATIONS_IN_FLIGHT_MAX,
    error::{CallError, EntryError},
    users::Location,
};

/// The answer to an operation.
enum OperationAnswer {
    /// The user is registered, and has sessions on these other nodes.
    Registered(Vec<Location>),
    /// The user is not registered; whether there was an entry.
    Removed(bool),
}

type Finished = (Operation, Result<OperationAnswer, EntryError>);

pub(super) async fn run(shared: &RegistrarShared) {
    let mut in_flight = FuturesUnordered::new();
    loop {
        while in_flight.len() < OPERATIONS_IN_FLIGHT_MAX
            && let Some((operation, grant)) = next(shared)
        {
            in_flight.push(execute(shared, operation, grant));
        }
        tokio::select! {
            biased;
            // A finished operation makes room for the next one.
            Some(finished) = in_flight.next() => finish(shared, finished),
            // The desired state or the lease has changed.
            () = shared.work.notified() => {}
            // An operation that was scheduled for later is due.
            () = until_due(shared), if in_flight.len() < OPERATIONS_IN_FLIGHT_MAX => {}
        }
    }
}

fn next(shared: &RegistrarShared) -> Option<(Operation, LeaseGrant)> {
    let now = Instant::now();
    let mut state = shared.lock();
    let grant = state.grant(now)?;
    Some((state.reconciler.next(now)?, grant))
}

/// Without the lease nothing is due: its renewal wakes the worker.
async fn until_due(shared: &RegistrarShared) {
    let due = {
        let state = shared.lock();
        state.grant(Instant::now()).and_then(|_| state.reconciler.next_due())
    };
    match due {
        Some(due) => time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn execute(shared: &RegistrarShared, operation: Operation, grant: LeaseGrant) -> Finished {
    let Operation { user, kind, since_ms, .. } = &operation;
    let (directory, fence) = (&shared.directory, grant.fence);
    let location = (&shared.node, grant.incarnation);
    let answer = match kind {
        OperationKind::Register => {
            let others = directory.register(user, location, *since_ms, fence).await;
            others.map(OperationAnswer::Registered)
        }
        OperationKind::Remove { keep_index: true } => {
            let entry = directory.remove_entry(user, location, fence).await;
            entry.map(|entry| OperationAnswer::Removed(entry.removed))
        }
        OperationKind::Remove { keep_index: false } => {
            let removed = directory.unregister(user, location, *since_ms, fence).await;
            removed.map(OperationAnswer::Removed)
        }
    };
    (operation, answer)
}

fn finish(shared: &RegistrarShared, (operation, answer): Finished) {
    let mut state = shared.lock();
    let registered = state.reconciler.finish(&operation, result(&answer), Instant::now());
    state.log_lateness(answer.as_ref().err());
    match answer {
        Ok(OperationAnswer::Registered(others)) if registered => {
            state.answer(&operation.user, operation.revision, &others);
        }
        Ok(OperationAnswer::Removed(true)) if operation.stale => state.stale_entries_removed += 1,
        _ => {}
    }
    let rebuilt =
        state.reconciler.rebuilding() == 0 && matches!(state.phase, LeasePhase::Granted(_));
    drop(state);
    if rebuilt {
        shared.publish(|status| status.rebuilding = false);
    }
    shared.finished.notify_one();
}

fn result(answer: &Result<OperationAnswer, EntryError>) -> OperationResult {
    match answer {
        Ok(_) => OperationResult::Confirmed,
        // Redis has answered, so it does not execute the command later.
        Err(EntryError::LeaseOver { .. } | EntryError::Call(CallError::Refused(_))) => {
            OperationResult::Refused
        }
        Err(EntryError::Call(CallError::TimedOut | CallError::Away(_))) => {
            OperationResult::Indeterminate
        }
    }
}
