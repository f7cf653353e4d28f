//! Batches of one message or one receipt.

use trunkline_protocol::{
    Incarnation,
    lane::{BatchBuilder, BatchKind, Message, Receipt, ReceiptStatus},
};

/// A batch of one message to `to`.
pub(crate) fn message(to: Incarnation, batch: u32, body: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    let message = Message {
        seq: u64::from(batch),
        traced: false,
        sent_at_ms: 1,
        to: "bob",
        from: "alice",
        body,
    };
    builder.push(message.seq, |out| message.encode(out));
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, BatchKind::Messages, to, batch, to);
    bytes
}

/// A batch of one traced message.
pub(crate) fn traced(to: Incarnation, ids: Incarnation, seq: u64) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    let message =
        Message { seq, traced: true, sent_at_ms: 1, to: "bob", from: "admin/olga", body: b"1" };
    builder.push(seq, |out| message.encode(out));
    builder.set_traced();
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, BatchKind::Messages, to, 1, ids);
    bytes
}

/// A batch of one receipt to `to`.
pub(crate) fn receipt(to: Incarnation, seq: u64) -> Vec<u8> {
    sealed_receipt(BatchBuilder::default(), to, seq)
}

/// A batch of one receipt for a traced message.
pub(crate) fn traced_receipt(to: Incarnation, seq: u64) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    builder.set_traced();
    sealed_receipt(builder, to, seq)
}

fn sealed_receipt(mut builder: BatchBuilder, to: Incarnation, seq: u64) -> Vec<u8> {
    let receipt = Receipt { seq, status: ReceiptStatus::Taken, route_stale: false, missed: 0 };
    builder.push(seq, |out| receipt.encode(out));
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, BatchKind::Receipts, to, 0, to);
    bytes
}
