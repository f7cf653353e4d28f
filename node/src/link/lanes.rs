//! The lanes of a link: five to the relay, five from it.

use quinn::Connection;
use tokio::task::JoinSet;
use tracing::warn;
use trunkline_link::{
    Lane, LaneReader,
    defaults::{MESSAGE_LANE_BYTES_MAX, RECEIPT_LANE_BYTES_MAX},
};
use trunkline_ops::LogThrottle;
use trunkline_protocol::{
    Incarnation,
    lane::{LANES, RECEIPT_LANE},
};

use super::error::LinkError;
use crate::data_plane::DataPlane;

static THROTTLE: LogThrottle = LogThrottle::new();

/// The priority of the lane of receipts; that of the others is 0.
const RECEIPT_PRIORITY: i32 = 1;

/// Opens the lanes of both directions. Each gets a task, which ends with its lane.
pub(super) async fn open(
    connection: &Connection,
    data_plane: &DataPlane,
    tasks: &mut JoinSet<LinkError>,
) -> Result<Vec<Lane>, LinkError> {
    let mut lanes = Vec::with_capacity(LANES);
    for index in 0..LANES {
        let stream = connection.open_uni().await?;
        let is_receipts = index == RECEIPT_LANE;
        let _ = stream.set_priority(if is_receipts { RECEIPT_PRIORITY } else { 0 });
        let lane =
            Lane::new(if is_receipts { RECEIPT_LANE_BYTES_MAX } else { MESSAGE_LANE_BYTES_MAX });
        lanes.push(lane.clone());
        tasks.spawn_local(async move {
            match lane.write_to(stream).await {
                Ok(()) => LinkError::Ended,
                Err(error) => error.into(),
            }
        });
    }
    for _ in 0..LANES {
        let reader = LaneReader::new(connection.accept_uni().await?);
        tasks.spawn_local(read(data_plane.clone(), reader));
    }
    Ok(lanes)
}

/// What a node sends is its own fault, not the relay's: the link stays, and the rest of the batch is
/// dropped.
fn drop_bad_batch(data_plane: &DataPlane, origin: Incarnation) {
    let name = data_plane.turn(|state, _| state.count_bad_batch(origin));
    let name = name.map_or_else(|| origin.to_string(), |name| name.to_string());
    if let Some(line) = THROTTLE.admit(&name) {
        let suppressed = line.suppressed;
        warn!(
            node = name,
            suppressed, "a batch of this node cannot be read: the rest of it is dropped"
        );
    }
}

async fn read(data_plane: DataPlane, mut reader: LaneReader) -> LinkError {
    loop {
        let read = reader.read(|batch| {
            let origin = batch.header.peer;
            if data_plane.turn(|state, now| state.batch(now, batch)).is_err() {
                drop_bad_batch(&data_plane, origin);
            }
        });
        if let Err(error) = read.await {
            return error.into();
        }
    }
}
