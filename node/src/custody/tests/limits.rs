use super::*;

#[test]
fn sends_over_limit_are_busy() {
    let mut harness = Harness::with(Limits { pending_max: 2, ..Limits::default() });
    harness.send("bob");
    harness.send("bob");
    let third = harness.send("bob");
    assert_eq!(harness.reported(), [(third, Outcome::Busy)]);

    harness.routed("bob", &[node(1)]);
    harness.ends(node(1), 1, BranchResult::Taken);
    harness.reported();
    assert_eq!(harness.env.recycled, 2, "the one that was refused, and the one that was delivered");
    harness.send("bob");
    assert_eq!(harness.reported(), [], "there is room again");
}

#[test]
fn bytes_over_limit_are_busy() {
    let mut harness = Harness::with(Limits { pending_bytes_max: 29, ..Limits::default() });
    harness.send("bob");
    harness.send("bob");
    assert_eq!(harness.custody.pending_bytes(), 20);
    let third = harness.send("bob");
    assert_eq!(harness.reported(), [(third, Outcome::Busy)]);
}

#[test]
fn new_recipients_over_limit_are_busy() {
    let mut harness = Harness::with(Limits { recipients_max: 1, ..Limits::default() });
    harness.send("bob");
    let to_dave = harness.send("dave");
    assert_eq!(harness.reported(), [(to_dave, Outcome::Busy)]);
    harness.send("bob");
    assert_eq!(harness.reported(), [], "bob is known");
}

#[test]
fn full_lane_is_busy() {
    let mut harness = Harness::with_route(&[node(1)]);
    harness.env.lane = Some(Forwarded::Full);
    let seq = harness.send("bob");
    assert_eq!(harness.reported(), [(seq, Outcome::Busy)]);
}

#[test]
fn full_local_sessions_are_busy_unless_another_node_takes_it() {
    let mut harness = Harness::new();
    harness.env.local = LocalDelivery::Full;
    let seqs = [harness.send("bob"), harness.send("bob")];
    harness.routed("bob", &[home(), node(1)]);
    harness.ends(node(1), seqs[0], BranchResult::Taken);
    assert_eq!((harness.reported(), harness.env.missed), (vec![(seqs[0], Outcome::Delivered)], 1));
    harness.ends(node(1), seqs[1], BranchResult::NotHere);
    assert_eq!(harness.reported(), [(seqs[1], Outcome::Busy)]);
}

#[test]
fn custody_is_empty_after_all_deadlines() {
    let mut harness = Harness::new();
    for user in ["bob", "dave", "erin"] {
        harness.send(user);
        harness.send(user);
    }
    harness.routed("bob", &[node(1)]);
    harness.routed("dave", &[]);
    harness.custody.gone(harness.now, node(1));
    harness.link_lost([0; MESSAGE_LANES]);
    harness.look_up_fails("erin");
    for _ in 0..120 {
        harness.wait(100);
        harness.look_up_fails("bob");
        harness.look_up_fails("dave");
        harness.look_up_fails("erin");
    }
    assert_eq!(harness.reported().len(), 6);
    assert_eq!((harness.custody.pending(), harness.custody.pending_bytes()), (0, 0));
    assert_eq!(harness.custody.next_tick(), None);
}
