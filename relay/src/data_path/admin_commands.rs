//! Answers the control plane's requests.

use std::{rc::Rc, time::Instant};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time,
};
use tracing::info;
use trunkline_ops::unix_ms;
use trunkline_protocol::{
    Name, User,
    status::{AdminCommand, EventKind, Trace},
};

use crate::{
    control_plane::{CommandError, CommandResponse, ControlRequest},
    defaults::{TEST_TIMEOUT, TRACE_EVENTS_TIMEOUT},
    state::{DeliveryTest, SharedState},
    supervise::joined,
    tracer::{TestOrigin, TestOutcome},
};

/// Answers requests until the control plane ends.
pub(crate) async fn serve(shared: &Rc<SharedState>, mut requests: mpsc::Receiver<ControlRequest>) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(ControlRequest::Snapshot(response)) => {
                    let now = Instant::now();
                    let snapshot = shared.query(|state| state.snapshot(unix_ms(), now));
                    // The status stream may have ended meanwhile; also below.
                    let _ = response.send(Box::new(snapshot));
                }
                Some(ControlRequest::Execute { who, command, response }) => {
                    let shared = shared.clone();
                    running.spawn_local(async move {
                        let _ = response.send(execute(&shared, &who, command).await);
                    });
                }
                None => return,
            },
            Some(ended) = running.join_next() => joined(ended),
        }
    }
}

async fn execute(shared: &SharedState, who: &str, command: AdminCommand) -> CommandResponse {
    let text = match &command {
        AdminCommand::Drain { node } => format!("drain {node}"),
        AdminCommand::EndUser { user } => format!("end {user}"),
        AdminCommand::Test { user, node: None } => format!("test {user}"),
        AdminCommand::Test { user, node: Some(node) } => format!("test {user} from {node}"),
    };
    info!(who, command = text, "admin command");
    let kind = EventKind::Commanded { command: format!("{who}: {text}") };
    shared.apply(|state, _| state.report(None, kind));
    match command {
        AdminCommand::Drain { node } => {
            shared.apply(|state, _| state.drain_node(&node)).map(|()| None)
        }
        AdminCommand::EndUser { user } => {
            shared.apply(|state, _| state.end_user(&user)).map(|()| None)
        }
        AdminCommand::Test { user, node } => {
            let from = who.parse().map_err(|_| CommandError::NotASender(who.to_owned()))?;
            test_delivery(shared, from, user, node).await.map(Some)
        }
    }
}

/// Sends `user` a test message through `node`, or any, and traces it to its outcome.
async fn test_delivery(
    shared: &SharedState,
    from: User,
    user: User,
    node: Option<Name>,
) -> Result<Box<Trace>, CommandError> {
    let test = shared.apply(|state, _| state.begin_test(from, user, node.as_ref()))?;
    let DeliveryTest { number, origin, outcome } = test;
    let result = trace_delivery(shared, &origin, outcome).await;
    shared.apply(|state, _| state.end_test(number));
    result
}

async fn trace_delivery(
    shared: &SharedState,
    origin: &TestOrigin,
    outcome: oneshot::Receiver<TestOutcome>,
) -> Result<Box<Trace>, CommandError> {
    let outcome = time::timeout(TEST_TIMEOUT, outcome)
        .await
        .map_err(|_| CommandError::NoOutcome(origin.name.clone()))?
        .map_err(|_| CommandError::LinkLost(origin.name.clone()))?;
    // A node reports its part of the trace on its control stream, which the receipt on its lane may
    // overtake.
    let complete = trace_complete(shared, origin, &outcome);
    let _ = time::timeout(TRACE_EVENTS_TIMEOUT, complete).await;
    Ok(Box::new(shared.query(|state| state.trace(origin, &outcome))))
}

async fn trace_complete(shared: &SharedState, origin: &TestOrigin, outcome: &TestOutcome) {
    loop {
        // Before the check, so that no event between check and wait is missed.
        let changed = shared.trace_changed();
        if shared.query(|state| state.is_trace_complete(origin, outcome)) {
            return;
        }
        changed.await;
    }
}
