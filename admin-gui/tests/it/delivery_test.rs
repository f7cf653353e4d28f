//! Delivery tests: the trace of a test message, and the reason of its outcome.

use trunkline_admin_gui::queries::QueryReply;
use trunkline_protocol::{
    Name, Outcome, User,
    lane::ReceiptStatus,
    status::{AdminCommand, Hop, StatusLine, Trace, TraceEvent},
};

use crate::{
    generated::{Cluster, hello},
    window::WindowHarness,
};

fn bob() -> User {
    "bob".parse().unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn trace(outcome: Outcome, hops: &[(&str, u64, TraceEvent)]) -> Box<Trace> {
    let hop = |(at, after_us, what): &(&str, u64, TraceEvent)| Hop {
        at: name(at),
        after_us: *after_us,
        what: what.clone(),
    };
    Box::new(Trace {
        message: "01J-42".into(),
        from: name("node-1"),
        outcome,
        missed: 0,
        took_us: hops.last().map_or(0, |hop| hop.1),
        hops: hops.iter().map(hop).collect(),
    })
}

impl WindowHarness {
    fn onto_bob() -> Self {
        let mut window = Self::onto(&mut Cluster::of(3));
        window.click("Users");
        window.fill("Find a user", "bob");
        window.click("Find exactly");
        window.query_server.replies.try_send(QueryReply::User(bob(), Ok(Vec::new()))).unwrap();
        window.draw();
        window
    }

    /// Sends a test message, and receives the answer of the relay.
    fn test(&mut self, trace: Result<Box<Trace>, &str>) {
        self.click("Delivery test …");
        self.click("Send");
        let command = self.feed.commands.try_recv().unwrap();
        assert_eq!(command.action, AdminCommand::Test { user: bob(), node: None });
        self.assert_words("waiting for the outcome");
        let error = trace.as_ref().err().map(|error| (*error).to_owned());
        self.send_line(StatusLine::Answer { id: command.id, error, trace: trace.ok() });
    }
}

#[test]
fn each_hop_is_shown_with_its_time() {
    let mut window = WindowHarness::onto_bob();
    let hops = [
        ("node-1", 0, TraceEvent::Accepted),
        ("node-1", 4, TraceEvent::Asked),
        ("node-1", 391, TraceEvent::Found { nodes: vec![name("node-2")] }),
        ("node-1", 398, TraceEvent::Batched { to: name("node-2"), lane: 2 }),
        ("relay-1", 602, TraceEvent::Passed { to: name("node-2"), behind_bytes: 2048 }),
        ("node-2", 760, TraceEvent::Arrived { sessions: 1 }),
        ("node-2", 2_794, TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 }),
        ("relay-1", 3_000, TraceEvent::ReceiptPassed { from: name("node-2") }),
        ("node-1", 3_204, TraceEvent::CameBack { from: name("node-2") }),
    ];
    window.test(Ok(trace(Outcome::Delivered, &hops)));
    for label in [
        "Delivery test to bob",
        "delivered",
        "after 3.2 ms",
        "the socket of bob on node-2 took every byte",
        "message 01J-42, accepted by node-1",
        "asked the directory for the user's nodes",
        "the directory lists node-2",
        "sent it to node-2 on lane 3",
        "forwarded it to node-2, behind 2.0 KiB",
        "arrived for 1 session of the user",
        "a socket of the user took every byte",
        "the receipt of node-2 arrived",
        "387 µs",
        "≈ 158 µs",
        "2.0 ms",
    ] {
        window.assert_has(label);
    }
    window.click("Close");
    window.assert_has("Users by node");
}

#[test]
fn outcome_is_explained_in_a_sentence() {
    let to = || name("node-2");
    let batched = ("node-1", 9, TraceEvent::Batched { to: to(), lane: 0 });
    let passed = ("relay-1", 20, TraceEvent::Passed { to: to(), behind_bytes: 0 });
    let answered = |verdict| ("node-2", 40, TraceEvent::Answered { status: verdict, missed: 0 });
    let arrived = ("node-2", 30, TraceEvent::Arrived { sessions: 1 });
    let found = ("node-1", 5, TraceEvent::Found { nodes: Vec::new() });
    let refused = ("relay-1", 20, TraceEvent::Rejected { to: to(), full: false });
    let cases = [
        (Outcome::Offline, vec![found], "the directory has no session of bob"),
        (
            Outcome::Offline,
            vec![batched.clone(), passed.clone(), answered(ReceiptStatus::NotHere)],
            "node-2 has no session of bob any more",
        ),
        (Outcome::Busy, vec![batched.clone(), answered(ReceiptStatus::Full)], "a slow reader"),
        (Outcome::Unreachable, vec![("node-1", 2, TraceEvent::NotAnswered)], "is Redis away?"),
        (Outcome::Unreachable, vec![batched.clone(), refused], "the relay has no link to node-2"),
        (
            Outcome::Unconfirmed,
            vec![batched.clone(), passed.clone()],
            "the relay forwarded it to node-2, which is silent",
        ),
        (
            Outcome::Unconfirmed,
            vec![batched, passed, arrived],
            "it waits on node-2 for the socket of bob, which takes nothing",
        ),
    ];
    let mut window = WindowHarness::onto_bob();
    for (outcome, hops, words) in cases {
        window.test(Ok(trace(outcome, &hops)));
        window.assert_has(outcome.as_str());
        window.assert_words(words);
    }
    window.test(Err("no node has a link to this relay"));
    window.assert_has("no node has a link to this relay");
}

#[test]
fn viewer_has_no_delivery_test() {
    let mut window = WindowHarness::onto_bob();
    window.assert_has("Delivery test …");
    window.send_line(hello(false));
    assert!(!window.has("Delivery test …"));
}
