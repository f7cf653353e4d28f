//! Session events and link events, on a node whose directory never answers by itself.

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, duplex},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task, time,
};
use trunkline_directory::Location;
use trunkline_link::Lane;
use trunkline_protocol::{
    Incarnation, Outcome, User,
    client::close,
    control::ToRelay,
    lane::{
        BadLane, Batch, BatchBuilder, BatchHeader, BatchKind, LANES, LoginNotice, Message,
        PREAMBLE_BYTES, RECEIPT_LANE, Receipt, ReceiptStatus,
    },
    status::TraceEvent,
};

use super::{DataPlane, DataPlaneState, SessionKey};
use crate::{
    client_socket::{ClientReader, in_the_clear},
    defaults::OUTBOX,
    testing::isolated::data_plane_with,
};

/// A data plane, and what it reports to the relay.
pub(crate) fn test_data_plane() -> (DataPlane, mpsc::Receiver<ToRelay>) {
    let (outbox, reported) = mpsc::channel(OUTBOX);
    (data_plane_with(2, outbox).unwrap(), reported)
}

fn other_node() -> Incarnation {
    Incarnation::from_bytes([2; 16])
}

fn bob() -> User {
    "bob".parse().unwrap()
}

fn lanes() -> Vec<Lane> {
    (0..LANES).map(|_| Lane::new(1024 * 1024)).collect()
}

/// A session that has logged in, with the client's end of its connection.
struct Client {
    key: SessionKey,
    socket: TcpStream,
    _reading: ClientReader,
}

impl Client {
    async fn log_in(data_plane: &DataPlane, user: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (reading, writing) = in_the_clear(listener.accept().await.unwrap().0);
        let user = user.parse().unwrap();
        let key = data_plane.turn(|state, _| {
            let key = state.open(writing);
            drop(state.start_login(&user));
            state.finish_login(key, &user, Some(&[]));
            key
        });
        Self { key, socket, _reading: reading }
    }

    /// Flushes, and reads until the client has got `text`.
    async fn expect(&mut self, data_plane: &DataPlane, text: &str) {
        data_plane.turn(|state, now| state.flush(now, true));
        let mut received = Vec::new();
        while !String::from_utf8_lossy(&received).contains(text) {
            let read = time::timeout(Duration::from_secs(5), self.socket.read_buf(&mut received));
            let read = read.await;
            let received = String::from_utf8_lossy(&received);
            assert!(matches!(read, Ok(Ok(1..))), "no {text} in {received}");
        }
    }
}

fn close_code(state: &mut DataPlaneState, key: SessionKey) -> Option<u16> {
    match state.env.delivery.poll_close_reason(key, &Context::from_waker(Waker::noop())) {
        Poll::Ready(reason) => Some(reason.code),
        Poll::Pending => None,
    }
}

/// Hands a batch from `other_node` to the data plane.
fn receive(
    data_plane: &DataPlane,
    kind: BatchKind,
    build: impl FnOnce(&mut BatchBuilder),
) -> Result<(), BadLane> {
    let mut builder = BatchBuilder::default();
    build(&mut builder);
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, kind, other_node(), 1, other_node());
    let batch = Batch::split_off(&mut bytes.as_slice()).unwrap().unwrap();
    data_plane.turn(|state, now| state.batch(now, batch))
}

fn push_message(builder: &mut BatchBuilder, seq: u64, traced: bool) {
    let (to, from, body) = ("bob", "alice", b"1".as_slice());
    let message = Message { seq, traced, sent_at_ms: 0, to, from, body };
    builder.push(seq, |out| message.encode(out));
}

/// Flushes, and returns the headers and receipts of the batches in a lane.
async fn sent(data_plane: &DataPlane, lane: &Lane) -> Vec<(BatchHeader, Vec<Receipt>)> {
    data_plane.turn(|state, now| state.flush(now, true));
    let (near, mut far) = duplex(1024 * 1024);
    tokio::select! {
        biased;
        _ = lane.write_to(near) => panic!("the stream is open"),
        () = task::yield_now() => {}
    }
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.unwrap();
    let mut rest = &bytes[PREAMBLE_BYTES..];
    std::iter::from_fn(|| Batch::split_off(&mut rest).unwrap())
        .map(|batch| {
            let is_receipts = batch.header.kind == BatchKind::Receipts;
            let receipts = batch.receipts().filter(|_| is_receipts).map(Result::unwrap);
            (batch.header, receipts.collect())
        })
        .collect()
}

/// The directory says that bob is on `other_node`.
fn find_bob(data_plane: &DataPlane) {
    let found: Vec<Location> = vec![("node-2".parse().unwrap(), other_node())];
    data_plane.turn(|state, now| {
        assert_eq!(state.take_look_ups(), [bob()]);
        state.looked_up(now, &bob(), Some(found));
    });
}

/// A data plane with a link, alice's session, and a message of hers on its way to `other_node`.
async fn with_message_under_way() -> (DataPlane, Vec<Lane>, Client, BatchHeader) {
    let (data_plane, _reported) = test_data_plane();
    let lanes = lanes();
    data_plane.turn(|state, now| state.link_up(now, lanes.clone()));
    let alice = Client::log_in(&data_plane, "alice").await;
    data_plane.turn(|state, now| state.send(now, alice.key, "m1", "bob", b"1"));
    find_bob(&data_plane);
    let mut headers = Vec::new();
    for lane in &lanes[..RECEIPT_LANE] {
        headers.extend(sent(&data_plane, lane).await.into_iter().map(|(header, _)| header));
    }
    let [header] = headers[..] else { panic!("one batch was sent, not {headers:?}") };
    (data_plane, lanes, alice, header)
}

#[tokio::test]
async fn local_message_is_delivered_and_reported() {
    let (data_plane, _reported) = test_data_plane();
    let mut alice = Client::log_in(&data_plane, "alice").await;
    alice.expect(&data_plane, r#"{"type":"welcome","user":"alice""#).await;
    data_plane.turn(|state, now| state.send(now, alice.key, "m1", "alice", br#""hi""#));
    alice.expect(&data_plane, r#""outcome":"delivered""#).await;
    // The route is unknown, and other nodes may have alice too.
    let load = data_plane.turn(|state, _| state.load());
    assert_eq!((load.accepted, load.delivered_locally, load.outcomes.delivered), (1, 1, 1));
    assert_eq!((load.sessions, load.users), (1, 1));
}

#[tokio::test]
async fn outcome_of_a_closed_session_counts_as_unreported() {
    let (data_plane, _lanes, alice, header) = with_message_under_way().await;
    data_plane.turn(|state, _| state.close(alice.key));
    let receipt =
        Receipt { seq: header.first, status: ReceiptStatus::Taken, route_stale: false, missed: 0 };
    receive(&data_plane, BatchKind::Receipts, |builder| {
        builder.push(receipt.seq, |out| receipt.encode(out));
    })
    .unwrap();
    let load = data_plane.turn(|state, _| state.load());
    assert_eq!((load.outcomes.delivered, load.unreported, load.sessions), (1, 1, 0));
}

#[tokio::test]
async fn newest_sessions_of_a_user_stay() {
    let (data_plane, _reported) = test_data_plane();
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(Client::log_in(&data_plane, "bob").await.key);
    }
    data_plane.turn(|state, _| {
        let codes = [0, 1, 2].map(|at| close_code(state, keys[at]));
        assert_eq!(codes, [Some(close::REPLACED), None, None]);
    });
    assert_eq!(data_plane.turn(|state, _| state.end_user(&bob())), 2);
}

#[tokio::test]
async fn failed_login_leaves_no_session_of_the_user() {
    let (data_plane, _reported) = test_data_plane();
    let alice = Client::log_in(&data_plane, "alice").await;
    data_plane.turn(|state, _| {
        state.log_out(alice.key);
        drop(state.start_login(&bob()));
        state.finish_login(alice.key, &bob(), None);
        assert_eq!((state.load().sessions, state.load().users), (0, 0));
    });
}

#[tokio::test]
async fn messages_from_a_link_are_answered_by_receipts() {
    let (data_plane, _reported) = test_data_plane();
    let lanes = lanes();
    data_plane.turn(|state, now| state.link_up(now, lanes.clone()));
    receive(&data_plane, BatchKind::Messages, |builder| push_message(builder, 5, false)).unwrap();
    let mut bobs = Client::log_in(&data_plane, "bob").await;
    receive(&data_plane, BatchKind::Messages, |builder| push_message(builder, 6, false)).unwrap();
    bobs.expect(&data_plane, r#""type":"message""#).await;
    let sent = sent(&data_plane, &lanes[RECEIPT_LANE]).await;
    let receipts = sent.iter().flat_map(|(_, receipts)| receipts);
    let receipts: Vec<_> = receipts.map(|receipt| (receipt.seq, receipt.status)).collect();
    assert_eq!(receipts, [(5, ReceiptStatus::NotHere), (6, ReceiptStatus::Taken)]);
    assert!(sent.iter().all(|(header, _)| header.peer == other_node() && !header.traced));
}

#[tokio::test]
async fn traced_message_is_recorded_and_its_receipt_marked() {
    let (data_plane, mut reported) = test_data_plane();
    let lanes = lanes();
    data_plane.turn(|state, now| state.link_up(now, lanes.clone()));
    receive(&data_plane, BatchKind::Messages, |builder| push_message(builder, 5, true)).unwrap();
    assert!(sent(&data_plane, &lanes[RECEIPT_LANE]).await[0].0.traced);
    let events = [
        TraceEvent::Arrived { sessions: 0 },
        TraceEvent::Answered { status: ReceiptStatus::NotHere, missed: 0 },
    ];
    for event in events {
        let ToRelay::Traced { what, .. } = reported.try_recv().unwrap() else { panic!("no hop") };
        assert_eq!(what, event);
    }
}

#[tokio::test]
async fn malformed_frame_ends_the_batch_behind_those_before_it() {
    let (data_plane, _reported) = test_data_plane();
    let mut bobs = Client::log_in(&data_plane, "bob").await;
    let read = receive(&data_plane, BatchKind::Messages, |builder| {
        push_message(builder, 5, false);
        builder.push(6, |out| out.extend_from_slice(&[0xff; 40]));
    });
    assert_eq!(read, Err(BadLane::Frames));
    bobs.expect(&data_plane, r#""type":"message""#).await;
    for kind in [BatchKind::Receipts, BatchKind::Notices] {
        let read = receive(&data_plane, kind, |builder| {
            builder.push(1, |out| out.extend_from_slice(&[0xff; 15]));
        });
        assert_eq!(read, Err(BadLane::Frames), "{kind:?}");
    }
}

#[tokio::test]
async fn receipt_from_a_link_reaches_the_sender() {
    let (data_plane, _lanes, mut alice, header) = with_message_under_way().await;
    assert_eq!(header.peer, other_node());
    let receipt =
        Receipt { seq: header.first, status: ReceiptStatus::Taken, route_stale: false, missed: 0 };
    receive(&data_plane, BatchKind::Receipts, |builder| {
        builder.push(receipt.seq, |out| receipt.encode(out));
    })
    .unwrap();
    alice.expect(&data_plane, r#""outcome":"delivered""#).await;
}

#[tokio::test]
async fn refused_batch_ends_its_sends_and_no_others() {
    let (data_plane, _lanes, mut alice, header) = with_message_under_way().await;
    let refuse = |header: BatchHeader| {
        let header = header.refused(BatchKind::RefusedFull, other_node());
        let batch = Batch { header, frames: &[] };
        data_plane.turn(|state, now| state.batch(now, batch)).unwrap();
    };
    refuse(BatchHeader { batch: header.batch + 1, ..header });
    assert_eq!(data_plane.turn(|state, _| state.left().1), 1);
    refuse(header);
    alice.expect(&data_plane, r#""outcome":"busy""#).await;
}

#[tokio::test]
async fn login_notice_replaces_sessions_only_if_the_directory_agrees() {
    let (data_plane, _reported) = test_data_plane();
    let bobs = Client::log_in(&data_plane, "bob").await;
    let notice = |replaces| {
        let notice = LoginNotice { user: "bob", replaces };
        receive(&data_plane, BatchKind::Notices, |builder| {
            builder.push(0, |out| notice.encode(out));
        })
        .unwrap();
        data_plane.turn(|state, _| state.replacements.take())
    };
    assert!(notice(false).is_empty());
    let replacements = notice(true);
    let [replacement] = &replacements[..] else { panic!("{replacements:?}") };
    let at = |node| vec![("node-2".parse().unwrap(), node)];
    let lie = at(Incarnation::from_bytes([7; 16]));
    for (found, code) in [(lie, None), (at(other_node()), Some(close::REPLACED))] {
        data_plane.turn(|state, _| state.replace(replacement, &found));
        assert_eq!(data_plane.turn(|state, _| close_code(state, bobs.key)), code);
    }
    assert_eq!(data_plane.turn(|state, _| state.load().users), 0);
}

#[tokio::test]
async fn lost_link_of_another_id_changes_nothing() {
    let (data_plane, _reported) = test_data_plane();
    let first = data_plane.turn(|state, now| state.link_up(now, lanes()));
    data_plane.turn(|state, now| state.link_lost(now, first));
    assert!(!data_plane.turn(|state, _| state.is_linked()));
    data_plane.turn(|state, now| state.link_up(now, lanes()));
    data_plane.turn(|state, now| state.link_lost(now, first));
    assert!(data_plane.turn(|state, _| state.is_linked()));
}

#[tokio::test]
async fn probe_is_traced_to_its_outcome() {
    let (data_plane, mut reported) = test_data_plane();
    data_plane.turn(|state, now| state.send_probe(now, 7, &bob(), &"ops".parse().unwrap()));
    data_plane.turn(|state, now| {
        assert_eq!(state.take_look_ups(), [bob()]);
        state.looked_up(now, &bob(), Some(Vec::new()));
    });
    let reported: Vec<_> = std::iter::from_fn(|| reported.try_recv().ok()).collect();
    let [accepted, asked, found, tested] = &reported[..] else { panic!("{reported:?}") };
    let is = |reported: &ToRelay, event| matches!(reported, ToRelay::Traced { what, .. } if *what == event);
    assert!(is(accepted, TraceEvent::Accepted) && is(asked, TraceEvent::Asked));
    assert!(is(found, TraceEvent::Found { nodes: Vec::new() }));
    assert!(matches!(tested, ToRelay::Tested { test: 7, outcome: Outcome::Offline, .. }));
    assert_eq!(data_plane.turn(|state, _| state.load().unreported), 0);
}
