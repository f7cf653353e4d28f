use proptest::prelude::*;

use super::{super::ticket::MessageOrigin, *};

fn ticket(seq: u64) -> Ticket {
    Ticket { origin: MessageOrigin::Local, seq, group: None, route_stale: false }
}

/// An outbound with one frame per payload length, numbered from 0.
fn outbound(lengths: &[usize]) -> (Outbound, BufferPool) {
    let (mut outbound, mut pool) = (Outbound::default(), BufferPool::default());
    for (seq, &length) in lengths.iter().enumerate() {
        outbound.text(&mut pool, Some(ticket(seq as u64)), |out| {
            out.resize(out.len() + length, b'x');
        });
    }
    (outbound, pool)
}

fn flush(outbound: &mut Outbound, pool: &mut BufferPool, bytes: usize) -> (Vec<u8>, Vec<u64>) {
    flush_unconfirmed(outbound, pool, bytes, 0)
}

/// As [`flush`], to a socket of which the kernel does not have the last bytes.
fn flush_unconfirmed(
    outbound: &mut Outbound,
    pool: &mut BufferPool,
    bytes: usize,
    unconfirmed: usize,
) -> (Vec<u8>, Vec<u64>) {
    let (mut sent, mut taken) = (Vec::new(), Vec::new());
    let write = |waiting: &[u8]| {
        let now = bytes.min(waiting.len());
        sent.extend_from_slice(&waiting[..now]);
        let blocked = now == 0 && !waiting.is_empty();
        (if blocked { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(now) }, unconfirmed)
    };
    outbound.flush(pool, Instant::now(), write, |ticket| taken.push(ticket.seq)).unwrap();
    (sent, taken)
}

#[test]
fn headers_have_the_shortest_form() {
    for (length, header) in [
        (5, vec![0x81, 5]),
        (125, vec![0x81, 125]),
        (126, vec![0x81, 126, 0, 126]),
        (65_535, vec![0x81, 126, 0xff, 0xff]),
        (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let (mut outbound, mut pool) = outbound(&[length]);
        let (sent, taken) = flush(&mut outbound, &mut pool, usize::MAX);
        assert_eq!(sent[..header.len()], header);
        assert!(sent[header.len()..].iter().all(|&byte| byte == b'x'));
        assert_eq!((sent.len(), taken), (header.len() + length, vec![0]));
    }
}

#[test]
fn take_back_keeps_a_frame_that_was_begun() {
    let (mut outbound, mut pool) = outbound(&[10, 10, 10]);
    assert_eq!(flush(&mut outbound, &mut pool, 15).1, [0]);
    let mut lost = Vec::new();
    outbound.take_back(false, |ticket, status| lost.push((ticket.seq, status)));
    assert_eq!(lost, [(2, ReceiptStatus::NotHere)]);
    assert_eq!(outbound.queued(), 9);
    outbound.raw(&mut pool, b"bye");
    assert_eq!(flush(&mut outbound, &mut pool, usize::MAX), (b"xxxxxxxxxbye".to_vec(), vec![1]));
}

#[test]
fn only_the_newest_of_unread_pongs_is_kept() {
    let (mut outbound, mut pool) = outbound(&[10]);
    outbound.raw(&mut pool, b"receipt");
    flush(&mut outbound, &mut pool, 0);
    for number in 0..1_000 {
        outbound.pong(&mut pool, format!("pong {number}").as_bytes());
    }
    assert_eq!(outbound.records.len(), 2, "frames without a message share a record");
    let held = outbound.held_bytes();
    assert_eq!(held, 12 + b"receiptpong 999".len() + 2 * size_of::<Record>());
    let (sent, taken) = flush(&mut outbound, &mut pool, usize::MAX);
    assert_eq!((&sent[12..], &taken[..]), (&b"receiptpong 999"[..], &[0][..]));
}

#[test]
fn client_that_reads_gets_every_pong() {
    let (mut outbound, mut pool) = outbound(&[]);
    outbound.pong(&mut pool, b"first");
    outbound.pong(&mut pool, b"second");
    assert_eq!(flush(&mut outbound, &mut pool, usize::MAX).0, b"firstsecond");
}

#[test]
fn pong_that_was_begun_or_is_not_last_stays() {
    let (mut outbound, mut pool) = outbound(&[]);
    outbound.pong(&mut pool, b"first");
    assert_eq!(flush(&mut outbound, &mut pool, 2).0, b"fi");
    flush(&mut outbound, &mut pool, 0);
    outbound.pong(&mut pool, b"second");
    outbound.raw(&mut pool, b"receipt");
    outbound.pong(&mut pool, b"third");
    outbound.pong(&mut pool, b"fourth");
    let (sent, _) = flush(&mut outbound, &mut pool, usize::MAX);
    assert_eq!(sent, b"rstsecondreceiptfourth");
}

#[test]
fn frames_behind_one_that_was_begun_are_taken_back() {
    let (mut outbound, mut pool) = outbound(&[]);
    outbound.raw(&mut pool, b"begun");
    flush(&mut outbound, &mut pool, 2);
    outbound.raw(&mut pool, b"receipt");
    outbound.raw(&mut pool, b"receipt");
    outbound.take_back(false, |_, _| unreachable!());
    assert_eq!(flush(&mut outbound, &mut pool, usize::MAX).0, b"gun");
}

#[test]
fn message_is_delivered_when_the_kernel_has_its_last_byte() {
    let (mut outbound, mut pool) = outbound(&[10, 10, 10]);
    // Two frames and a half are taken; of these, one and a half are in a record that waits.
    assert_eq!(flush_unconfirmed(&mut outbound, &mut pool, 30, 18).1, [0]);
    assert!(flush_unconfirmed(&mut outbound, &mut pool, 0, 18).1.is_empty());
    let mut lost = Vec::new();
    outbound.take_back(false, |ticket, _| lost.push(ticket.seq));
    assert!(lost.is_empty(), "all were begun");
    assert_eq!(flush_unconfirmed(&mut outbound, &mut pool, usize::MAX, 6).1, [1]);
    assert!(outbound.queued() == 0 && !outbound.is_done());
    let mut maybe = Vec::new();
    outbound.take_back(false, |ticket, _| maybe.push(ticket.seq));
    assert_eq!(flush(&mut outbound, &mut pool, 0).1, [2]);
    assert!(outbound.is_done() && maybe.is_empty());
}

#[test]
fn unconfirmed_message_may_have_arrived() {
    let (mut outbound, mut pool) = outbound(&[10, 10]);
    assert!(flush_unconfirmed(&mut outbound, &mut pool, 24, 24).1.is_empty());
    let mut lost = Vec::new();
    outbound.take_back(true, |ticket, status| lost.push((ticket.seq, status)));
    assert_eq!(lost, [(0, ReceiptStatus::Maybe), (1, ReceiptStatus::Maybe)]);
}

#[test]
fn last_take_back_reports_a_begun_frame_as_maybe() {
    let (mut outbound, mut pool) = outbound(&[10, 10]);
    flush(&mut outbound, &mut pool, 3);
    let mut lost = Vec::new();
    outbound.take_back(true, |ticket, status| lost.push((ticket.seq, status)));
    assert_eq!(lost, [(0, ReceiptStatus::Maybe), (1, ReceiptStatus::NotHere)]);
    assert_eq!(outbound.queued(), 0);
}

#[test]
fn blocked_time_lasts_until_the_socket_takes_something() {
    let (mut outbound, mut pool) = outbound(&[10]);
    assert!(outbound.blocked_since().is_none());
    flush(&mut outbound, &mut pool, 0);
    let since = outbound.blocked_since().expect("it took nothing");
    flush(&mut outbound, &mut pool, 0);
    assert_eq!(outbound.blocked_since(), Some(since));
    flush(&mut outbound, &mut pool, usize::MAX);
    assert!(outbound.blocked_since().is_none());
}

proptest! {
    #[test]
    fn partial_writes_take_each_message_once_and_whole(
        lengths in prop::collection::vec(0..300_usize, 1..12),
        steps in prop::collection::vec(0..500_usize, 1..40),
    ) {
        let (mut all, mut pool) = outbound(&lengths);
        let expected = flush(&mut all, &mut pool, usize::MAX).0;

        let (mut outbound, mut pool) = outbound(&lengths);
        let (mut sent, mut taken) = (Vec::new(), Vec::new());
        for step in steps.into_iter().chain([usize::MAX]) {
            let (bytes, tickets) = flush(&mut outbound, &mut pool, step);
            sent.extend(bytes);
            taken.extend(tickets);
        }
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(taken, (0..lengths.len() as u64).collect::<Vec<_>>());
    }
}
