//! The cost of the codecs: client frames, batches of messages, receipts.

use divan::{Bencher, black_box, counter::ItemsCount};
use trunkline_protocol::{
    Incarnation, MessageIdPrefix, Outcome, client,
    lane::{
        Batch, BatchBuilder, BatchHeader, BatchKind, Message, RECEIPT_BYTES, Receipt, ReceiptStatus,
    },
};

/// How many messages a batch has under load.
const BATCH: u64 = 64;

/// The lengths of bodies, in bytes.
const BODIES: [usize; 3] = [128, 4 * 1024, 60 * 1024];

fn main() {
    divan::main();
}

fn body(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

/// An encoded batch of [`BATCH`] messages.
fn batch(body: &str) -> Vec<u8> {
    let (mut builder, mut out) = (BatchBuilder::default(), Vec::new());
    fill(&mut builder, body);
    seal(&mut builder, &mut out);
    out
}

fn fill(builder: &mut BatchBuilder, body: &str) {
    for seq in 0..BATCH {
        let message = Message {
            seq,
            traced: false,
            sent_at_ms: 1_790_000_000_000,
            to: "user-0000012345",
            from: "user-0000054321",
            body: body.as_bytes(),
        };
        builder.push(seq, |out| message.encode(out));
    }
}

fn seal(builder: &mut BatchBuilder, out: &mut Vec<u8>) {
    let node = Incarnation::from_bytes([7; 16]);
    builder.seal_into(out, BatchKind::Messages, node, 1, node);
}

#[divan::bench(args = BODIES)]
fn parse_send(bencher: Bencher<'_, '_>, bytes: usize) {
    let body = body(bytes);
    let text = format!(r#"{{"type":"send","id":"c-123456","to":"user-12345","body":{body}}}"#);
    bencher.bench_local(|| client::parse(black_box(&text)).is_ok());
}

#[divan::bench]
fn parse_login(bencher: Bencher<'_, '_>) {
    let text = r#"{"type":"login","user":"user-0000012345"}"#;
    bencher.bench_local(|| client::parse(black_box(text)).is_ok());
}

#[divan::bench(args = BODIES)]
fn write_message(bencher: Bencher<'_, '_>, bytes: usize) {
    let (ids, body, mut out) = (MessageIdPrefix::of(Incarnation::fresh()), body(bytes), Vec::new());
    bencher.bench_local(|| {
        out.clear();
        let body = black_box(body.as_bytes());
        client::message(&mut out, (&ids, 123_456), "user-54321", 1_790_000_000_000, body);
    });
}

#[divan::bench]
fn write_receipt(bencher: Bencher<'_, '_>) {
    let (ids, mut out) = (MessageIdPrefix::of(Incarnation::fresh()), Vec::new());
    bencher.bench_local(|| {
        out.clear();
        let id = black_box("c-123456");
        client::receipt(&mut out, id, (&ids, 123_456), Outcome::Delivered, 0);
    });
}

#[divan::bench]
fn encode_messages(bencher: Bencher<'_, '_>) {
    let (body, mut builder, mut out) = (body(128), BatchBuilder::default(), Vec::new());
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        out.clear();
        fill(&mut builder, black_box(&body));
        seal(&mut builder, &mut out);
    });
}

#[divan::bench]
fn decode_messages(bencher: Bencher<'_, '_>) {
    let bytes = batch(&body(128));
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let batch = Batch::split_off(&mut black_box(bytes.as_slice()));
        let batch = batch.ok().flatten().expect("it was written whole");
        batch.messages().filter(|message| message.is_ok()).count()
    });
}

/// All that a relay does with a batch: decode its header, stamp the origin, copy the rest.
#[divan::bench]
fn forward_messages(bencher: Bencher<'_, '_>) {
    let (bytes, mut out) = (batch(&body(128)), Vec::new());
    let origin = Incarnation::from_bytes([9; 16]);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        out.clear();
        let batch = Batch::split_off(&mut black_box(bytes.as_slice()));
        let Batch { header, frames } = batch.ok().flatten().expect("it was written whole");
        out.extend_from_slice(&BatchHeader { peer: origin, ..header }.encode());
        out.extend_from_slice(frames);
    });
}

#[divan::bench]
fn encode_and_decode_receipts(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(BATCH as usize * RECEIPT_BYTES);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        out.clear();
        for seq in 0..BATCH {
            let status = ReceiptStatus::Taken;
            Receipt { seq, status, route_stale: false, missed: 0 }.encode(&mut out);
        }
        let mut rest = black_box(out.as_slice());
        while !rest.is_empty() && Receipt::decode(&mut rest).is_ok() {}
    });
}
