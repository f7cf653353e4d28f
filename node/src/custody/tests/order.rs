use super::*;
use crate::defaults::ROUTE_LIFE;

/// Two sends are in flight to the same node.
fn two_in_flight(senders: [u64; 2]) -> (Harness, [u64; 2]) {
    let mut harness = Harness::with_route(&[node(1)]);
    let seqs = senders.map(|sender| harness.send_from(sender, "bob"));
    harness.forwarded();
    (harness, seqs)
}

#[test]
fn send_waits_behind_retry() {
    let mut harness = Harness::with_route(&[node(1)]);
    let first = harness.send("bob");
    harness.ends(node(1), first, BranchResult::NotHere);
    let second = harness.send("bob");
    harness.forwarded();
    harness.routed("bob", &[node(2)]);
    assert_eq!(harness.forwarded(), [(node(2), first), (node(2), second)]);
}

#[test]
fn sends_that_fail_together_are_retried_in_order() {
    let (mut harness, [first, second]) = two_in_flight([ALICE, ALICE]);
    harness.ends(node(1), second, BranchResult::NotHere);
    harness.ends(node(1), first, BranchResult::NotHere);
    harness.routed("bob", &[node(2)]);
    assert_eq!(harness.forwarded(), [(node(2), first), (node(2), second)]);
}

#[test]
fn retry_waits_until_later_sends_have_landed() {
    let (mut harness, [first, second]) = two_in_flight([ALICE, CAROL]);
    harness.ends(node(1), first, BranchResult::NotHere);
    assert_eq!(harness.look_ups(), 0);
    harness.ends(node(1), second, BranchResult::Taken);
    assert_eq!(harness.look_ups(), 1);
    harness.routed("bob", &[node(2)]);
    assert_eq!(harness.forwarded(), [(node(2), first)], "another sender's does not overtake it");
}

#[test]
fn overtaken_send_is_not_retried() {
    for result in [BranchResult::Taken, BranchResult::Maybe] {
        let (mut harness, [first, second]) = two_in_flight([ALICE, ALICE]);
        harness.ends(node(1), first, BranchResult::NotReached);
        harness.ends(node(1), second, result);
        harness.routed("bob", &[node(1)]);
        assert_eq!(harness.forwarded(), []);
        assert!(harness.reported().contains(&(first, Outcome::Unreachable)));
    }
}

#[test]
fn send_overtaken_before_it_failed_is_not_retried() {
    let (mut harness, [first, second]) = two_in_flight([ALICE, ALICE]);
    harness.ends(node(1), second, BranchResult::Taken);
    harness.ends(node(1), first, BranchResult::NotHere);
    assert_eq!(harness.reported(), [(second, Outcome::Delivered), (first, Outcome::Unreachable)]);
    assert_eq!(harness.look_ups(), 0);
}

#[test]
fn delivery_here_overtakes_send_in_flight() {
    let mut harness = Harness::with_route(&[node(1)]);
    let first = harness.send("bob");
    harness.env.local = LocalDelivery::Waiting;
    let second = harness.send("bob");
    assert_eq!(harness.delivered_here(), [second]);

    harness.ends(node(1), first, BranchResult::NotHere);
    harness.ends(node(1), second, BranchResult::NotHere);
    harness.answered_here(second, ReceiptStatus::Taken);
    harness.routed("bob", &[home()]);
    assert_eq!(harness.delivered_here().len(), 0);
    assert_eq!(harness.reported(), [(second, Outcome::Delivered), (first, Outcome::Unreachable)]);
}

#[test]
fn delivery_here_during_look_up_overtakes_send_in_flight() {
    let mut harness = Harness::with_route(&[node(1)]);
    let first = harness.send("bob");
    harness.now += ROUTE_LIFE;
    harness.env.local = LocalDelivery::Waiting;
    let second = harness.send("bob");
    assert_eq!(harness.delivered_here(), [second]);
    harness.ends(node(1), first, BranchResult::NotHere);
    assert_eq!(harness.reported(), [(first, Outcome::Unreachable)]);
}

#[test]
fn miss_spares_retry_that_awaits_later_sends() {
    let mut harness = Harness::with_route(&[node(1)]);
    let first = harness.send("bob");
    harness.env.local = LocalDelivery::Waiting;
    let second = harness.send("bob");
    harness.now += ROUTE_LIFE;
    let third = harness.send_from(CAROL, "bob");
    assert_eq!(harness.delivered_here(), [second, third]);

    harness.ends(node(1), first, BranchResult::NotHere);
    harness.routed("bob", &[]);
    assert_eq!(harness.delivered_here().len(), 0, "the second is still in flight");
    harness.ends(node(1), second, BranchResult::NotHere);
    harness.answered_here(second, ReceiptStatus::Taken);
    harness.routed("bob", &[]);
    assert_eq!(harness.reported(), [(second, Outcome::Delivered), (first, Outcome::Unreachable)]);
}

#[test]
fn delivery_here_overtakes_send_that_miss_took_from_queue() {
    let mut harness = Harness::new();
    harness.env.local = LocalDelivery::Waiting;
    let (first, second) = (harness.send("bob"), harness.send("bob"));
    harness.routed("bob", &[]);
    harness.answered_here(first, ReceiptStatus::NotHere);
    harness.delivered_here();
    harness.routed("bob", &[home()]);
    assert_eq!(harness.delivered_here().len(), 0, "a new session may have the second");
    harness.answered_here(second, ReceiptStatus::Taken);
    assert_eq!(harness.reported(), [(first, Outcome::Unreachable), (second, Outcome::Delivered)]);
}

#[test]
fn retry_does_not_wait_for_earlier_sends() {
    let (mut harness, [first, second]) = two_in_flight([ALICE, ALICE]);
    harness.link_lost_after(node(1), first);
    harness.link_up();
    assert_eq!(harness.forwarded(), [(node(1), second)]);
    assert_eq!(harness.reported(), []);
}

#[test]
fn local_delivery_waits_behind_retry() {
    let mut harness = Harness::with_route(&[node(1)]);
    let first = harness.send("bob");
    harness.ends(node(1), first, BranchResult::NotHere);
    harness.env.local = LocalDelivery::Waiting;
    let second = harness.send("bob");
    assert_eq!(harness.delivered_here().len(), 0);
    harness.routed("bob", &[home()]);
    assert_eq!(harness.delivered_here(), [first, second]);
}

#[test]
fn deadline_of_last_send_in_flight_frees_queue() {
    let mut harness = Harness::with_route(&[node(1), node(2)]);
    let first = harness.send("bob");
    harness.wait(1000);
    let second = harness.send_from(CAROL, "bob");
    harness.ends(node(1), first, BranchResult::NotHere);
    harness.ends(node(2), first, BranchResult::NotHere);
    harness.wait(4000);
    assert_eq!(harness.reported(), [(first, Outcome::Unreachable)]);
    let third = harness.send("bob");
    harness.routed("bob", &[node(3)]);
    harness.ends(node(3), third, BranchResult::Taken);
    harness.wait(1000);
    let outcomes = [(third, Outcome::Delivered), (second, Outcome::Unconfirmed)];
    assert_eq!(harness.reported(), outcomes);
}
