use trunkline_protocol::{
    Name,
    lane::{BatchBuilder, Message},
};

use super::*;

struct Table {
    switch: Switch,
    touched: Touched,
}

impl Table {
    fn new() -> Self {
        Self { switch: Switch::default(), touched: Touched::default() }
    }

    fn node(&self, number: u8) -> Rc<Port> {
        let name: Name = format!("node-{number}").parse().unwrap();
        let slot = self.switch.flows().borrow_mut().slot(&name).unwrap();
        let port = Port::new(address(number), slot);
        self.switch.connect(&port);
        port
    }

    fn send(&mut self, origin: &Port, lane: usize, bytes: &[u8]) -> Result<(), Misplaced> {
        let batch = Batch::split_off(&mut &bytes[..]).unwrap().unwrap();
        self.switch.forward(origin, lane, &batch, &mut self.touched)
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

/// What waits in a lane, read back.
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
async fn a_batch_leaves_on_its_lane_with_its_origin_stamped() {
    let mut table = Table::new();
    let (a, b) = (table.node(1), table.node(2));
    let bytes = batch(BatchKind::Messages, address(2), b"{}");
    table.send(&a, 2, &bytes).unwrap();
    assert_eq!(queued(&b), [0, 0, bytes.len(), 0, 0]);
    let header = written(&b, 2).await[0];
    assert_eq!((header.kind, header.peer, header.batch), (BatchKind::Messages, address(1), 3));
    assert_eq!(table.switch.flows().borrow().total().messages, 1);
}

#[tokio::test]
async fn who_has_no_link_is_refused_as_gone() {
    let mut table = Table::new();
    let a = table.node(1);
    table.send(&a, 0, &batch(BatchKind::Messages, address(9), b"{}")).unwrap();
    let header = written(&a, RECEIPT_LANE).await[0];
    assert_eq!((header.kind, header.peer, header.length), (BatchKind::RefusedGone, address(9), 0));
    assert_eq!((header.first, header.batch), (7, 3));
    assert_eq!(table.switch.turned(), Turned { gone: 1, ..Turned::default() });

    // Nobody waits for the receipt of a receipt.
    table.send(&a, RECEIPT_LANE, &batch(BatchKind::Receipts, address(9), b"{}")).unwrap();
    assert_eq!(queued(&a), [0; LANES]);
    assert_eq!(table.switch.turned(), Turned { gone: 1, dropped: 1, ..Turned::default() });
}

#[tokio::test]
async fn a_full_lane_refuses_and_leaves_the_other_lanes_alone() {
    let mut table = Table::new();
    let (a, b) = (table.node(1), table.node(2));
    let large = batch(BatchKind::Messages, address(2), &[b'1'; 250_000]);
    let fits = MESSAGE_LANE_BYTES_MAX / large.len();
    for _ in 0..=fits {
        table.send(&a, 0, &large).unwrap();
    }
    let header = written(&a, RECEIPT_LANE).await[0];
    assert_eq!((header.kind, header.peer), (BatchKind::RefusedFull, address(2)));
    assert_eq!(table.switch.turned(), Turned { full: 1, ..Turned::default() });

    table.send(&a, 1, &large).unwrap();
    table.send(&a, RECEIPT_LANE, &batch(BatchKind::Receipts, address(2), b"{}")).unwrap();
    assert!(queued(&b).iter().filter(|&&bytes| bytes > 0).count() == 3);
}

#[test]
fn a_lane_carries_only_its_kind() {
    let mut table = Table::new();
    let a = table.node(1);
    for (kind, lane) in [
        (BatchKind::Receipts, 0),
        (BatchKind::Messages, RECEIPT_LANE),
        (BatchKind::RefusedFull, RECEIPT_LANE),
        (BatchKind::RefusedGone, 0),
    ] {
        let sent = table.send(&a, lane, &batch(kind, address(1), b"{}"));
        assert_eq!(sent, Err(Misplaced { kind, lane }));
    }
}

#[test]
fn each_touched_lane_is_flushed_once() {
    let mut table = Table::new();
    let (a, _b) = (table.node(1), table.node(2));
    for _ in 0..3 {
        table.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
        table.send(&a, 0, &batch(BatchKind::Messages, address(9), b"{}")).unwrap();
    }
    assert_eq!(table.touched.0.len(), 2);
    table.touched.flush();
    table.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
    assert_eq!(table.touched.0.len(), 1);
}

#[test]
fn a_new_incarnation_is_a_new_address() {
    let mut table = Table::new();
    let (a, b) = (table.node(1), table.node(2));
    table.switch.readdress(&b, address(3));
    table.send(&a, 0, &batch(BatchKind::Messages, address(3), b"{}")).unwrap();
    assert!(queued(&b)[0] > 0);
    table.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
    assert_eq!(table.switch.turned().gone, 1);
}

#[test]
fn a_link_that_was_superseded_cannot_disconnect_its_successor() {
    let mut table = Table::new();
    let (a, old, new) = (table.node(1), table.node(2), table.node(2));
    table.switch.disconnect(&old);
    table.send(&a, 0, &batch(BatchKind::Messages, address(2), b"{}")).unwrap();
    assert!(queued(&new)[0] > 0);
}
