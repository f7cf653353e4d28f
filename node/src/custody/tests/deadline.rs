use super::*;

const FATES: [(BranchResult, Outcome); 5] = [
    (BranchResult::Taken, Outcome::Delivered),
    (BranchResult::Maybe, Outcome::Unconfirmed),
    (BranchResult::Full, Outcome::Busy),
    (BranchResult::NotReached, Outcome::Unreachable),
    (BranchResult::NotHere, Outcome::Offline),
];

/// The outcome of a send whose branches end like this, time after time.
fn outcome(fates: [BranchResult; 2]) -> Outcome {
    let nodes = [node(1), node(2)];
    let mut stage = Stage::with_route(&nodes);
    let seq = stage.send("bob");
    while stage.world.told.is_empty() {
        for (node, fate) in nodes.into_iter().zip(fates) {
            stage.ends(node, seq, fate);
        }
        stage.routed("bob", &nodes);
        if stage.forwarded().last().is_none_or(|&(_, last)| last != seq) {
            stage.wait(100);
            stage.routed("bob", &nodes);
        }
    }
    stage.told()[0].1
}

#[test]
fn of_two_fates_the_one_that_says_more_decides() {
    for (at, (fate, right)) in FATES.into_iter().enumerate() {
        for (other, _) in FATES.into_iter().skip(at) {
            assert_eq!(outcome([fate, other]), right, "{fate:?} and {other:?}");
            assert_eq!(outcome([other, fate]), right, "{other:?} and {fate:?}");
        }
    }
}

#[test]
fn what_is_under_way_at_its_deadline_is_unconfirmed() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.wait(4999);
    assert_eq!(stage.told(), []);
    stage.wait(1);
    assert_eq!(stage.told(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn what_waits_in_a_session_here_is_unconfirmed() {
    let mut stage = Stage::new();
    stage.world.here = LocalDelivery::Waiting;
    let seq = stage.send("bob");
    stage.wait(5000);
    assert_eq!(stage.told(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn what_waits_for_the_directory_is_unreachable() {
    let mut stage = Stage::new();
    let seq = stage.send("bob");
    stage.wait(5000);
    assert_eq!(stage.told(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn a_branch_that_is_open_says_more_than_one_that_was_full() {
    let mut stage = Stage::with_route(&[node(1), node(2)]);
    let seq = stage.send("bob");
    stage.ends(node(1), seq, BranchResult::Full);
    stage.wait(5000);
    assert_eq!(stage.told(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn every_send_has_its_own_deadline() {
    let mut stage = Stage::with_route(&[node(1)]);
    let first = stage.send("bob");
    stage.wait(1000);
    let second = stage.send("bob");
    stage.wait(4000);
    assert_eq!(stage.told(), [(first, Outcome::Unconfirmed)]);
    stage.wait(1000);
    assert_eq!(stage.told(), [(second, Outcome::Unconfirmed)]);
}

#[test]
fn a_tick_that_comes_late_ends_everything_that_is_due() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seqs = [stage.send("bob"), stage.send("bob")];
    stage.wait(60_000);
    assert_eq!(stage.told(), seqs.map(|seq| (seq, Outcome::Unconfirmed)));
}

#[test]
fn the_next_tick_is_when_something_is_due() {
    let mut stage = Stage::new();
    assert_eq!(stage.custody.next_tick(), None);
    let begin = stage.now;
    stage.send("bob");
    assert_eq!(stage.custody.next_tick(), Some(begin + Duration::from_secs(5)));
    stage.look_up_fails("bob");
    assert_eq!(stage.custody.next_tick(), Some(begin + Duration::from_millis(100)));
}
