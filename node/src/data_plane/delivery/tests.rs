use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use tokio::io::AsyncWrite;
use trunkline_protocol::{
    Incarnation, MessageIdPrefix,
    client::close,
    lane::{Message, Receipt, ReceiptStatus},
};

use super::{CloseReason, Delivery, MessageOrigin, SendCharge, SessionKey, session::SessionSocket};
use crate::{
    custody::{LocalDelivery, SessionShare},
    defaults::{ROUTE_LIFE, SESSION_BYTES_MAX, SESSION_RECEIPT_BYTES_MAX, SLOW_AFTER},
};

/// More than these tests have in custody.
const SHARE: SessionShare = SessionShare { sends: usize::MAX, bytes: usize::MAX };

fn charge(receipt_bytes: usize) -> SendCharge {
    SendCharge { receipt_bytes, message_bytes: 0 }
}

/// A socket in memory, which takes as many bytes as it has room for.
#[derive(Clone, Debug)]
struct TestSocket(Rc<TestSocketState>);

#[derive(Debug)]
struct TestSocketState {
    room: Cell<usize>,
    written: RefCell<Vec<u8>>,
    shut: Cell<bool>,
}

impl TestSocket {
    fn with_room(room: usize) -> Self {
        let written = RefCell::default();
        Self(Rc::new(TestSocketState { room: Cell::new(room), written, shut: Cell::new(false) }))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.written.borrow()).into_owned()
    }
}

impl SessionSocket for TestSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.0.room.get());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.room.set(self.0.room.get() - count);
        self.0.written.borrow_mut().extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn unconfirmed(&self) -> usize {
        0
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.room.get() > 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl AsyncWrite for TestSocket {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        unreachable!("delivery writes with `try_write`")
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.shut.set(true);
        Poll::Ready(Ok(()))
    }
}

/// Whether the task of a session was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Answers = Vec<(MessageOrigin, Receipt)>;

fn remote() -> MessageOrigin {
    MessageOrigin::Remote(Incarnation::from_bytes([2; 16]))
}

fn open(delivery: &mut Delivery<TestSocket>, room: usize) -> (SessionKey, TestSocket) {
    let socket = TestSocket::with_room(room);
    (delivery.sessions.open(socket.clone(), Instant::now()), socket)
}

fn deliver(
    delivery: &mut Delivery<TestSocket>,
    keys: &[SessionKey],
    seq: u64,
    body: &[u8],
) -> LocalDelivery {
    let ids = MessageIdPrefix::of(Incarnation::from_bytes([1; 16]));
    let message = Message { seq, traced: false, sent_at_ms: 0, to: "bob", from: "alice", body };
    delivery.deliver(keys, remote(), &ids, &message, false)
}

fn flush(delivery: &mut Delivery<TestSocket>) -> Answers {
    delivery.flush_dirty(Instant::now());
    delivery.receipts.drain(..).collect()
}

fn close(delivery: &mut Delivery<TestSocket>, key: SessionKey) -> Answers {
    delivery.close(key);
    delivery.receipts.drain(..).collect()
}

fn receipt(seq: u64, status: ReceiptStatus, missed: u16) -> (MessageOrigin, Receipt) {
    (remote(), Receipt { seq, status, route_stale: false, missed })
}

/// A body after which a session has no room for another of the same size.
fn large_body() -> Vec<u8> {
    vec![b'1'; SESSION_BYTES_MAX / 2 + 1]
}

#[test]
fn message_is_answered_when_the_socket_has_taken_it() {
    let mut delivery = Delivery::default();
    let (key, socket) = open(&mut delivery, usize::MAX);
    assert_eq!(deliver(&mut delivery, &[], 1, b"1"), LocalDelivery::Nobody);
    assert_eq!(deliver(&mut delivery, &[key], 2, b"2"), LocalDelivery::Waiting);
    assert!(
        delivery.has_dirty() && socket.text().is_empty(),
        "nothing is written before the flush"
    );
    assert_eq!(flush(&mut delivery), [receipt(2, ReceiptStatus::Taken, 0)]);
    assert!(socket.text().contains(r#""body":2"#));
    assert!(!delivery.has_dirty() && flush(&mut delivery).is_empty());
    assert_eq!((delivery.counts.taken_local, delivery.counts.taken_remote), (0, 1));
}

#[test]
fn full_buffer_refuses_messages_but_no_receipt() {
    let mut delivery = Delivery::default();
    let (key, _socket) = open(&mut delivery, 0);
    assert_eq!(deliver(&mut delivery, &[key], 1, &large_body()), LocalDelivery::Waiting);
    assert_eq!(deliver(&mut delivery, &[key], 2, &large_body()), LocalDelivery::Full);
    assert_eq!(delivery.counts.refused_full, 1);
    delivery.sessions.get_mut(key).unwrap().charge(charge(10));
    assert!(delivery.write_receipt(key, charge(10), |out| out.extend_from_slice(b"{}")));
}

#[test]
fn several_sessions_give_one_receipt() {
    let mut delivery = Delivery::default();
    let (slow, _) = open(&mut delivery, 0);
    let (first, _) = open(&mut delivery, usize::MAX);
    let (second, _) = open(&mut delivery, usize::MAX);
    assert_eq!(deliver(&mut delivery, &[slow], 1, &large_body()), LocalDelivery::Waiting);
    let waiting = deliver(&mut delivery, &[slow, first, second], 2, &large_body());
    assert_eq!(waiting, LocalDelivery::Waiting);
    assert_eq!(flush(&mut delivery), [receipt(2, ReceiptStatus::Taken, 1)]);

    assert_eq!(deliver(&mut delivery, &[first, second], 3, b"3"), LocalDelivery::Waiting);
    assert!(close(&mut delivery, first).is_empty(), "the other session may still take it");
    assert_eq!(close(&mut delivery, second), [receipt(3, ReceiptStatus::NotHere, 0)]);
    assert_eq!(deliver(&mut delivery, &[first, second], 4, b"4"), LocalDelivery::Full);
}

#[test]
fn closed_session_gives_back_what_its_socket_has_not_taken() {
    let mut delivery = Delivery::default();
    let (key, _socket) = open(&mut delivery, 5);
    deliver(&mut delivery, &[key], 1, b"1");
    deliver(&mut delivery, &[key], 2, b"2");
    assert!(flush(&mut delivery).is_empty());
    let expected = [receipt(1, ReceiptStatus::Maybe, 0), receipt(2, ReceiptStatus::NotHere, 0)];
    assert_eq!(close(&mut delivery, key), expected);
    assert!(delivery.sessions.get(key).is_none());
}

#[test]
fn key_of_a_closed_session_reaches_no_later_one() {
    let mut delivery = Delivery::default();
    let (old, _) = open(&mut delivery, usize::MAX);
    close(&mut delivery, old);
    let (new, socket) = open(&mut delivery, usize::MAX);
    assert_eq!((old.slot, old == new), (new.slot, false));
    assert_eq!(deliver(&mut delivery, &[old], 1, b"1"), LocalDelivery::Full);
    assert!(!delivery.write_receipt(old, charge(0), |out| out.push(b'x')));
    delivery.write(old, |out| out.push(b'x'));
    flush(&mut delivery);
    assert!(socket.text().is_empty());
}

#[test]
fn blocked_session_is_woken_and_writes_on() {
    let mut delivery = Delivery::default();
    let (key, socket) = open(&mut delivery, 5);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(delivery.poll_close_reason(key, &cx).is_pending());
    deliver(&mut delivery, &[key], 1, b"1");
    delivery.flush_dirty(Instant::now());
    assert!(woken.0.load(Ordering::Relaxed));

    assert!(delivery.poll_finish(key, Instant::now(), &mut cx).is_pending());
    socket.0.room.set(usize::MAX);
    assert!(delivery.poll_finish(key, Instant::now(), &mut cx).is_ready());
    assert!(socket.0.shut.get());
    assert_eq!(delivery.receipts, [receipt(1, ReceiptStatus::Taken, 0)]);
}

#[test]
fn session_is_read_again_when_its_receipts_have_room() {
    let mut delivery = Delivery::default();
    let (key, _socket) = open(&mut delivery, usize::MAX);
    let woken = Arc::new(Woken::default());
    assert!(
        delivery.poll_close_reason(key, &Context::from_waker(&woken.clone().into())).is_pending()
    );
    let owed = SESSION_BYTES_MAX + SESSION_RECEIPT_BYTES_MAX;
    delivery.sessions.get_mut(key).unwrap().charge(charge(owed));
    assert!(!delivery.may_read(key, SHARE));
    delivery.write_receipt(key, charge(owed), |out| out.extend_from_slice(b"{}"));
    flush(&mut delivery);
    assert!(woken.0.load(Ordering::Relaxed) && delivery.may_read(key, SHARE));
}

#[test]
fn session_with_its_share_in_custody_is_not_read() {
    let mut delivery = Delivery::default();
    let (key, _socket) = open(&mut delivery, usize::MAX);
    let share = SessionShare { sends: 2, bytes: 100 };
    let send = SendCharge { receipt_bytes: 10, message_bytes: 60 };
    let nothing = SessionShare { sends: 0, bytes: 0 };
    assert!(delivery.may_read(key, nothing), "a session without sends may always send one");
    delivery.sessions.get_mut(key).unwrap().charge(send);
    assert!(delivery.may_read(key, share) && !delivery.may_read(key, nothing));
    delivery.sessions.get_mut(key).unwrap().charge(send);
    assert!(!delivery.may_read(key, share), "two sends");
    assert!(!delivery.may_read(key, SessionShare { sends: 10, ..share }), "120 bytes");
    delivery.write_receipt(key, send, |out| out.extend_from_slice(b"{}"));
    assert!(delivery.may_read(key, share));
}

#[test]
fn session_ends_with_its_token() {
    let mut delivery = Delivery::default();
    let (key, _socket) = open(&mut delivery, usize::MAX);
    let cx = Context::from_waker(Waker::noop());
    let sweep = |delivery: &mut Delivery<TestSocket>, now| {
        delivery.sweep(Instant::now(), now, Duration::from_secs(25));
        delivery.poll_close_reason(key, &cx)
    };
    delivery.set_token_end(key, Some(1_000));
    assert!(sweep(&mut delivery, 999).is_pending());
    delivery.set_token_end(key, Some(2_000));
    assert!(sweep(&mut delivery, 1_000).is_pending(), "it was refreshed");
    let ended = CloseReason { code: close::UNAUTHORIZED, reason: "token expired".to_owned() };
    assert_eq!(sweep(&mut delivery, 2_000), Poll::Ready(ended));
}

#[test]
fn first_close_reason_counts() {
    let mut delivery = Delivery::default();
    let (key, _socket) = open(&mut delivery, 0);
    let reason = |code| CloseReason { code, reason: String::new() };
    delivery.end(key, reason(close::REPLACED));
    delivery.end(key, reason(close::ENDED));
    let cx = Context::from_waker(Waker::noop());
    assert_eq!(delivery.poll_close_reason(key, &cx), Poll::Ready(reason(close::REPLACED)));
}

#[test]
fn sweep_pings_silent_sessions_and_ends_those_that_do_not_answer() {
    let mut delivery = Delivery::default();
    let (key, socket) = open(&mut delivery, usize::MAX);
    let (start, interval) = (Instant::now(), Duration::from_secs(10));
    let cx = Context::from_waker(Waker::noop());
    // A process that was suspended has sent no ping: a long silence alone ends no session.
    delivery.sweep(start + 3 * interval, 0, interval);
    assert!(delivery.poll_close_reason(key, &cx).is_pending());
    flush(&mut delivery);
    assert_eq!(socket.0.written.borrow()[..], [0x89, 0]);
    delivery.heard(key, start + 3 * interval);
    delivery.sweep(start + 4 * interval, 0, interval);
    assert!(delivery.poll_close_reason(key, &cx).is_pending());
    delivery.sweep(start + 6 * interval, 0, interval);
    let Poll::Ready(reason) = delivery.poll_close_reason(key, &cx) else { panic!("it is silent") };
    assert_eq!(reason.code, close::POLICY);
}

#[test]
fn sweep_ends_a_session_that_reads_too_slowly() {
    let mut delivery = Delivery::default();
    let (key, _socket) = open(&mut delivery, 0);
    deliver(&mut delivery, &[key], 1, b"1");
    flush(&mut delivery);
    delivery.sweep(Instant::now() + SLOW_AFTER, 0, 2 * SLOW_AFTER);
    let cx = Context::from_waker(Waker::noop());
    let Poll::Ready(reason) = delivery.poll_close_reason(key, &cx) else { panic!("it is slow") };
    assert_eq!((reason.code, delivery.counts.ended_slow), (close::TOO_SLOW, 1));
}

#[test]
fn login_elsewhere_makes_routes_stale_for_their_life() {
    let mut delivery = Delivery::<TestSocket>::default();
    let now = Instant::now();
    delivery.note_elsewhere("bob".parse().unwrap(), now);
    assert!(delivery.is_elsewhere("bob", now) && !delivery.is_elsewhere("eve", now));
    assert!(!delivery.is_elsewhere("bob", now + ROUTE_LIFE));
}
