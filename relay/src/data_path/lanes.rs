//! A link's lanes, both ways. Each has a task, which waits for its stream alone.

use std::rc::Rc;

use quinn::{Connection, RecvStream};
use tokio::task::JoinSet;
use trunkline_link::LaneReader;
use trunkline_protocol::lane::RECEIPT_LANE;

use crate::{
    defaults::RECEIPT_PRIORITY,
    link_close_reason::LinkCloseReason,
    state::SharedState,
    supervise::joined,
    switch::{DirtyLanes, Port},
};

/// Opens the lanes towards the node, in order, and writes them.
pub(super) async fn write_lanes(connection: Connection, port: Rc<Port>) -> LinkCloseReason {
    let mut writers = JoinSet::new();
    for (index, lane) in port.lanes().cloned().enumerate() {
        let stream = match connection.open_uni().await {
            Ok(stream) => stream,
            Err(lost) => return lost.into(),
        };
        if index == RECEIPT_LANE {
            let _ = stream.set_priority(RECEIPT_PRIORITY);
        }
        writers.spawn_local(async move {
            let _ = lane.write_to(stream).await;
            LinkCloseReason::LaneStopped(index)
        });
    }
    joined(writers.join_next().await.expect("a link has lanes"))
}

/// Forwards what arrives on a lane. Each lane that a round of reading appends to is flushed once, at
/// the end of the round.
pub(super) async fn read_lane(
    shared: Rc<SharedState>,
    port: Rc<Port>,
    lane: usize,
    stream: RecvStream,
) -> LinkCloseReason {
    let mut reader = LaneReader::new(stream);
    let mut dirty = DirtyLanes::default();
    loop {
        let mut forwarded = Ok(());
        let read = reader.read(|batch| {
            if forwarded.is_ok() {
                forwarded = shared.forward(&port, lane, &batch, &mut dirty);
            }
        });
        let read = read.await;
        dirty.flush();
        if let Err(violation) = forwarded {
            return violation.into();
        }
        if let Err(source) = read {
            return LinkCloseReason::Lane { lane, source };
        }
    }
}
