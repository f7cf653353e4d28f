use super::*;
use crate::defaults::ROUTE_LIFE;

/// Two sends are under way to the same node.
fn two_under_way(senders: [u64; 2]) -> (Stage, [u64; 2]) {
    let mut stage = Stage::with_route(&[node(1)]);
    let seqs = senders.map(|sender| stage.send_from(sender, "bob"));
    stage.forwarded();
    (stage, seqs)
}

#[test]
fn a_send_waits_behind_one_that_is_tried_again() {
    let mut stage = Stage::with_route(&[node(1)]);
    let first = stage.send("bob");
    stage.ends(node(1), first, BranchResult::NotHere);
    let second = stage.send("bob");
    stage.forwarded();
    stage.routed("bob", &[node(2)]);
    assert_eq!(stage.forwarded(), [(node(2), first), (node(2), second)]);
}

#[test]
fn what_fails_together_is_sent_again_in_order() {
    let (mut stage, [first, second]) = two_under_way([ALICE, ALICE]);
    stage.ends(node(1), second, BranchResult::NotHere);
    stage.ends(node(1), first, BranchResult::NotHere);
    stage.routed("bob", &[node(2)]);
    assert_eq!(stage.forwarded(), [(node(2), first), (node(2), second)]);
}

#[test]
fn a_failed_send_waits_until_the_later_ones_have_landed() {
    let (mut stage, [first, second]) = two_under_way([ALICE, CAROL]);
    stage.ends(node(1), first, BranchResult::NotHere);
    assert_eq!(stage.look_ups(), 0);
    stage.ends(node(1), second, BranchResult::Taken);
    assert_eq!(stage.look_ups(), 1);
    stage.routed("bob", &[node(2)]);
    assert_eq!(stage.forwarded(), [(node(2), first)], "another sender's does not overtake it");
}

#[test]
fn a_send_that_was_overtaken_is_not_tried_again() {
    for fate in [BranchResult::Taken, BranchResult::Maybe] {
        let (mut stage, [first, second]) = two_under_way([ALICE, ALICE]);
        stage.ends(node(1), first, BranchResult::NotReached);
        stage.ends(node(1), second, fate);
        stage.routed("bob", &[node(1)]);
        assert_eq!(stage.forwarded(), []);
        assert!(stage.told().contains(&(first, Outcome::Unreachable)));
    }
}

#[test]
fn it_may_have_been_overtaken_before_it_failed() {
    let (mut stage, [first, second]) = two_under_way([ALICE, ALICE]);
    stage.ends(node(1), second, BranchResult::Taken);
    stage.ends(node(1), first, BranchResult::NotHere);
    assert_eq!(stage.told(), [(second, Outcome::Delivered), (first, Outcome::Unreachable)]);
    assert_eq!(stage.look_ups(), 0);
}

#[test]
fn a_session_here_can_be_what_overtakes() {
    let mut stage = Stage::with_route(&[node(1)]);
    let first = stage.send("bob");
    stage.world.here = LocalDelivery::Waiting;
    let second = stage.send("bob");
    assert_eq!(stage.delivered_here(), [second]);

    stage.ends(node(1), first, BranchResult::NotHere);
    stage.ends(node(1), second, BranchResult::NotHere);
    stage.ends_here(second, ReceiptStatus::Taken);
    stage.routed("bob", &[home()]);
    assert_eq!(stage.delivered_here().len(), 0);
    assert_eq!(stage.told(), [(second, Outcome::Delivered), (first, Outcome::Unreachable)]);
}

#[test]
fn so_it_can_while_the_route_is_looked_up() {
    let mut stage = Stage::with_route(&[node(1)]);
    let first = stage.send("bob");
    stage.now += ROUTE_LIFE;
    stage.world.here = LocalDelivery::Waiting;
    let second = stage.send("bob");
    assert_eq!(stage.delivered_here(), [second]);
    stage.ends(node(1), first, BranchResult::NotHere);
    assert_eq!(stage.told(), [(first, Outcome::Unreachable)]);
}

#[test]
fn a_miss_ends_nothing_that_waits_for_a_later_one_to_land() {
    let mut stage = Stage::with_route(&[node(1)]);
    let first = stage.send("bob");
    stage.world.here = LocalDelivery::Waiting;
    let second = stage.send("bob");
    stage.now += ROUTE_LIFE;
    let third = stage.send_from(CAROL, "bob");
    assert_eq!(stage.delivered_here(), [second, third]);

    stage.ends(node(1), first, BranchResult::NotHere);
    stage.routed("bob", &[]);
    assert_eq!(stage.delivered_here().len(), 0, "the second still stands before it");
    stage.ends(node(1), second, BranchResult::NotHere);
    stage.ends_here(second, ReceiptStatus::Taken);
    stage.routed("bob", &[]);
    assert_eq!(stage.told(), [(second, Outcome::Delivered), (first, Outcome::Unreachable)]);
}

#[test]
fn so_it_can_when_a_miss_tears_the_queue_apart() {
    let mut stage = Stage::new();
    stage.world.here = LocalDelivery::Waiting;
    let (first, second) = (stage.send("bob"), stage.send("bob"));
    stage.routed("bob", &[]);
    stage.ends_here(first, ReceiptStatus::NotHere);
    stage.delivered_here();
    stage.routed("bob", &[home()]);
    assert_eq!(stage.delivered_here().len(), 0, "a new session may have the second");
    stage.ends_here(second, ReceiptStatus::Taken);
    assert_eq!(stage.told(), [(first, Outcome::Unreachable), (second, Outcome::Delivered)]);
}

#[test]
fn what_was_never_handed_over_does_not_wait_for_what_was() {
    let (mut stage, [first, second]) = two_under_way([ALICE, ALICE]);
    stage.link_lost_after(node(1), first);
    stage.link_up();
    assert_eq!(stage.forwarded(), [(node(1), second)]);
    assert_eq!(stage.told(), []);
}

#[test]
fn a_session_here_waits_behind_a_send_that_is_tried_again() {
    let mut stage = Stage::with_route(&[node(1)]);
    let first = stage.send("bob");
    stage.ends(node(1), first, BranchResult::NotHere);
    stage.world.here = LocalDelivery::Waiting;
    let second = stage.send("bob");
    assert_eq!(stage.delivered_here().len(), 0);
    stage.routed("bob", &[home()]);
    assert_eq!(stage.delivered_here(), [first, second]);
}

#[test]
fn the_deadline_of_the_last_one_under_way_frees_those_that_wait() {
    let mut stage = Stage::with_route(&[node(1), node(2)]);
    let first = stage.send("bob");
    stage.wait(1000);
    let second = stage.send_from(CAROL, "bob");
    stage.ends(node(1), first, BranchResult::NotHere);
    stage.ends(node(2), first, BranchResult::NotHere);
    stage.wait(4000);
    assert_eq!(stage.told(), [(first, Outcome::Unreachable)]);
    let third = stage.send("bob");
    stage.routed("bob", &[node(3)]);
    stage.ends(node(3), third, BranchResult::Taken);
    stage.wait(1000);
    let outcomes = [(third, Outcome::Delivered), (second, Outcome::Unconfirmed)];
    assert_eq!(stage.told(), outcomes);
}
