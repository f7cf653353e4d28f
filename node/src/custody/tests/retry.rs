use super::*;

#[test]
fn send_denied_by_node_is_looked_up_and_delivered_elsewhere() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.forwarded();
    harness.ends(node(1), seq, BranchResult::NotHere);
    assert_eq!((harness.look_ups(), harness.reported()), (1, vec![]));

    harness.routed("bob", &[node(2)]);
    assert_eq!(harness.forwarded(), [(node(2), seq)]);
    harness.ends(node(2), seq, BranchResult::Taken);
    assert_eq!(harness.reported(), [(seq, Outcome::Delivered)]);
}

#[test]
fn send_denied_until_deadline_is_offline() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.ends(node(1), seq, BranchResult::NotHere);
    for _ in 0..50 {
        assert_eq!((harness.look_ups(), harness.reported()), (1, vec![]));
        harness.routed("bob", &[node(1)]);
        harness.ends(node(1), seq, BranchResult::NotHere);
        harness.wait(100);
    }
    assert_eq!(harness.reported(), [(seq, Outcome::Offline)]);
}

#[test]
fn denial_while_directory_is_away_is_not_offline() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.ends(node(1), seq, BranchResult::NotHere);
    harness.look_up_fails("bob");
    harness.wait(5000);
    assert_eq!(harness.reported(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn local_logout_while_directory_is_away_is_not_offline() {
    let mut harness = Harness::new();
    harness.send("bob");
    harness.look_up_fails("bob");
    harness.env.local = LocalDelivery::Waiting;
    let seq = harness.send("bob");
    harness.answered_here(seq, ReceiptStatus::NotHere);
    harness.now += Duration::from_secs(5);
    harness.wait(0);
    assert!(harness.reported().contains(&(seq, Outcome::Unreachable)));
}

#[test]
fn full_queue_is_busy_at_once() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.refused(node(1), seq, BranchResult::Full);
    assert_eq!((harness.reported(), harness.look_ups()), (vec![(seq, Outcome::Busy)], 0));
}

#[test]
fn refusal_ends_only_its_own_batch() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    let batch = harness.batch(node(1), seq);
    let right = RefusedBatch {
        link: harness.env.link,
        destination: node(1),
        number: batch,
        seqs: 1..=u64::MAX,
        result: BranchResult::Full,
    };
    harness.refused_batch(RefusedBatch { number: batch + 1, ..right.clone() });
    harness.refused_batch(RefusedBatch { destination: node(2), ..right.clone() });
    harness.refused_batch(RefusedBatch { link: harness.env.link.next(), ..right.clone() });
    assert_eq!(harness.reported(), []);
    harness.refused_batch(right);
    assert_eq!(harness.reported(), [(seq, Outcome::Busy)]);
}

#[test]
fn node_without_link_is_retried_until_deadline() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seq = harness.send("bob");
    harness.refused(node(1), seq, BranchResult::NotReached);
    for _ in 0..50 {
        assert_eq!((harness.look_ups(), harness.reported()), (1, vec![]));
        harness.routed("bob", &[node(1)]);
        harness.refused(node(1), seq, BranchResult::NotReached);
        harness.wait(100);
    }
    assert_eq!(harness.reported(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn refused_sends_share_one_retry() {
    let mut harness = Harness::with_route(&[node(1)]);
    let seqs = [harness.send("bob"), harness.send("bob")];
    let refuse = |harness: &mut Harness| {
        for seq in seqs {
            harness.refused(node(1), seq, BranchResult::NotReached);
        }
        harness.look_ups()
    };
    assert_eq!(refuse(&mut harness), 1, "the first time at once");
    harness.routed("bob", &[node(1)]);
    assert_eq!(refuse(&mut harness), 0, "but the directory is not asked in a circle");
    harness.wait(100);
    assert_eq!(harness.look_ups(), 1);
}

#[test]
fn send_that_may_have_arrived_is_not_retried() {
    let mut harness = Harness::with_route(&[node(1), node(2)]);
    let seq = harness.send("bob");
    harness.ends(node(1), seq, BranchResult::Maybe);
    harness.forwarded();
    harness.ends(node(2), seq, BranchResult::NotHere);
    assert_eq!(harness.reported(), [(seq, Outcome::Unconfirmed)]);
    assert_eq!((harness.forwarded(), harness.look_ups()), (vec![], 0));
}

#[test]
fn send_unread_by_closed_local_session_is_retried() {
    let mut harness = Harness::new();
    harness.env.local = LocalDelivery::Waiting;
    let seq = harness.send("bob");
    harness.routed("bob", &[home()]);
    harness.delivered_here();
    harness.look_ups();

    harness.answered_here(seq, ReceiptStatus::NotHere);
    assert_eq!(harness.look_ups(), 1);
    harness.routed("bob", &[home()]);
    assert_eq!(harness.delivered_here(), [seq], "the user has a new session");
}

#[test]
fn route_that_names_this_node_in_vain_is_looked_up_again() {
    let mut harness = Harness::new();
    let seq = harness.send("bob");
    harness.routed("bob", &[home()]);
    assert_eq!((harness.look_ups(), harness.reported()), (2, vec![]));
    harness.routed("bob", &[]);
    assert_eq!(harness.reported(), [(seq, Outcome::Offline)]);
}
