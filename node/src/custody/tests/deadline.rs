use super::*;

const RESULTS: [(BranchResult, Outcome); 5] = [
    (BranchResult::Taken, Outcome::Delivered),
    (BranchResult::Maybe, Outcome::Unconfirmed),
    (BranchResult::Full, Outcome::Busy),
    (BranchResult::NotReached, Outcome::Unreachable),
    (BranchResult::NotHere, Outcome::Offline),
];

/// The outcome of a send whose branches end like this, time after time.
fn outcome(results: [BranchResult; 2]) -> Outcome {
    let nodes = [node(1), node(2)];
    let mut harness = Harness::with_route(&nodes);
    let seq = harness.send("bob");
    while harness.env.reported.is_empty() {
        for (node, result) in nodes.into_iter().zip(results) {
            harness.ends(node, seq, result);
        }
        harness.routed("bob", &nodes);
        if harness.forwarded().last().is_none_or(|&(_, last)| last != seq) {
            harness.wait(100);
            harness.routed("bob", &nodes);
        }
    }
    harness.reported()[0].1
}

#[test]
fn greatest_branch_result_decides_outcome() {
    for (at, (result, right)) in RESULTS.into_iter().enumerate() {
        for (other, _) in RESULTS.into_iter().skip(at) {
            assert_eq!(outcome([result, other]), right, "{result:?} and {other:?}");
            assert_eq!(outcome([other, result]), right, "{other:?} and {result:?}");
        }
    }
}

#[test]
fn send_in_flight_at_deadline_is_unconfirmed() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.wait(4999);
    assert_eq!(harness.reported(), []);
    harness.wait(1);
    assert_eq!(harness.reported(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn send_buffered_here_at_deadline_is_unconfirmed() {
    let mut harness = Harness::new();
    harness.env.local = LocalDelivery::Waiting;
    let seq = harness.send("bob");
    harness.wait(5000);
    assert_eq!(harness.reported(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn send_awaiting_look_up_at_deadline_is_unreachable() {
    let mut harness = Harness::new();
    let seq = harness.send("bob");
    harness.wait(5000);
    assert_eq!(harness.reported(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn open_branch_at_deadline_outweighs_full_branch() {
    let mut harness = Harness::with_route(&[node(1), node(2)]);
    let seq = harness.send("bob");
    harness.ends(node(1), seq, BranchResult::Full);
    harness.wait(5000);
    assert_eq!(harness.reported(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn each_send_has_its_own_deadline() {
    let mut harness = Harness::with_route(&[node(1)]);
    let first = harness.send("bob");
    harness.wait(1000);
    let second = harness.send("bob");
    harness.wait(4000);
    assert_eq!(harness.reported(), [(first, Outcome::Unconfirmed)]);
    harness.wait(1000);
    assert_eq!(harness.reported(), [(second, Outcome::Unconfirmed)]);
}

#[test]
fn late_tick_ends_all_due_sends() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seqs = [harness.send("bob"), harness.send("bob")];
    harness.wait(60_000);
    assert_eq!(harness.reported(), seqs.map(|seq| (seq, Outcome::Unconfirmed)));
}

#[test]
fn next_tick_is_earliest_due_time() {
    let mut harness = Harness::new();
    assert_eq!(harness.custody.next_tick(), None);
    let begin = harness.now;
    harness.send("bob");
    assert_eq!(harness.custody.next_tick(), Some(begin + Duration::from_secs(5)));
    harness.look_up_fails("bob");
    assert_eq!(harness.custody.next_tick(), Some(begin + Duration::from_millis(100)));
}
