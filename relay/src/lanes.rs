//! A link's lanes, both ways. Each is a task of its own, and has nothing to wait for but its stream.

use std::rc::Rc;

use quinn::{Connection, RecvStream};
use tokio::task::JoinSet;
use trunkline_link::LaneReader;
use trunkline_protocol::lane::RECEIPT_LANE;

use crate::{
    defaults::RECEIPT_PRIORITY,
    end::End,
    hub::Hub,
    link::NO_PANIC,
    switch::{Port, Touched},
};

/// Opens the lanes towards the node, in order, and writes them.
pub(crate) async fn write_lanes(connection: Connection, port: Rc<Port>) -> End {
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
            End::LaneStopped(index)
        });
    }
    writers.join_next().await.expect("a link has lanes").expect(NO_PANIC)
}

/// Passes on what comes on a lane. Each lane that is written to in one round of reading is flushed
/// once, at its end.
pub(crate) async fn read_lane(
    hub: Rc<Hub>,
    port: Rc<Port>,
    lane: usize,
    stream: RecvStream,
) -> End {
    let mut reader = LaneReader::new(stream);
    let mut touched = Touched::default();
    loop {
        let mut forwarded = Ok(());
        let read = reader.read(|batch| {
            if forwarded.is_ok() {
                forwarded = hub.switch.forward(&port, lane, &batch, &mut touched);
            }
        });
        let read = read.await;
        touched.flush();
        if let Err(misplaced) = forwarded {
            return misplaced.into();
        }
        if let Err(source) = read {
            return End::Lane { lane, source };
        }
    }
}
