use trunkline_link::{Lane, defaults::MESSAGE_LANE_BYTES_MAX};
use trunkline_protocol::lane::{BatchBuilder, LANES, Message};

use super::*;

struct Harness {
    switch: Switch,
    dirty: DirtyLanes,
}

impl Harness {
    fn new() -> Self {
        Self { switch: Switch::default(), dirty: DirtyLanes::default() }
    }

    fn node(&mut self, number: u8) -> Rc<Port> {
        let name: Name = format!("node-{number}").parse().unwrap();
        let port = self.switch.open_port(&name, address(number)).unwrap();
        self.switch.connect(&port);
        port
    }

    fn send(&mut self, origin: &Port, lane: usize, bytes: &[u8]) -> Result<(), ProtocolViolation> {
        let batch = Batch::split_off(&mut &bytes[..]).unwrap().unwrap();
        self.switch.forward(origin, lane, &batch, &mut self.dirty)
    }
}

fn address(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

fn batch(kind: BatchKind, to: Incarnation, body: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    let message = Message { seq: 7, traced: false, sent_at_ms: 0, to: "b", from: "a", body };
    builder.push(7, |out| message.encode(out));
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, kind, to, 3, to);
    bytes
}

fn queued(port: &Port) -> Vec<usize> {
    port.lanes().map(Lane::queued_bytes).collect()
}

/// The headers of what waits in a lane.
async fn written(port: &Port, lane: usize) -> Vec<BatchHeader> {
    let lane = port.lanes().nth(lane).unwrap().clone();
    let (near, mut far) = tokio::io::duplex(64 * 1024 * 1024);
    let bytes = lane.queued_bytes();
    let mut all = vec![0; 4 + bytes];
    tokio::select! {
        _ = lane.write_to(near) => panic!("the stream is open"),
        read = tokio::io::AsyncReadExt::read_exact(&mut far, &mut all) => { read.unwrap(); }
    }
    let mut rest = &all[4..];
    let mut headers = Vec::new();
    while let Some(batch) = Batch::split_off(&mut rest).unwrap() {
        headers.push(batch.header);
    }
    headers
}

#[tokio::test]
async fn batch_leaves_on_its_lane_with_its_origin_stamped() {
    let mut harness = Harness::new();
    let (a, b) = (harness.node(1), harness.node(2));
    let bytes = batch(BatchKind::Messages, address(2), b"{}");
    harness.send(&a, 2, &bytes).unwrap();
    assert_eq!(queued(&b), [0, 0, bytes.len(), 0, 0]);
    let header = written(&b, 2).await[0];
    assert_eq!((header.kind, header.peer, header.batch), (BatchKind::Messages, address(1), 3));
    assert_eq!(harness.switch.traffic.total.messages, 1);
}

#[tokio::test]
async fn batch_to_unknown_destination_is_refused_as_gone() {
    let mut harness = Harness::new();
    let a = harness.node(1);
    harness.send(&a, 0, &batch(BatchKind::Messages, address(9), b"{}")).unwrap();
    let header = written(&a, RECEIPT_LANE).await[0];
    assert_eq!((header.kind, header.peer, header.length), (BatchKind::RefusedGone, address(9), 0));
    assert_eq!((header.first, header.batch), (7, 3));
    assert_eq!(harness.switch.rejected, RejectedCounts { gone: 1, ..RejectedCounts::default() });

    // No receipt is sent for a receipt.
    harness.send(&a, RECEIPT_LANE, &batch(BatchKind::Receipts, address(9), b"{}")).unwrap();
    assert_eq!(queued(&a), [0; LANES]);
    assert_eq!(
        harness.switch.rejected,
        RejectedCounts { gone: 1, dropped: 1, ..RejectedCounts::default() }
    );
}

#[tokio::test]
async fn full_lane_refuses_and_spares_other_lanes() {
    let mut harness = Harness::new();
    let (a, b) = (harness.node(1), harness.node(2));
    let large = batch(BatchKind::Messages, address(2), &[b'1'; 250_000]);
    let fits = MESSAGE_LANE_BYTES_MAX / large.len();
    for _ in 0..=fits {
        harness.send(&a, 0, &large).unwrap();
    }
    let header = written(&a, RECEIPT_LANE).await[0];
    assert_eq!((header.kind, header.peer), (BatchKind::RefusedFull, address(2)));
    assert_eq!(harness.switch.rejected, RejectedCounts { full: 1, ..RejectedCounts::default() });

    harness.send(&a, 1, &large).unwrap();
    harness.send(&a, RECEIPT_LANE, &batch(BatchKind::Receipts, address(2), b"{}")).unwrap();
    assert!(queued(&b).iter().filter(|&&bytes| bytes > 0).count() == 3);
}

#[test]
fn lane_carries_only_its_kind() {
    let mut harness = Harness::new();
    let a = harness.node(1);
    for (kind, lane) in [
        (BatchKind::Receipts, 0),
        (BatchKind::Messages, RECEIPT_LANE),
        (BatchKind::RefusedFull, RECEIPT_LANE),
        (BatchKind::RefusedGone, 0),
    ] {
        let sent = harness.send(&a, lane, &batch(kind, address(1), b"{}"));
        assert_eq!(sent, Err(ProtocolViolation { kind, lane }));
    }
}

#[test]
fn dirty_lane_is_flushed_once() {
    let mut harness = Harness::new();
    let (a, _b) = (harness.node(1), harness.node(2));
    for _ in 0..3 {
        harness.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
        harness.send(&a, 0, &batch(BatchKind::Messages, address(9), b"{}")).unwrap();
    }
    assert_eq!(harness.dirty.0.len(), 2);
    harness.dirty.flush();
    harness.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
    assert_eq!(harness.dirty.0.len(), 1);
}

#[test]
fn new_incarnation_is_a_new_address() {
    let mut harness = Harness::new();
    let (a, b) = (harness.node(1), harness.node(2));
    harness.switch.readdress(&b, address(3));
    harness.send(&a, 0, &batch(BatchKind::Messages, address(3), b"{}")).unwrap();
    assert!(queued(&b)[0] > 0);
    harness.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
    assert_eq!(harness.switch.rejected.gone, 1);
}

#[test]
fn superseded_port_cannot_disconnect_its_successor() {
    let mut harness = Harness::new();
    let (a, old, new) = (harness.node(1), harness.node(2), harness.node(2));
    harness.switch.disconnect(&old);
    harness.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
    assert!(queued(&new)[0] > 0);
}
