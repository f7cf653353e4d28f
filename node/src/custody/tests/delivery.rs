use super::*;

#[test]
fn a_send_to_another_node_is_delivered() {
    let mut stage = Stage::new();
    let seq = stage.send("bob");
    assert_eq!((stage.look_ups(), stage.forwarded()), (1, vec![]));

    stage.routed("bob", &[node(1)]);
    assert_eq!(stage.forwarded(), [(node(1), seq)]);
    assert_eq!(stage.told(), []);

    stage.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
    assert_eq!((stage.custody.pending(), stage.custody.pending_bytes()), (0, 0));
}

#[test]
fn a_session_here_gets_it_before_the_route_is_known() {
    let mut stage = Stage::new();
    stage.world.here = LocalDelivery::Waiting;
    let seq = stage.send("bob");
    assert_eq!(stage.delivered_here(), [seq]);

    stage.ends_here(seq, ReceiptStatus::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);

    stage.routed("bob", &[home(), node(1)]);
    assert_eq!(stage.delivered_here().len(), 0, "it is not delivered here twice");
    assert_eq!(stage.forwarded(), [(node(1), seq)], "but to the other sessions");
    stage.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(stage.told(), [], "it was told before");
    assert_eq!(stage.custody.pending(), 0);
}

#[test]
fn sessions_here_and_elsewhere_get_it() {
    let mut stage = Stage::new();
    stage.world.here = LocalDelivery::Waiting;
    let seq = stage.send("bob");
    stage.routed("bob", &[node(2), home(), node(1)]);
    assert_eq!(stage.delivered_here(), [seq]);
    assert_eq!(stage.forwarded(), [(node(2), seq), (node(1), seq)]);
}

#[test]
fn a_session_that_logs_in_here_is_not_kept_waiting_by_an_earlier_look_up() {
    let mut stage = Stage::new();
    let first = stage.send("bob");
    stage.world.here = LocalDelivery::Waiting;
    let second = stage.send("bob");
    assert_eq!(stage.delivered_here(), [first, second]);
}

#[test]
fn the_first_that_takes_it_is_told_with_what_is_missed_by_then() {
    let mut stage = Stage::with_route(&[node(1), node(2), node(3)]);
    let seq = stage.send("bob");
    stage.ends(node(1), seq, BranchResult::Full);
    assert_eq!(stage.told(), []);
    stage.answered(
        Target::Node(node(2)),
        Receipt { missed: 2, ..receipt(seq, ReceiptStatus::Taken) },
    );
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
    assert_eq!(stage.world.missed, 3);

    assert_eq!(stage.custody.pending(), 1);
    stage.ends(node(3), seq, BranchResult::Taken);
    assert_eq!((stage.told(), stage.custody.pending()), (vec![], 0));
}

#[test]
fn nothing_is_missed_where_nobody_got_it() {
    let mut stage = Stage::with_route(&[node(1), node(2)]);
    let seq = stage.send("bob");
    stage.ends(node(1), seq, BranchResult::Full);
    stage.ends(node(2), seq, BranchResult::Maybe);
    assert_eq!(stage.told(), [(seq, Outcome::Unconfirmed)]);
    assert_eq!(stage.world.missed, 0);
}

#[test]
fn a_receipt_for_what_has_ended_means_nothing() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.ends(node(1), seq, BranchResult::Taken);
    stage.told();
    stage.ends(node(1), seq, BranchResult::NotHere);
    stage.ends(node(1), seq + 1, BranchResult::Taken);
    assert_eq!(stage.told(), []);
}
