use super::*;

#[test]
fn a_known_route_costs_no_look_up() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    assert_eq!((stage.look_ups(), stage.forwarded()), (0, vec![(node(1), seq)]));
}

#[test]
fn a_route_is_believed_for_five_seconds_from_the_question() {
    let mut stage = Stage::new();
    stage.send("bob");
    stage.wait(3000);
    stage.routed("bob", &[node(1)]);
    stage.look_ups();

    stage.wait(1999);
    stage.send("bob");
    assert_eq!(stage.look_ups(), 0);
    stage.wait(1);
    stage.send("bob");
    assert_eq!(stage.look_ups(), 1);
}

#[test]
fn what_comes_during_a_look_up_waits_in_order() {
    let mut stage = Stage::new();
    let seqs = [stage.send("bob"), stage.send("bob"), stage.send_from(CAROL, "bob")];
    assert_eq!(stage.look_ups(), 1, "look-ups for one user never run at the same time");
    stage.routed("bob", &[node(1)]);
    assert_eq!(stage.forwarded(), seqs.map(|seq| (node(1), seq)));
}

#[test]
fn a_miss_is_offline_and_never_kept() {
    let mut stage = Stage::new();
    let seq = stage.send("bob");
    stage.routed("bob", &[]);
    assert_eq!(stage.told(), [(seq, Outcome::Offline)]);
    stage.look_ups();

    stage.send("bob");
    assert_eq!((stage.look_ups(), stage.told()), (1, vec![]));
}

#[test]
fn a_miss_says_nothing_about_what_was_sent_after_the_question() {
    let mut stage = Stage::new();
    let first = stage.send("bob");
    let second = stage.send("bob");
    stage.routed("bob", &[]);
    assert_eq!(stage.told(), [(first, Outcome::Offline)]);
    assert_eq!(stage.look_ups(), 2, "the directory is asked again for the second");
    stage.routed("bob", &[node(1)]);
    assert_eq!(stage.forwarded(), [(node(1), second)]);
}

#[test]
fn a_session_that_logged_in_here_during_a_miss_gets_it() {
    let mut stage = Stage::new();
    let seq = stage.send("bob");
    stage.world.here = LocalDelivery::Waiting;
    stage.routed("bob", &[]);
    assert_eq!((stage.delivered_here(), stage.told()), (vec![seq], vec![]));
    stage.ends_here(seq, ReceiptStatus::Taken);
    assert_eq!(stage.told(), [(seq, Outcome::Delivered)]);
}

#[test]
fn while_the_directory_is_rebuilt_a_miss_is_asked_again() {
    let mut stage = Stage::new();
    stage.world.rebuilding = true;
    let seq = stage.send("bob");
    stage.routed("bob", &[]);
    assert_eq!((stage.told(), stage.look_ups()), (vec![], 1));

    stage.wait(100);
    assert_eq!(stage.look_ups(), 1);
    stage.routed("bob", &[node(1)]);
    assert_eq!(stage.forwarded(), [(node(1), seq)]);
}

#[test]
fn a_failed_look_up_is_repeated_until_the_deadline() {
    let mut stage = Stage::new();
    let seq = stage.send("bob");
    for _ in 0..50 {
        assert_eq!((stage.look_ups(), stage.told()), (1, vec![]));
        stage.look_up_fails("bob");
        stage.wait(100);
    }
    assert_eq!(stage.told(), [(seq, Outcome::Unreachable)]);
}

#[test]
fn a_receipt_that_calls_the_route_old_costs_one_look_up() {
    let mut stage = Stage::with_route(&[node(1)]);
    let seq = stage.send("bob");
    let old = Receipt { route_stale: true, ..receipt(seq, ReceiptStatus::Taken) };
    stage.answered(Target::Node(node(1)), old);
    assert_eq!(stage.look_ups(), 0);
    stage.send("bob");
    assert_eq!(stage.look_ups(), 1);
}

#[test]
fn a_route_to_a_node_that_is_gone_is_forgotten() {
    let mut stage = Stage::with_route(&[node(1), node(2)]);
    stage.custody.gone(stage.now, node(2));
    stage.send("bob");
    assert_eq!(stage.look_ups(), 1);
}

#[test]
fn a_user_to_whom_nothing_is_sent_is_forgotten() {
    let mut stage = Stage::with_route(&[node(1)]);
    stage.wait(5000);
    assert_eq!(stage.custody.next_tick(), None);
}
