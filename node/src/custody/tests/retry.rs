use super::*;

#[test]
fn what_a_node_does_not_have_is_looked_up_and_delivered_elsewhere() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.forwarded();
    stage.ends(node(1), seq, BranchResult::NotHere);
    assert_eq!((stage.look_ups(), stage.told()), (1, vec![]));

    stage.routed("bob", &[node(2)]);
    assert_eq!(stage.forwarded(), [(node(2), seq)]);
    stage.ends(node(2), seq, BranchResult::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
}

#[test]
fn what_no_node_has_until_the_deadline_is_offline() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.ends(node(1), seq, BranchResult::NotHere);
    for _ in 0..50 {
        assert_eq!((stage.look_ups(), stage.told()), (1, vec![]));
        stage.routed("bob", &[node(1)]);
        stage.ends(node(1), seq, BranchResult::NotHere);
        stage.wait(100);
    }
    assert_eq!(stage.told(), [(seq, Outcome::Offline)]);
}

#[test]
fn a_user_who_has_left_while_the_directory_is_away_is_not_called_offline() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.ends(node(1), seq, BranchResult::NotHere);
    stage.look_up_fails("bob");
    stage.wait(5000);
    assert_eq!(stage.told(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn nor_is_one_whose_session_here_ended_meanwhile() {
    let mut stage = Stage::new();
    stage.send("bob");
    stage.look_up_fails("bob");
    stage.world.here = LocalDelivery::Waiting;
    let seq = stage.send("bob");
    stage.ends_here(seq, ReceiptStatus::NotHere);
    stage.now += Duration::from_secs(5);
    stage.wait(0);
    assert!(stage.told().contains(&(seq, Outcome::Unreachable)));
}

#[test]
fn a_full_queue_is_busy_at_once() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.refused(node(1), seq, BranchResult::Full);
    assert_eq!((stage.told(), stage.look_ups()), (vec![(seq, Outcome::Busy)], 0));
}

#[test]
fn a_refusal_is_for_its_own_batch_alone() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    let batch = stage.batch(node(1), seq);
    let mut refuse = |node, batch| {
        let (now, world) = (stage.now, &mut stage.world);
        stage.custody.refused(now, world, node, batch, 1..=u64::MAX, BranchResult::Full);
        stage.world.told.len()
    };
    assert_eq!(refuse(node(1), batch + 1), 0);
    assert_eq!(refuse(node(2), batch), 0);
    assert_eq!(refuse(node(1), batch), 1);
}

#[test]
fn a_node_without_a_link_is_tried_again_until_the_deadline() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    stage.refused(node(1), seq, BranchResult::NotReached);
    for _ in 0..50 {
        assert_eq!((stage.look_ups(), stage.told()), (1, vec![]));
        stage.routed("bob", &[node(1)]);
        stage.refused(node(1), seq, BranchResult::NotReached);
        stage.wait(100);
    }
    assert_eq!(stage.told(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn several_that_are_refused_wait_for_the_next_try_together() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seqs = [stage.send("bob"), stage.send("bob")];
    let refuse = |stage: &mut Stage| {
        for seq in seqs {
            stage.refused(node(1), seq, BranchResult::NotReached);
        }
        stage.look_ups()
    };
    assert_eq!(refuse(&mut stage), 1, "the first time at once");
    stage.routed("bob", &[node(1)]);
    assert_eq!(refuse(&mut stage), 0, "but the directory is not asked in a circle");
    stage.wait(100);
    assert_eq!(stage.look_ups(), 1);
}

#[test]
fn what_may_have_arrived_is_not_tried_again() {
    let mut stage = Stage::with_route(&[node(1), node(2)]);
    let seq = stage.send("bob");
    stage.ends(node(1), seq, BranchResult::Maybe);
    stage.forwarded();
    stage.ends(node(2), seq, BranchResult::NotHere);
    assert_eq!(stage.told(), [(seq, Outcome::Unconfirmed)]);
    assert_eq!((stage.forwarded(), stage.look_ups()), (vec![], 0));
}

#[test]
fn a_session_here_that_closed_unread_is_looked_for_again() {
    let mut stage = Stage::new();
    stage.world.here = LocalDelivery::Waiting;
    let seq = stage.send("bob");
    stage.routed("bob", &[home()]);
    stage.delivered_here();
    stage.look_ups();

    stage.ends_here(seq, ReceiptStatus::NotHere);
    assert_eq!(stage.look_ups(), 1);
    stage.routed("bob", &[home()]);
    assert_eq!(stage.delivered_here(), [seq], "the user has a new session");
}

#[test]
fn a_route_that_names_this_node_in_vain_is_asked_for_again() {
    let mut stage = Stage::new();
    let seq = stage.send("bob");
    stage.routed("bob", &[home()]);
    assert_eq!((stage.look_ups(), stage.told()), (2, vec![]));
    stage.routed("bob", &[]);
    assert_eq!(stage.told(), [(seq, Outcome::Offline)]);
}
