//! A drain: clients are sent to other nodes, pending sends get their outcomes, and the node
//! unregisters from the directory and takes leave of the relay.

use tokio::{sync::mpsc, time};
use tracing::{info, warn};
use trunkline_protocol::{client::close, control::ToRelay};

use crate::{
    data_plane::DataPlane,
    defaults::{DRAIN_PER_SECOND, DRAIN_RETRY_MS, DRAIN_STEP, DRAIN_WITHIN, UNREGISTER_WITHIN},
};

/// Drains the node, within bounds.
pub(crate) async fn drain(data_plane: &DataPlane, outbox: &mpsc::Sender<ToRelay>) {
    let (sessions, pending) = data_plane.turn(|state, _| state.left());
    info!(sessions, pending, "draining");
    send(outbox, ToRelay::Draining);
    data_plane.turn(|state, _| state.slots.close());
    if time::timeout(DRAIN_WITHIN, empty(data_plane)).await.is_err() {
        let (sessions, pending) = data_plane.turn(|state, _| state.left());
        warn!(sessions, pending, "draining took too long: the rest is dropped");
    }
    if let Err(error) = data_plane.registrar().shutdown(UNREGISTER_WITHIN).await {
        warn!(%error, "cannot unregister: the relay will remove this node's entries");
    }
    send(outbox, ToRelay::Bye);
}

/// Closes every session, a few at a time, and waits until all are gone and no send is pending.
async fn empty(data_plane: &DataPlane) {
    let per_step = (DRAIN_PER_SECOND as f64 * DRAIN_STEP.as_secs_f64()).ceil() as usize;
    let keys = data_plane.turn(|state, _| state.session_keys());
    for step in keys.chunks(per_step) {
        data_plane.turn(|state, _| {
            for &key in step {
                let retry_ms = fastrand::u64(DRAIN_RETRY_MS);
                state.end_session(key, close::GOING_AWAY, format!("retry_ms={retry_ms}"));
            }
        });
        time::sleep(DRAIN_STEP).await;
    }
    while data_plane.turn(|state, _| state.left()) != (0, 0) {
        time::sleep(DRAIN_STEP).await;
    }
}

fn send(outbox: &mpsc::Sender<ToRelay>, message: ToRelay) {
    // Without a link this reaches nobody, and the relay learns it from the directory.
    let _ = outbox.try_send(message);
}
