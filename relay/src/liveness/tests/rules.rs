//! Each rule, one at a time.

use super::*;
use crate::defaults::{
    ABSENCE, CLAIM_TIMEOUT, GRACE, PROBE_EVERY, REDIS_SETTLED, RENOUNCED_GRACE, SHOWN, SHOWN_MAX,
};

#[test]
fn a_silent_link_is_not_enough_and_neither_is_a_lapsed_lease() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.node(2, "b", 2);
    court.dies(1);
    court.lease_lapses("b");
    court.pass(ms(60_000));
    assert_eq!(court.state("a"), Some(MemberState::Suspect));
    assert_eq!(court.state("b"), Some(MemberState::Live));
    assert!(!court.condemned(1) && !court.condemned(2));
}

#[test]
fn silence_and_a_lapse_together_condemn() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.dies(1);
    court.lease_lapses("a");
    court.pass(SILENCE - ms(100));
    assert!(!court.condemned(1));
    court.pass(ms(600));
    assert!(court.condemned(1));
    assert_eq!(court.state("a"), Some(MemberState::Dead));
    assert_eq!(court.count(|effect| *effect == Effect::Expel(1, life(1))), 1);
    assert_eq!(court.purges(1), 1);
    court.purge_ends(1, 500);
    assert_eq!(court.told(|kind| matches!(kind, EventKind::Cleaned { removed: 500, .. })), 1);
}

#[test]
fn a_lost_link_is_given_time_to_be_dialled_again() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.lease_lapses("a");
    court.dies(1);
    court.core.lost(1, court.now);
    assert_eq!(court.state("a"), Some(MemberState::Suspect));
    court.pass(GRACE - ms(100));
    assert!(!court.condemned(1));
    let mut redialled = court;
    redialled.alive.push(3);
    redialled.core.hello(3, &name("a"), life(1), redialled.now);
    redialled.pass(ms(10_000));
    assert!(!redialled.condemned(1));
    assert_eq!(redialled.told(|kind| *kind == EventKind::Recovered), 1);
}

#[test]
fn refusals_and_unanswered_probes_condemn_quickly_and_despite_the_lease() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.dies(1);
    court.refusing.push(1);
    court.pass(ms(100) + 4 * PROBE_EVERY + ms(50));
    assert_eq!(court.count(|effect| matches!(effect, Effect::Probe(1, _))), 3);
    assert!(court.condemned(1));
    let settled =
        |effect: &Effect| matches!(effect, Effect::Purge { settle, .. } if *settle == LEASE_TTL);
    assert_eq!(court.count(settled), 1);
}

#[test]
fn refusals_can_be_forged_so_an_answer_outweighs_them() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.refusing.push(1);
    court.pass(ms(20_000));
    assert!(!court.condemned(1));
    assert_eq!(court.state("a"), Some(MemberState::Live));
}

#[test]
fn one_refusal_and_silence_is_not_enough() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.dies(1);
    court.core.refused(1, court.now);
    court.pass(ms(10_000));
    assert!(!court.condemned(1));
}

#[test]
fn what_the_relay_did_not_hear_because_it_was_away_is_not_silence() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.lease_lapses("a");
    court.core.tick(court.now);
    court.now += ABSENCE + SILENCE;
    court.core.tick(court.now);
    court.take();
    assert_eq!(court.state("a"), Some(MemberState::Live));
    court.pass(ms(10_000));
    assert!(!court.condemned(1));
}

#[test]
fn who_is_listed_without_link_and_lease_is_cleared_away_after_a_grace() {
    let mut court = Court::new();
    court.listed = vec![(life(1), name("ghost")), (life(2), name("a"))];
    court.leases = vec![(name("a"), life(2))];
    court.pass(GRACE - ms(100));
    assert!(!court.condemned(1));
    assert_eq!(court.state("a"), Some(MemberState::Joining));
    court.pass(ms(600));
    assert!(court.condemned(1) && !court.condemned(2));
    assert_eq!(court.purges(1), 1);
}

#[test]
fn the_former_incarnation_of_a_node_that_is_back_is_cleared_away() {
    let mut court = Court::new();
    court.listed = vec![(life(1), name("a"))];
    court.node(1, "a", 2);
    court.pass(ms(5_000));
    assert!(court.condemned(1) && !court.condemned(2));
    assert_eq!(court.state("a"), Some(MemberState::Live));
}

#[test]
fn nobody_is_condemned_for_a_lease_that_lapsed_while_redis_was_away() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.core.lost(1, court.now);
    court.dies(1);
    court.pass(GRACE + ms(500));
    court.redis = false;
    court.lease_lapses("a");
    court.pass(ms(60_000));
    court.redis = true;
    court.pass(REDIS_SETTLED - ms(200));
    assert!(!court.condemned(1));
    // The node is there after all, and takes its lease again.
    court.leases.push((name("a"), life(1)));
    court.pass(ms(10_000));
    assert!(!court.condemned(1));
    assert_eq!(court.told(|kind| *kind == EventKind::RedisBack), 1);
}

#[test]
fn a_verdict_waits_for_redis_and_is_then_carried_out() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.pass(ms(1_000));
    court.redis = false;
    court.pass(ms(2_000));
    court.dies(1);
    court.refusing.push(1);
    court.pass(ms(5_000));
    assert_eq!((court.condemned(1), court.state("a")), (false, Some(MemberState::Suspect)));
    court.lease_lapses("a");
    court.redis = true;
    court.pass(REDIS_SETTLED + ms(2_000));
    assert_eq!(court.state("a"), Some(MemberState::Dead));
}

#[test]
fn a_kept_verdict_is_dropped_if_the_lease_was_renewed_since() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.redis = false;
    court.pass(ms(2_000));
    court.dies(1);
    court.refusing.push(1);
    court.pass(ms(1_000));
    court.core.lost(1, court.now);
    court.refusing.clear();
    court.redis = true;
    court.pass(ms(20_000));
    assert!(!court.condemned(1));
    assert_eq!(court.state("a"), Some(MemberState::Suspect));
}

#[test]
fn a_name_is_kept_by_who_answers_for_it() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.core.hello(2, &name("a"), life(2), court.now);
    court.take();
    let rejected = Effect::Reject(2, life(2), Rejection::NameTaken);
    assert_eq!(court.count(|effect| *effect == rejected), 1);
    assert_eq!(court.core.nodes()[&name("a")].incarnation, life(1));
}

#[test]
fn a_name_is_lost_by_who_does_not() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.dies(1);
    court.core.hello(2, &name("a"), life(2), court.now);
    // A third does not get in between.
    court.core.hello(3, &name("a"), life(3), court.now);
    court.pass(CLAIM_TIMEOUT - ms(100));
    assert_eq!(court.count(|effect| matches!(effect, Effect::Admit(2))), 0);
    let rejected = Effect::Reject(3, life(3), Rejection::NameTaken);
    assert_eq!(court.count(|effect| *effect == rejected), 1);
    court.alive.push(2);
    court.pass(ms(200));
    assert_eq!(court.count(|effect| *effect == Effect::Supersede(1)), 1);
    assert_eq!(court.count(|effect| *effect == Effect::Admit(2)), 1);
}

#[test]
fn a_name_is_free_when_its_link_is_gone() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.dies(1);
    court.core.hello(2, &name("a"), life(2), court.now);
    court.core.lost(1, court.now);
    court.take();
    assert_eq!(court.count(|effect| *effect == Effect::Admit(2)), 1);
    assert_eq!(court.count(|effect| matches!(effect, Effect::Supersede(_))), 0);
}

#[test]
fn a_newcomer_that_hangs_up_leaves_no_claim() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.dies(1);
    court.core.hello(2, &name("a"), life(2), court.now);
    court.core.lost(2, court.now);
    court.pass(2 * CLAIM_TIMEOUT);
    assert_eq!(court.count(|effect| matches!(effect, Effect::Admit(2) | Effect::Supersede(_))), 0);
}

#[test]
fn an_incarnation_belongs_to_one_node_and_does_not_come_back() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.core.hello(2, &name("b"), life(1), court.now);
    court.core.bye(1, court.now);
    court.core.hello(3, &name("a"), life(1), court.now);
    court.take();
    let rejected = |link, rejection| Effect::Reject(link, life(1), rejection);
    assert_eq!(court.count(|effect| *effect == rejected(2, Rejection::Foreign)), 1);
    assert_eq!(court.count(|effect| *effect == rejected(3, Rejection::Over)), 1);
}

#[test]
fn a_renounced_incarnation_is_left_to_its_process_while_that_lives() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.leases = vec![(name("a"), life(2))];
    court.listed.push((life(2), name("a")));
    court.core.hello(1, &name("a"), life(2), court.now);
    court.pass(RENOUNCED_GRACE - ms(500));
    assert!(!court.condemned(1));
    assert_eq!(court.told(|kind| *kind == EventKind::Suspect), 0);
    let mut forgotten = court;
    forgotten.pass(ms(1_500));
    assert!(forgotten.condemned(1) && !forgotten.condemned(2));
}

#[test]
fn a_renounced_incarnation_is_cleared_away_when_its_process_dies() {
    let mut court = Court::settled();
    court.node(1, "a", 1);
    court.leases = vec![(name("a"), life(2))];
    court.core.hello(1, &name("a"), life(2), court.now);
    court.pass(ms(1_000));
    court.dies(1);
    court.refusing.push(1);
    court.pass(ms(5_000));
    assert!(court.condemned(1) && court.condemned(2));
}

#[test]
fn who_left_is_not_dead_but_what_it_left_behind_is_cleared_away() {
    let mut court = Court::settled();
    court.node(1, "tidy", 1);
    court.node(2, "untidy", 2);
    for link in [1, 2] {
        court.dies(link);
        court.core.bye(link, court.now);
    }
    court.listed.retain(|&(listed, _)| listed == life(2));
    court.lease_lapses("tidy");
    court.lease_lapses("untidy");
    court.pass(ms(10_000));
    assert!(!court.condemned(1) && court.condemned(2));
    assert_eq!(court.purges(2), 1);
    assert_eq!(court.state("untidy"), Some(MemberState::Left));
    assert_eq!(court.told(|kind| matches!(kind, EventKind::Dead { .. })), 0);
    assert_eq!(court.told(|kind| *kind == EventKind::Left), 2);
}

#[test]
fn what_turns_up_again_after_a_purge_is_purged_again() {
    let mut court = Court::new();
    court.listed = vec![(life(1), name("ghost"))];
    court.pass(ms(5_000));
    court.purge_ends(1, 5);
    court.pass(ms(5_000));
    assert_eq!(court.purges(1), 1);
    court.listed = vec![(life(1), name("ghost"))];
    court.pass(ms(5_000));
    assert_eq!(court.purges(1), 2);
    court.purge_ends(1, 1);

    // Unless it is a process that got its lease after all.
    court.listed = vec![(life(1), name("ghost"))];
    court.leases = vec![(name("ghost"), life(1))];
    court.pass(ms(5_000));
    assert_eq!(court.purges(1), 2);
}

#[test]
fn a_purge_that_failed_is_repeated_and_adds_up() {
    let mut court = Court::new();
    court.listed = vec![(life(1), name("ghost"))];
    court.pass(ms(5_000));
    court.core.purging(life(1), Cleared { removed: 300, kept: 0 }, court.now);
    court.core.purged(life(1), Err(Failed::Refused), court.now);
    court.pass(ms(2_000));
    assert_eq!(court.purges(1), 2);
    court.purge_ends(1, 200);
    assert_eq!(court.told(|kind| matches!(kind, EventKind::Cleaned { removed: 500, .. })), 1);
    assert_eq!(court.told(|kind| *kind == EventKind::RedisAway), 0);
}

#[test]
fn the_dead_are_shown_for_a_while_and_not_too_many() {
    let mut court = Court::new();
    let ghosts = 2 * SHOWN_MAX as u8;
    court.listed = (0..ghosts).map(|n| (life(n), name(&format!("ghost-{n}")))).collect();
    court.pass(ms(5_000));
    while !court.listed.is_empty() {
        court
            .listed
            .clone()
            .iter()
            .for_each(|(listed, _)| court.purge_ends(listed.to_bytes()[0], 1));
        court.pass(ms(100));
    }
    assert_eq!(court.core.nodes().len(), SHOWN_MAX);
    court.pass(SHOWN);
    assert_eq!(court.core.nodes().len(), 0);
}
