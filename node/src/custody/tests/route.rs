use super::*;

#[test]
fn known_route_costs_no_look_up() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    assert_eq!((harness.look_ups(), harness.forwarded()), (0, vec![(node(1), seq)]));
}

#[test]
fn route_expires_five_seconds_after_question() {
    let mut harness = Harness::new();
    harness.send("bob");
    harness.wait(3000);
    harness.routed("bob", &[node(1)]);
    harness.look_ups();

    harness.wait(1999);
    harness.send("bob");
    assert_eq!(harness.look_ups(), 0);
    harness.wait(1);
    harness.send("bob");
    assert_eq!(harness.look_ups(), 1);
}

#[test]
fn sends_during_look_up_wait_in_order() {
    let mut harness = Harness::new();
    let seqs = [harness.send("bob"), harness.send("bob"), harness.send_from(CAROL, "bob")];
    assert_eq!(harness.look_ups(), 1, "look-ups for one user never run at the same time");
    harness.routed("bob", &[node(1)]);
    assert_eq!(harness.forwarded(), seqs.map(|seq| (node(1), seq)));
}

#[test]
fn miss_is_offline_and_not_cached() {
    let mut harness = Harness::new();
    let seq = harness.send("bob");
    harness.routed("bob", &[]);
    assert_eq!(harness.reported(), [(seq, Outcome::Offline)]);
    harness.look_ups();

    harness.send("bob");
    assert_eq!((harness.look_ups(), harness.reported()), (1, vec![]));
}

#[test]
fn miss_spares_sends_accepted_after_question() {
    let mut harness = Harness::new();
    let first = harness.send("bob");
    let second = harness.send("bob");
    harness.routed("bob", &[]);
    assert_eq!(harness.reported(), [(first, Outcome::Offline)]);
    assert_eq!(harness.look_ups(), 2, "the directory is asked again for the second");
    harness.routed("bob", &[node(1)]);
    assert_eq!(harness.forwarded(), [(node(1), second)]);
}

#[test]
fn local_login_during_miss_receives() {
    let mut harness = Harness::new();
    let seq = harness.send("bob");
    harness.env.local = LocalDelivery::Waiting;
    harness.routed("bob", &[]);
    assert_eq!((harness.delivered_here(), harness.reported()), (vec![seq], vec![]));
    harness.answered_here(seq, ReceiptStatus::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
}

#[test]
fn miss_during_rebuild_is_asked_again() {
    let mut harness = Harness::new();
    harness.env.rebuilding = true;
    let seq = harness.send("bob");
    harness.routed("bob", &[]);
    assert_eq!((harness.reported(), harness.look_ups()), (vec![], 1));

    harness.wait(100);
    assert_eq!(harness.look_ups(), 1);
    harness.routed("bob", &[node(1)]);
    assert_eq!(harness.forwarded(), [(node(1), seq)]);
}

#[test]
fn failed_look_up_is_repeated_until_deadline() {
    let mut harness = Harness::new();
    let seq = harness.send("bob");
    for _ in 0..50 {
        assert_eq!((harness.look_ups(), harness.reported()), (1, vec![]));
        harness.look_up_fails("bob");
        harness.wait(100);
    }
    assert_eq!(harness.reported(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn stale_route_receipt_costs_one_look_up() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    let old = Receipt { route_stale: true, ..receipt(seq, ReceiptStatus::Taken) };
    harness.answered(Target::Node(node(1)), old);
    assert_eq!(harness.look_ups(), 0);
    harness.send("bob");
    assert_eq!(harness.look_ups(), 1);
}

#[test]
fn route_to_gone_node_is_forgotten() {
    let mut harness = Harness::with_route(&[node(1), node(2)]);
    harness.custody.gone(harness.now, node(2));
    harness.send("bob");
    assert_eq!(harness.look_ups(), 1);
}

#[test]
fn idle_recipient_is_forgotten() {
    let mut harness = Harness::with_route(&[node(1)]);
    harness.wait(5000);
    assert_eq!(harness.custody.next_tick(), None);
}
