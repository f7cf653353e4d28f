//! The streams of a hand-made node.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use tokio::{sync::mpsc, time};
use trunkline_link::{ControlReader, ControlWriter, LaneReader, defaults::HEARTBEAT};
use trunkline_protocol::{
    Incarnation,
    control::{CONTROL_VERSION, Hello, ToNode, ToRelay},
    lane::{BatchHeader, LANES, PREAMBLE},
};

use crate::cluster::within_patience;

pub(crate) type ControlStreams =
    (ControlWriter<SendStream, ToRelay>, ControlReader<RecvStream, ToNode>);

/// A batch that the node received.
#[derive(Debug)]
pub(crate) struct ReceivedBatch {
    pub(crate) lane: usize,
    pub(crate) header: BatchHeader,
    pub(crate) frames: Vec<u8>,
}

pub(crate) fn hello(incarnation: Incarnation) -> Hello {
    Hello {
        version: CONTROL_VERSION,
        incarnation,
        url: "ws://127.0.0.1:9001/ws".into(),
        capacity: 500,
        started_at_ms: 1,
        software: "test".into(),
    }
}

pub(crate) async fn open_control(
    connection: &Connection,
) -> Result<ControlStreams, ConnectionError> {
    let (sending, receiving) = connection.open_bi().await?;
    Ok((ControlWriter::new(sending), ControlReader::new(receiving)))
}

pub(crate) async fn closed(connection: &Connection) -> (VarInt, String) {
    match within_patience("the relay closes the connection", connection.closed()).await {
        ConnectionError::ApplicationClosed(close) => {
            (close.error_code, String::from_utf8_lossy(&close.reason).into_owned())
        }
        other => panic!("the connection ended otherwise: {other}"),
    }
}

pub(super) async fn open_lanes(connection: &Connection) -> Vec<SendStream> {
    let mut lanes = Vec::new();
    for _ in 0..LANES {
        let mut lane = connection.open_uni().await.unwrap();
        lane.write_all(&PREAMBLE).await.unwrap();
        lanes.push(lane);
    }
    lanes
}

pub(super) async fn converse(
    (mut writer, mut reader): ControlStreams,
    mut outbox: mpsc::Receiver<ToRelay>,
    inbox: mpsc::Sender<ToNode>,
    mute: Arc<AtomicBool>,
) {
    let mut heartbeat = time::interval(HEARTBEAT);
    let is_muted = || mute.load(Ordering::Relaxed);
    loop {
        let answer = tokio::select! {
            Some(message) = outbox.recv() => Some(message),
            _ = heartbeat.tick() => Some(ToRelay::Heartbeat { seq: 0 }),
            message = reader.read() => match message {
                Ok(Some(ToNode::Probe { nonce })) => Some(ToRelay::Probed { nonce }),
                Ok(Some(ToNode::Heartbeat { .. })) => None,
                Ok(Some(message)) => {
                    let _ = inbox.send(message).await;
                    None
                }
                Ok(None) | Err(_) => return,
            },
        };
        if let Some(answer) = answer.filter(|_| !is_muted())
            && writer.write(&answer).await.is_err()
        {
            return;
        }
    }
}

pub(super) async fn read_lanes(connection: Connection, arrived: mpsc::Sender<ReceivedBatch>) {
    while let Ok(stream) = connection.accept_uni().await {
        let (arrived, lane) = (arrived.clone(), stream.id().index() as usize);
        tokio::spawn(async move {
            let mut reader = LaneReader::new(stream);
            let mut batches = Vec::new();
            while reader
                .read(|batch| batches.push((batch.header, batch.frames.to_vec())))
                .await
                .is_ok()
            {
                for (header, frames) in batches.drain(..) {
                    let _ = arrived.send(ReceivedBatch { lane, header, frames }).await;
                }
            }
        });
    }
}
