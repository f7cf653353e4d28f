mod at_rest;

use std::time::Duration;

use super::*;
use crate::{
    defaults::{FAULT_SLACK, SEND_DEADLINE},
    faults::{
        history::{ConnectionEnd, FaultInterval, ReceiptRecord, SendRecord, SessionRecord},
        schedule::Fault,
    },
};

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Long after everything.
const END: u64 = 60_000;

fn session(user: &str, node: &str) -> SessionRecord {
    SessionRecord {
        user: user.into(),
        node: node.into(),
        opened: at(0),
        reads_promptly: true,
        welcomed: Some(at(10)),
        ended: Some(ConnectionEnd { at: at(END), clean: true, how: "closed by the client".into() }),
        sent: Vec::new(),
        received: Vec::new(),
        unexpected: Vec::new(),
    }
}

fn sent(number: u64, to: &str, outcome: &str) -> SendRecord {
    let receipt =
        ReceiptRecord { at: at(1_020), message: format!("m-{number}"), outcome: outcome.into() };
    SendRecord { to: to.into(), at: at(1_000 + number), receipts: vec![receipt] }
}

fn got(number: usize) -> MessageRecord {
    MessageRecord { id: format!("m-{number}"), from: "ann".into(), session: 0, number }
}

/// Ann, on node-1, has sent three messages to Ben, who received them on node-2.
fn correct() -> RunHistory {
    let (mut ann, mut ben) = (session("ann", "node-1"), session("ben", "node-2"));
    ann.sent = (0..3).map(|number| sent(number, "ben", "delivered")).collect();
    ben.received = (0..3).map(got).collect();
    RunHistory {
        sessions: vec![ann, ben],
        intervals: Vec::new(),
        stalls: Vec::new(),
        final_round: None,
    }
}

/// The correct history with another outcome of the first send, which was not received.
fn with_outcome(outcome: &str) -> RunHistory {
    let mut history = correct();
    history.sessions[0].sent[0].receipts[0].outcome = outcome.into();
    history.sessions[1].received.remove(0);
    history
}

fn violated(history: &RunHistory) -> Vec<Guarantee> {
    let mut guarantees: Vec<_> =
        super::history(history).into_iter().map(|violation| violation.guarantee).collect();
    guarantees.dedup();
    guarantees
}

fn interval(fault: Fault, from: u64, until: u64) -> FaultInterval {
    FaultInterval { fault, from: at(from), until: at(until) }
}

#[test]
fn correct_history_has_no_violation() {
    assert_eq!(super::history(&correct()), []);
    assert_eq!(super::history(&with_outcome("busy")), []);
    assert_eq!(super::history(&with_outcome("unreachable")), []);
    assert_eq!(super::history(&with_outcome("unconfirmed")), []);
}

#[test]
fn missing_receipt_is_found() {
    let mut history = correct();
    history.sessions[0].sent[1].receipts.clear();
    assert_eq!(violated(&history), [Guarantee::OneOutcome]);
}

#[test]
fn no_receipt_is_due_after_the_session_has_ended() {
    let mut history = correct();
    history.sessions[0].sent[1].receipts.clear();
    history.sessions[0].ended =
        Some(ConnectionEnd { at: at(1_000) + SEND_DEADLINE, clean: false, how: "cut".into() });
    assert_eq!(violated(&history), []);
}

#[test]
fn second_receipt_is_found() {
    let mut history = correct();
    let again = history.sessions[0].sent[2].receipts[0].clone();
    history.sessions[0].sent[2].receipts.push(again);
    assert_eq!(violated(&history), [Guarantee::OneOutcome]);
}

#[test]
fn unknown_outcome_is_found() {
    let mut history = correct();
    history.sessions[0].sent[2].receipts[0].outcome = "perhaps".into();
    assert_eq!(violated(&history), [Guarantee::OneOutcome]);
}

#[test]
fn late_outcome_is_found_unless_the_node_was_paused() {
    let mut history = correct();
    let late = at(1_500) + SEND_DEADLINE + FAULT_SLACK;
    history.sessions[0].sent[0].receipts[0].at = late;
    assert_eq!(violated(&history), [Guarantee::InTime]);
    history.intervals = vec![interval(Fault::FreezeNode("node-2".into()), 2_000, 4_000)];
    assert_eq!(violated(&history), [Guarantee::InTime]);
    history.intervals = vec![interval(Fault::FreezeNode("node-1".into()), 2_000, 4_000)];
    assert_eq!(violated(&history), []);
}

#[test]
fn busy_machine_and_slow_reader_excuse_late_outcomes() {
    let mut history = correct();
    history.sessions[0].sent[0].receipts[0].at = at(1_500) + SEND_DEADLINE + FAULT_SLACK;
    history.stalls = vec![(at(2_000), at(2_400)), (at(3_000), at(3_100))];
    assert_eq!(violated(&history), []);
    history.stalls.pop();
    assert_eq!(violated(&history), [Guarantee::InTime]);
    history.sessions[0].reads_promptly = false;
    assert_eq!(violated(&history), []);
}

#[test]
fn delivered_but_not_received_is_found() {
    assert_eq!(violated(&with_outcome("delivered")), [Guarantee::Delivered]);
}

#[test]
fn delivery_into_a_broken_connection_is_allowed() {
    let mut history = with_outcome("delivered");
    let broken = |millis| Some(ConnectionEnd { at: at(millis), clean: false, how: "cut".into() });
    history.sessions.push(SessionRecord { ended: broken(1_500), ..session("ben", "node-3") });
    assert_eq!(violated(&history), []);
    history.sessions[2] = SessionRecord { ended: broken(1_500), ..session("cid", "node-3") };
    assert_eq!(violated(&history), [Guarantee::Delivered]);
    history.sessions[2] = SessionRecord { opened: at(2_000), ..session("ben", "node-3") };
    history.sessions[2].ended = broken(2_500);
    assert_eq!(violated(&history), [Guarantee::Delivered]);
}

#[test]
fn received_although_not_delivered_is_found() {
    for outcome in ["offline", "busy", "unreachable"] {
        let mut history = correct();
        history.sessions[0].sent[0].receipts[0].outcome = outcome.into();
        assert_eq!(violated(&history), [Guarantee::Withheld], "{outcome}");
    }
}

#[test]
fn offline_despite_a_session_is_found() {
    assert_eq!(violated(&with_outcome("offline")), [Guarantee::Present]);
    let mut history = with_outcome("offline");
    history.sessions[1].welcomed = Some(at(1_010));
    assert_eq!(violated(&history), []);
}

#[test]
fn only_a_fault_of_its_node_excuses_a_false_offline() {
    let mut history = with_outcome("offline");
    for (fault, excused) in [
        (Fault::FreezeNode("node-2".into()), true),
        (Fault::FlushRedis, false),
        (Fault::FreezeNode("node-1".into()), false),
        (Fault::KillRelay, false),
        (Fault::CutLink("node-2".into(), Vec::new()), false),
    ] {
        let expected: &[Guarantee] = if excused { &[] } else { &[Guarantee::Present] };
        history.intervals = vec![interval(fault.clone(), 200, 800)];
        assert_eq!(violated(&history), expected, "{fault}");
    }
}

#[test]
fn duplicate_message_is_found() {
    let mut history = correct();
    history.sessions[1].received.push(got(2));
    assert_eq!(violated(&history), [Guarantee::Once]);
}

#[test]
fn each_session_of_a_user_may_receive_a_message() {
    let mut history = correct();
    history
        .sessions
        .push(SessionRecord { received: vec![got(0), got(2)], ..session("ben", "node-3") });
    assert_eq!(violated(&history), []);
}

#[test]
fn reordered_messages_are_found() {
    let mut history = correct();
    history.sessions[1].received.swap(0, 1);
    assert_eq!(violated(&history), [Guarantee::Order]);
}

#[test]
fn message_without_a_send_is_found() {
    let mut history = correct();
    history.sessions[1].received.push(got(3));
    assert_eq!(violated(&history), [Guarantee::Known]);
}

#[test]
fn message_to_the_wrong_user_is_found() {
    let mut history = correct();
    history.sessions[1].user = "cid".into();
    assert_eq!(violated(&history), [Guarantee::Known]);
}

#[test]
fn wrong_sender_or_id_is_found() {
    for change in [
        |message: &mut MessageRecord| message.from = "cid".into(),
        |message: &mut MessageRecord| message.id += "x",
    ] {
        let mut history = correct();
        change(&mut history.sessions[1].received[1]);
        assert_eq!(violated(&history), [Guarantee::Known]);
    }
}

#[test]
fn message_id_used_twice_is_found() {
    let mut history = correct();
    history.sessions[0].sent[1].receipts[0].message = "m-0".into();
    history.sessions[1].received.remove(1);
    assert!(violated(&history).contains(&Guarantee::Known));
}

#[test]
fn unexpected_frame_is_found() {
    let mut history = correct();
    history.sessions[0].unexpected.push("a receipt without a send".into());
    assert_eq!(violated(&history), [Guarantee::Known]);
}

#[test]
fn final_round_must_reach_every_session() {
    let mut history = correct();
    history.final_round = Some(at(500));
    history.sessions.push(session("ben", "node-3"));
    // Ann's route may be older than this session.
    history.sessions[2].welcomed = Some(at(990));
    assert_eq!(violated(&history), []);

    for session in &mut history.sessions {
        session.sent.iter_mut().for_each(|sent| {
            sent.at += at(9_000);
            sent.receipts[0].at += at(9_000);
        });
    }
    assert_eq!(violated(&history), [Guarantee::Reach]);

    let mut history = with_outcome("unconfirmed");
    history.final_round = Some(at(500));
    assert_eq!(violated(&history), [Guarantee::Reach]);
}
