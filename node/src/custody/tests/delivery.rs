use super::*;

#[test]
fn send_to_other_node_is_delivered() {
    let mut harness = Harness::new();
    let seq = harness.send("bob");
    assert_eq!((harness.look_ups(), harness.forwarded()), (1, vec![]));

    harness.routed("bob", &[node(1)]);
    assert_eq!(harness.forwarded(), [(node(1), seq)]);
    assert_eq!(harness.reported(), []);

    harness.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
    assert_eq!((harness.custody.pending(), harness.custody.pending_bytes()), (0, 0));
}

#[test]
fn local_session_receives_before_route_is_known() {
    let mut harness = Harness::new();
    harness.env.local = LocalDelivery::Waiting;
    let seq = harness.send("bob");
    assert_eq!(harness.delivered_here(), [seq]);

    harness.answered_here(seq, ReceiptStatus::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);

    harness.routed("bob", &[home(), node(1)]);
    assert_eq!(harness.delivered_here().len(), 0, "it is not delivered here twice");
    assert_eq!(harness.forwarded(), [(node(1), seq)], "but to the other sessions");
    harness.ends(node(1), seq, BranchResult::Taken);
    assert_eq!(harness.reported(), [], "it was reported before");
    assert_eq!(harness.custody.pending(), 0);
}

#[test]
fn local_and_remote_sessions_all_receive() {
    let mut harness = Harness::new();
    harness.env.local = LocalDelivery::Waiting;
    let seq = harness.send("bob");
    harness.routed("bob", &[node(2), home(), node(1)]);
    assert_eq!(harness.delivered_here(), [seq]);
    assert_eq!(harness.forwarded(), [(node(2), seq), (node(1), seq)]);
}

#[test]
fn local_login_during_look_up_receives_queue_in_order() {
    let mut harness = Harness::new();
    let first = harness.send("bob");
    harness.env.local = LocalDelivery::Waiting;
    let second = harness.send("bob");
    assert_eq!(harness.delivered_here(), [first, second]);
}

#[test]
fn first_taken_branch_reports_delivered_with_missed_count() {
    let mut harness = Harness::with_route(&[node(1), node(2), node(3)]);
    let seq = harness.send("bob");
    harness.ends(node(1), seq, BranchResult::Full);
    assert_eq!(harness.reported(), []);
    harness.answered(
        Target::Node(node(2)),
        Receipt { missed: 2, ..receipt(seq, ReceiptStatus::Taken) },
    );
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
    assert_eq!(harness.env.missed, 3);

    assert_eq!(harness.custody.pending(), 1);
    harness.ends(node(3), seq, BranchResult::Taken);
    assert_eq!((harness.reported(), harness.custody.pending()), (vec![], 0));
}

#[test]
fn missed_count_is_zero_unless_delivered() {
    let mut harness = Harness::with_route(&[node(1), node(2)]);
    let seq = harness.send("bob");
    harness.ends(node(1), seq, BranchResult::Full);
    harness.ends(node(2), seq, BranchResult::Maybe);
    assert_eq!(harness.reported(), [(seq, Outcome::Unconfirmed)]);
    assert_eq!(harness.env.missed, 0);
}

#[test]
fn receipt_for_ended_send_is_ignored() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.ends(node(1), seq, BranchResult::Taken);
    harness.reported();
    harness.ends(node(1), seq, BranchResult::NotHere);
    harness.ends(node(1), seq + 1, BranchResult::Taken);
    assert_eq!(harness.reported(), []);
}
