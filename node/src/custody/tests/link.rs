use super::*;

#[test]
fn send_without_link_waits_for_link_up() {
    let mut harness = Harness::with_route(&[node(1)]);
    harness.link_lost([0; MESSAGE_LANES]);
    let seqs = [harness.send("bob"), harness.send("bob")];
    harness.wait(1000);
    assert_eq!((harness.reported(), harness.look_ups()), (vec![], 0), "the route is not to blame");

    harness.link_up();
    assert_eq!(harness.forwarded(), seqs.map(|seq| (node(1), seq)));
}

#[test]
fn send_without_link_is_unreachable_at_deadline() {
    let mut harness = Harness::with_route(&[node(1)]);
    harness.link_lost([0; MESSAGE_LANES]);
    let seq = harness.send("bob");
    harness.wait(5000);
    assert_eq!(harness.reported(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn batch_that_quic_had_not_taken_is_sent_again() {
    let mut harness = Harness::with_route(&[node(1)]);
    let (taken, not_taken) = (harness.send("bob"), harness.send("bob"));
    harness.link_lost_after(node(1), taken);
    harness.forwarded();

    harness.link_up();
    assert_eq!(harness.forwarded(), [(node(1), not_taken)]);
    harness.wait(5000);
    assert_eq!(harness.reported()[0], (taken, Outcome::Unconfirmed));
}

#[test]
fn receipt_by_next_link_counts() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.link_lost_after(node(1), seq);
    harness.link_up();
    harness.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
}

#[test]
fn refusal_by_next_link_spares_batch_of_lost_link() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.link_lost_after(node(1), seq);
    harness.link_up();
    harness.refused(node(1), seq, BranchResult::NotReached);
    harness.wait(5000);
    assert_eq!(harness.reported(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn loss_of_one_link_spares_batches_of_another() {
    let mut harness = Harness::with_route(&[node(1)]);
    let by_first = harness.send("bob");
    let first = harness.env.link;
    harness.link_up();
    let by_second = harness.send("bob");
    harness.forwarded();

    let (now, none_taken) = (harness.now, [0; MESSAGE_LANES]);
    harness.custody.link_lost(now, &mut harness.env, first, none_taken);
    harness.ends(node(1), by_second, BranchResult::Taken);
    harness.wait(100);
    let outcomes = [(by_second, Outcome::Delivered), (by_first, Outcome::Unreachable)];
    assert_eq!(harness.reported(), outcomes, "the first was overtaken by way of the second link");
}

#[test]
fn batch_numbers_wrap_around() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.link_lost([u32::MAX; MESSAGE_LANES]);
    harness.forwarded();
    harness.link_up();
    assert_eq!(harness.forwarded(), [(node(1), seq)], "its batch came after the one before 0");
}

#[test]
fn last_receipts_of_gone_node_are_awaited() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seqs = [harness.send("bob"), harness.send("bob")];
    harness.custody.gone(harness.now, node(1));
    harness.wait(249);
    assert_eq!(harness.reported(), []);
    harness.ends(node(1), seqs[0], BranchResult::Taken);
    harness.wait(1);
    let outcomes = [(seqs[0], Outcome::Delivered), (seqs[1], Outcome::Unconfirmed)];
    assert_eq!(harness.reported(), outcomes);
}

#[test]
fn send_refused_for_gone_node_is_sent_elsewhere() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.custody.gone(harness.now, node(1));
    harness.refused(node(1), seq, BranchResult::NotReached);
    harness.routed("bob", &[node(2)]);
    harness.wait(250);
    assert_eq!(harness.reported(), []);
    harness.ends(node(2), seq, BranchResult::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
}

#[test]
fn taken_receipt_of_abandoned_branch_is_proof() {
    let mut harness = Harness::with_route(&[node(1), node(2)]);
    let seq = harness.send("bob");
    harness.custody.gone(harness.now, node(1));
    harness.wait(250);
    harness.ends(node(1), seq, BranchResult::NotHere);
    assert_eq!(harness.reported(), []);
    harness.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
}

#[test]
fn taken_receipt_from_new_incarnation_is_proof() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.ends(node(9), seq, BranchResult::NotHere);
    assert_eq!(harness.reported(), []);
    harness.ends(node(9), seq, BranchResult::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
}
