use super::*;

#[test]
fn sends_over_the_limit_are_busy() {
    let mut stage = Stage::with(Limits { pending_max: 2, ..Limits::default() });
    stage.send("bob");
    stage.send("bob");
    let third = stage.send("bob");
    assert_eq!(stage.told(), [(third, Outcome::Busy)]);

    stage.routed("bob", &[node(1)]);
    stage.ends(node(1), 1, BranchResult::Taken);
    stage.told();
    assert_eq!(stage.world.recycle, 2, "the one that was refused, and the one that was delivered");
    stage.send("bob");
    assert_eq!(stage.told(), [], "there is room again");
}

#[test]
fn bytes_over_the_limit_are_busy() {
    let mut stage = Stage::with(Limits { pending_bytes_max: 29, ..Limits::default() });
    stage.send("bob");
    stage.send("bob");
    assert_eq!(stage.custody.pending_bytes(), 20);
    let third = stage.send("bob");
    assert_eq!(stage.told(), [(third, Outcome::Busy)]);
}

#[test]
fn unknown_users_over_the_limit_are_busy() {
    let mut stage = Stage::with(Limits { recipients_max: 1, ..Limits::default() });
    stage.send("bob");
    let to_dave = stage.send("dave");
    assert_eq!(stage.told(), [(to_dave, Outcome::Busy)]);
    stage.send("bob");
    assert_eq!(stage.told(), [], "bob is known");
}

#[test]
fn a_full_lane_is_busy() {
    let mut stage = Stage::with_route(&[node(1)]);
    stage.world.lane = Some(Forwarded::Full);
    let seq = stage.send("bob");
    assert_eq!(stage.told(), [(seq, Outcome::Busy)]);
}

#[test]
fn sessions_here_that_are_full_are_busy_unless_others_are_not() {
    let mut stage = Stage::new();
    stage.world.here = LocalDelivery::Full;
    let seqs = [stage.send("bob"), stage.send("bob")];
    stage.routed("bob", &[home(), node(1)]);
    stage.ends(node(1), seqs[0], BranchResult::Taken);
    assert_eq!((stage.told(), stage.world.missed), (vec![(seqs[0], Outcome::Delivered)], 1));
    stage.ends(node(1), seqs[1], BranchResult::NotHere);
    assert_eq!(stage.told(), [(seqs[1], Outcome::Busy)]);
}

#[test]
fn nothing_is_left_in_the_end() {
    let mut stage = Stage::new();
    for user in ["bob", "dave", "erin"] {
        stage.send(user);
        stage.send(user);
    }
    stage.routed("bob", &[node(1)]);
    stage.routed("dave", &[]);
    stage.custody.gone(stage.now, node(1));
    stage.link_lost([0; MESSAGE_LANES]);
    stage.look_up_fails("erin");
    for _ in 0..120 {
        stage.wait(100);
        stage.look_up_fails("bob");
        stage.look_up_fails("dave");
        stage.look_up_fails("erin");
    }
    assert_eq!(stage.told().len(), 6);
    assert_eq!((stage.custody.pending(), stage.custody.pending_bytes()), (0, 0));
    assert_eq!(stage.custody.next_tick(), None);
}
