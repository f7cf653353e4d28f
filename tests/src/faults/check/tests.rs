use std::time::Duration;

use super::*;
use crate::{
    defaults::{FAULT_SLACK, SEND_DEADLINE},
    faults::{
        history::{Ended, Sent, Session, Spell, Told},
        schedule::Fault,
    },
};

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Long after everything.
const END: u64 = 60_000;

fn session(user: &str, node: &str) -> Session {
    Session {
        user: user.into(),
        node: node.into(),
        opened: at(0),
        attentive: true,
        welcomed: Some(at(10)),
        ended: Some(Ended { at: at(END), clean: true, how: "closed by the client".into() }),
        sent: Vec::new(),
        got: Vec::new(),
        strange: Vec::new(),
    }
}

fn sent(number: u64, to: &str, outcome: &str) -> Sent {
    let told = Told { at: at(1_020), message: format!("m-{number}"), outcome: outcome.into() };
    Sent { to: to.into(), at: at(1_000 + number), told: vec![told] }
}

fn got(number: usize) -> Got {
    Got { message: format!("m-{number}"), from: "ann".into(), session: 0, number }
}

/// Ann, at node-1, has sent three messages to Ben, who has got them at node-2.
fn fair() -> History {
    let (mut ann, mut ben) = (session("ann", "node-1"), session("ben", "node-2"));
    ann.sent = (0..3).map(|number| sent(number, "ben", "delivered")).collect();
    ben.got = (0..3).map(got).collect();
    History { sessions: vec![ann, ben], spells: Vec::new(), stalls: Vec::new(), last_round: None }
}

/// The fair history with the first send's outcome replaced, and not received.
fn with_outcome(outcome: &str) -> History {
    let mut history = fair();
    history.sessions[0].sent[0].told[0].outcome = outcome.into();
    history.sessions[1].got.remove(0);
    history
}

fn violated(history: &History) -> Vec<Demand> {
    let mut demands: Vec<_> =
        super::history(history).into_iter().map(|violation| violation.demand).collect();
    demands.dedup();
    demands
}

fn spell(fault: Fault, from: u64, until: u64) -> Spell {
    Spell { fault, from: at(from), until: at(until) }
}

#[test]
fn a_fair_history_is_found_to_be_so() {
    assert_eq!(super::history(&fair()), []);
    assert_eq!(super::history(&with_outcome("busy")), []);
    assert_eq!(super::history(&with_outcome("unreachable")), []);
    assert_eq!(super::history(&with_outcome("unconfirmed")), []);
}

#[test]
fn a_send_without_a_receipt_is_found() {
    let mut history = fair();
    history.sessions[0].sent[1].told.clear();
    assert_eq!(violated(&history), [Demand::OneOutcome]);
}

#[test]
fn no_receipt_is_due_when_the_session_has_ended_before() {
    let mut history = fair();
    history.sessions[0].sent[1].told.clear();
    history.sessions[0].ended =
        Some(Ended { at: at(1_000) + SEND_DEADLINE, clean: false, how: "cut".into() });
    assert_eq!(violated(&history), []);
}

#[test]
fn a_second_receipt_is_found() {
    let mut history = fair();
    let again = history.sessions[0].sent[2].told[0].clone();
    history.sessions[0].sent[2].told.push(again);
    assert_eq!(violated(&history), [Demand::OneOutcome]);
}

#[test]
fn an_outcome_of_another_name_is_found() {
    let mut history = fair();
    history.sessions[0].sent[2].told[0].outcome = "perhaps".into();
    assert_eq!(violated(&history), [Demand::OneOutcome]);
}

#[test]
fn a_late_outcome_is_found_unless_the_node_stood_still() {
    let mut history = fair();
    let late = at(1_500) + SEND_DEADLINE + FAULT_SLACK;
    history.sessions[0].sent[0].told[0].at = late;
    assert_eq!(violated(&history), [Demand::InTime]);
    history.spells = vec![spell(Fault::FreezeNode("node-2".into()), 2_000, 4_000)];
    assert_eq!(violated(&history), [Demand::InTime]);
    history.spells = vec![spell(Fault::FreezeNode("node-1".into()), 2_000, 4_000)];
    assert_eq!(violated(&history), []);
}

#[test]
fn lateness_of_a_busy_machine_or_a_dozing_client_is_not_held_against_the_node() {
    let mut history = fair();
    history.sessions[0].sent[0].told[0].at = at(1_500) + SEND_DEADLINE + FAULT_SLACK;
    history.stalls = vec![(at(2_000), at(2_400)), (at(3_000), at(3_100))];
    assert_eq!(violated(&history), []);
    history.stalls.pop();
    assert_eq!(violated(&history), [Demand::InTime]);
    history.sessions[0].attentive = false;
    assert_eq!(violated(&history), []);
}

#[test]
fn what_was_delivered_to_nobody_is_found() {
    assert_eq!(violated(&with_outcome("delivered")), [Demand::Delivered]);
}

#[test]
fn what_a_broken_connection_has_swallowed_may_have_been_delivered() {
    let mut history = with_outcome("delivered");
    let broken = |millis| Some(Ended { at: at(millis), clean: false, how: "cut".into() });
    history.sessions.push(Session { ended: broken(1_500), ..session("ben", "node-3") });
    assert_eq!(violated(&history), []);
    history.sessions[2] = Session { ended: broken(1_500), ..session("cid", "node-3") };
    assert_eq!(violated(&history), [Demand::Delivered]);
    history.sessions[2] = Session { opened: at(2_000), ..session("ben", "node-3") };
    history.sessions[2].ended = broken(2_500);
    assert_eq!(violated(&history), [Demand::Delivered]);
}

#[test]
fn what_was_received_after_all_is_found() {
    for outcome in ["offline", "busy", "unreachable"] {
        let mut history = fair();
        history.sessions[0].sent[0].told[0].outcome = outcome.into();
        assert_eq!(violated(&history), [Demand::Withheld], "{outcome}");
    }
}

#[test]
fn calling_somebody_offline_who_is_there_is_found() {
    assert_eq!(violated(&with_outcome("offline")), [Demand::Present]);
    let mut history = with_outcome("offline");
    history.sessions[1].welcomed = Some(at(1_010));
    assert_eq!(violated(&history), []);
}

#[test]
fn a_node_that_was_hurt_may_have_lost_its_users_and_no_other() {
    let mut history = with_outcome("offline");
    for (fault, excused) in [
        (Fault::FreezeNode("node-2".into()), true),
        (Fault::FlushRedis, false),
        (Fault::FreezeNode("node-1".into()), false),
        (Fault::KillRelay, false),
        (Fault::CutLink("node-2".into(), Vec::new()), false),
    ] {
        let expected: &[Demand] = if excused { &[] } else { &[Demand::Present] };
        history.spells = vec![spell(fault.clone(), 200, 800)];
        assert_eq!(violated(&history), expected, "{fault}");
    }
}

#[test]
fn a_message_that_comes_twice_is_found() {
    let mut history = fair();
    history.sessions[1].got.push(got(2));
    assert_eq!(violated(&history), [Demand::Once]);
}

#[test]
fn two_sessions_of_a_user_may_each_get_a_message() {
    let mut history = fair();
    history.sessions.push(Session { got: vec![got(0), got(2)], ..session("ben", "node-3") });
    assert_eq!(violated(&history), []);
}

#[test]
fn messages_out_of_order_are_found() {
    let mut history = fair();
    history.sessions[1].got.swap(0, 1);
    assert_eq!(violated(&history), [Demand::Order]);
}

#[test]
fn what_nobody_sent_is_found() {
    let mut history = fair();
    history.sessions[1].got.push(got(3));
    assert_eq!(violated(&history), [Demand::Known]);
}

#[test]
fn what_somebody_else_was_to_get_is_found() {
    let mut history = fair();
    history.sessions[1].user = "cid".into();
    assert_eq!(violated(&history), [Demand::Known]);
}

#[test]
fn a_message_under_another_name_is_found() {
    for change in [|got: &mut Got| got.from = "cid".into(), |got: &mut Got| got.message += "x"] {
        let mut history = fair();
        change(&mut history.sessions[1].got[1]);
        assert_eq!(violated(&history), [Demand::Known]);
    }
}

#[test]
fn one_id_for_two_messages_is_found() {
    let mut history = fair();
    history.sessions[0].sent[1].told[0].message = "m-0".into();
    history.sessions[1].got.remove(1);
    assert!(violated(&history).contains(&Demand::Known));
}

#[test]
fn a_frame_that_makes_no_sense_is_found() {
    let mut history = fair();
    history.sessions[0].strange.push("a receipt for nothing".into());
    assert_eq!(violated(&history), [Demand::Known]);
}

#[test]
fn in_the_last_round_every_session_is_reached() {
    let mut history = fair();
    history.last_round = Some(at(500));
    history.sessions.push(session("ben", "node-3"));
    // Ann's route may be older than this session.
    history.sessions[2].welcomed = Some(at(990));
    assert_eq!(violated(&history), []);

    for session in &mut history.sessions {
        session.sent.iter_mut().for_each(|sent| {
            sent.at += at(9_000);
            sent.told[0].at += at(9_000);
        });
    }
    assert_eq!(violated(&history), [Demand::Reach]);

    let mut history = with_outcome("unconfirmed");
    history.last_round = Some(at(500));
    assert_eq!(violated(&history), [Demand::Reach]);
}

mod at_rest {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::*;

    /// Ann at node-1, Ben at both nodes.
    fn expected() -> Expected {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Expected {
            nodes: set(&["node-1", "node-2"]),
            users: [("ann", set(&["node-1"])), ("ben", set(&["node-1", "node-2"]))]
                .map(|(user, nodes): (_, BTreeSet<_>)| (user.to_owned(), nodes))
                .into(),
        }
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn exact() -> Directory {
        let lives = map(&[("node-1", "life-1"), ("node-2", "life-2")]);
        let index = |node: &str, life: &str, users: &[&str]| {
            let users = users.iter().map(|user| (*user).to_owned()).collect();
            ((node.to_owned(), life.to_owned()), users)
        };
        Directory {
            users: [
                ("ann".to_owned(), map(&[("node-1", "life-1")])),
                ("ben".to_owned(), lives.clone()),
            ]
            .into(),
            indexes: [
                index("node-1", "life-1", &["ann", "ben"]),
                index("node-2", "life-2", &["ben"]),
            ]
            .into(),
            incarnations: map(&[("life-1", "node-1"), ("life-2", "node-2")]),
            nodes: lives.clone(),
            leases: lives,
            others: BTreeSet::new(),
        }
    }

    fn count(change: impl FnOnce(&mut Directory)) -> usize {
        let mut held = exact();
        change(&mut held);
        directory(&held, &expected()).len()
    }

    #[test]
    fn an_exact_directory_is_found_to_be_so() {
        assert_eq!(directory(&exact(), &expected()), []);
        assert_eq!(directory(&Directory::default(), &Expected::default()), []);
    }

    #[test]
    fn ghosts_are_found() {
        assert_eq!(
            count(|held| drop(held.users.insert("cid".into(), map(&[("node-2", "life-2")])))),
            1
        );
        assert_eq!(
            count(|held| drop(held.users.insert("cid".into(), map(&[("node-3", "life-0")])))),
            1
        );
        let old = ("node-1".to_owned(), "life-0".to_owned());
        assert_eq!(count(|held| drop(held.indexes.insert(old, ["ann".to_owned()].into()))), 1);
        assert_eq!(
            count(|held| drop(held.incarnations.insert("life-0".into(), "node-1".into()))),
            1
        );
    }

    #[test]
    fn missing_users_are_found() {
        assert_eq!(count(|held| drop(held.users.remove("ann"))), 1);
        let index = ("node-2".to_owned(), "life-2".to_owned());
        assert_eq!(count(|held| drop(held.indexes.remove(&index))), 1);
    }

    #[test]
    fn an_entry_of_another_life_is_found_twice_over() {
        let old = |held: &mut Directory| {
            drop(held.users.insert("ann".into(), map(&[("node-1", "life-0")])));
        };
        assert_eq!(count(old), 2, "one is missing and one too many");
    }

    #[test]
    fn lost_cards_leases_and_strange_keys_are_found() {
        assert_eq!(count(|held| drop(held.leases.remove("node-1"))), 1);
        assert_eq!(count(|held| drop(held.leases.insert("node-1".into(), "life-0".into()))), 2);
        assert!(count(|held| drop(held.nodes.remove("node-1"))) >= 1);
        assert_eq!(count(|held| drop(held.incarnations.remove("life-1"))), 1);
        assert_eq!(count(|held| held.others.extend(["trunkline:old".to_owned()])), 1);
    }

    #[test]
    fn nodes_that_see_others_than_there_are_are_found() {
        let offers = |node: &str, others: &[&str]| {
            (node.to_owned(), others.iter().map(|other| (*other).to_owned()).collect())
        };
        let agreed = Membership {
            relay: exact().nodes,
            nodes: [offers("node-1", &["node-2"]), offers("node-2", &["node-1"])].into(),
        };
        assert_eq!(membership(&agreed, &exact(), &expected()), []);

        let mut old = agreed.clone();
        old.relay.insert("node-1".into(), "life-0".into());
        assert_eq!(membership(&old, &exact(), &expected()).len(), 2);
        let mut dead = agreed.clone();
        dead.nodes.extend([offers("node-1", &["node-2", "node-3"])]);
        assert_eq!(membership(&dead, &exact(), &expected()).len(), 1);
        let mut alone = agreed;
        alone.nodes.extend([offers("node-1", &[])]);
        assert_eq!(membership(&alone, &exact(), &expected()).len(), 1);
    }
}
