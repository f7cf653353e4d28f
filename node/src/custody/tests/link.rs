use super::*;

#[test]
fn without_a_link_a_send_waits_for_one() {
    let mut stage = Stage::with_route(&[node(1)]);
    stage.link_lost([0; MESSAGE_LANES]);
    let seqs = [stage.send("bob"), stage.send("bob")];
    stage.wait(1000);
    assert_eq!((stage.told(), stage.look_ups()), (vec![], 0), "the route is not to blame");

    stage.link_up();
    assert_eq!(stage.forwarded(), seqs.map(|seq| (node(1), seq)));
}

#[test]
fn without_a_link_a_send_is_unreachable_at_last() {
    let mut stage = Stage::with_route(&[node(1)]);
    stage.link_lost([0; MESSAGE_LANES]);
    let seq = stage.send("bob");
    stage.wait(5000);
    assert_eq!(stage.told(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn what_quic_had_not_taken_is_sent_again() {
    let mut stage = Stage::with_route(&[node(1)]);
    let (taken, not_taken) = (stage.send("bob"), stage.send("bob"));
    stage.link_lost_after(node(1), taken);
    stage.forwarded();

    stage.link_up();
    assert_eq!(stage.forwarded(), [(node(1), not_taken)]);
    stage.wait(5000);
    assert_eq!(stage.told()[0], (taken, Outcome::Unconfirmed));
}

#[test]
fn receipts_come_by_the_next_link_too() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.link_lost_after(node(1), seq);
    stage.link_up();
    stage.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
}

#[test]
fn a_refusal_by_the_next_link_is_not_for_a_batch_of_the_last() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.link_lost_after(node(1), seq);
    stage.refused(node(1), seq, BranchResult::NotReached);
    stage.wait(5000);
    assert_eq!(stage.told(), [(seq, Outcome::Unconfirmed)]);
}

#[test]
fn batch_numbers_wrap_around() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.link_lost([u32::MAX; MESSAGE_LANES]);
    stage.forwarded();
    stage.link_up();
    assert_eq!(stage.forwarded(), [(node(1), seq)], "its batch came after the one before 0");
}

#[test]
fn the_last_receipts_of_a_node_that_is_gone_are_waited_for() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seqs = [stage.send("bob"), stage.send("bob")];
    stage.custody.gone(stage.now, node(1));
    stage.wait(249);
    assert_eq!(stage.told(), []);
    stage.ends(node(1), seqs[0], BranchResult::Taken);
    stage.wait(1);
    let outcomes = [(seqs[0], Outcome::Delivered), (seqs[1], Outcome::Unconfirmed)];
    assert_eq!(stage.told(), outcomes);
}

#[test]
fn what_a_node_refuses_when_it_is_gone_is_sent_elsewhere() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.custody.gone(stage.now, node(1));
    stage.refused(node(1), seq, BranchResult::NotReached);
    stage.routed("bob", &[node(2)]);
    stage.wait(250);
    assert_eq!(stage.told(), []);
    stage.ends(node(2), seq, BranchResult::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
}

#[test]
fn a_receipt_is_proof_even_when_its_node_was_given_up() {
    let mut stage = Stage::with_route(&[node(1), node(2)]);
    let seq = stage.send("bob");
    stage.custody.gone(stage.now, node(1));
    stage.wait(250);
    stage.ends(node(1), seq, BranchResult::NotHere);
    assert_eq!(stage.told(), []);
    stage.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
}

#[test]
fn a_receipt_is_proof_even_when_its_node_has_a_new_name() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.ends(node(9), seq, BranchResult::NotHere);
    assert_eq!(stage.told(), []);
    stage.ends(node(9), seq, BranchResult::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
}
