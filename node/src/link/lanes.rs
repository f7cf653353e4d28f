//! The lanes of a link: five to the relay, five from it.

use quinn::Connection;
use tokio::task::JoinSet;
use trunkline_link::{
    Lane, LaneError, LaneReader,
    defaults::{MESSAGE_LANE_BYTES_MAX, RECEIPT_LANE_BYTES_MAX},
};
use trunkline_protocol::lane::{LANES, RECEIPT_LANE};

use super::error::LinkError;
use crate::data_plane::DataPlane;

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

async fn read(data_plane: DataPlane, mut reader: LaneReader) -> LinkError {
    loop {
        let mut malformed = Ok(());
        let read = reader.read(|batch| {
            if malformed.is_ok() {
                malformed = data_plane.turn(|state, now| state.batch(now, batch));
            }
        });
        // A bad batch comes before whatever ended the reading behind it.
        let read = read.await;
        if let Err(error) = malformed.map_err(LaneError::from).and(read) {
            return error.into();
        }
    }
}
