//! Each rule alone.

use super::*;
use crate::defaults::{
    ABANDONED_GRACE, CLAIM_TIMEOUT, ENDED_NODES_KEPT, ENDED_NODES_MAX, PROBE_EVERY,
    RECONNECT_GRACE, REDIS_STABLE_AFTER, RELAY_STALL_MIN,
};

#[test]
fn neither_silence_nor_lapsed_lease_alone_kills() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.node(2, "b", 2);
    harness.dies(1);
    harness.lease_lapses("b");
    harness.pass(ms(60_000));
    assert_eq!(harness.state("a"), Some(MemberState::Suspect));
    assert_eq!(harness.state("b"), Some(MemberState::Live));
    assert!(!harness.is_lease_revoked(1) && !harness.is_lease_revoked(2));
}

#[test]
fn silence_and_lapsed_lease_together_kill() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.dies(1);
    harness.lease_lapses("a");
    harness.pass(SILENCE - ms(100));
    assert!(!harness.is_lease_revoked(1));
    harness.pass(ms(600));
    assert!(harness.is_lease_revoked(1));
    assert_eq!(harness.state("a"), Some(MemberState::Dead));
    assert_eq!(harness.count(|effect| *effect == LivenessEffect::Evict(1, incarnation(1))), 1);
    assert_eq!(harness.purges(1), 1);
    harness.purge_ends(1, 500);
    assert_eq!(harness.reported(|kind| matches!(kind, EventKind::Cleaned { removed: 500, .. })), 1);
}

#[test]
fn lost_link_may_reconnect_within_grace() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.lease_lapses("a");
    harness.dies(1);
    harness.core.lost(1, harness.now);
    assert_eq!(harness.state("a"), Some(MemberState::Suspect));
    harness.pass(RECONNECT_GRACE - ms(100));
    assert!(!harness.is_lease_revoked(1));
    let mut reconnected = harness;
    reconnected.alive.push(3);
    reconnected.core.hello(3, &name("a"), incarnation(1), reconnected.now);
    reconnected.pass(ms(10_000));
    assert!(!reconnected.is_lease_revoked(1));
    assert_eq!(reconnected.reported(|kind| *kind == EventKind::Recovered), 1);
}

#[test]
fn refusals_and_unanswered_probes_kill_despite_lease() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.dies(1);
    harness.refusing.push(1);
    harness.pass(ms(100) + 4 * PROBE_EVERY + ms(50));
    assert_eq!(harness.count(|effect| matches!(effect, LivenessEffect::Probe(1, _))), 3);
    assert!(harness.is_lease_revoked(1));
    let waits_for_late_commands = |effect: &LivenessEffect| matches!(effect, LivenessEffect::Directory(DirectoryCommand::Purge { late_window, .. }) if *late_window == LEASE_TTL);
    assert_eq!(harness.count(waits_for_late_commands), 1);
}

#[test]
fn answered_probe_outweighs_refusals() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.refusing.push(1);
    harness.pass(ms(20_000));
    assert!(!harness.is_lease_revoked(1));
    assert_eq!(harness.state("a"), Some(MemberState::Live));
}

#[test]
fn single_refusal_does_not_kill() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.dies(1);
    harness.core.connection_refused(1, harness.now);
    harness.pass(ms(10_000));
    assert!(!harness.is_lease_revoked(1));
}

#[test]
fn stall_of_the_relay_is_not_silence() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.lease_lapses("a");
    harness.core.tick(harness.now);
    harness.now += RELAY_STALL_MIN + SILENCE;
    harness.core.tick(harness.now);
    harness.run_effects();
    assert_eq!(harness.state("a"), Some(MemberState::Live));
    harness.pass(ms(10_000));
    assert!(!harness.is_lease_revoked(1));
}

#[test]
fn listed_incarnation_without_link_and_lease_is_purged_after_grace() {
    let mut harness = Harness::new();
    harness.listed = vec![(incarnation(1), name("stale")), (incarnation(2), name("a"))];
    harness.leases = vec![(name("a"), incarnation(2))];
    harness.pass(RECONNECT_GRACE - ms(100));
    assert!(!harness.is_lease_revoked(1));
    assert_eq!(harness.state("a"), Some(MemberState::Joining));
    harness.pass(ms(600));
    assert!(harness.is_lease_revoked(1) && !harness.is_lease_revoked(2));
    assert_eq!(harness.purges(1), 1);
}

#[test]
fn former_incarnation_of_returned_node_is_purged() {
    let mut harness = Harness::new();
    harness.listed = vec![(incarnation(1), name("a"))];
    harness.node(1, "a", 2);
    harness.pass(ms(5_000));
    assert!(harness.is_lease_revoked(1) && !harness.is_lease_revoked(2));
    assert_eq!(harness.state("a"), Some(MemberState::Live));
}

#[test]
fn lease_that_lapsed_while_redis_was_away_does_not_kill() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.core.lost(1, harness.now);
    harness.dies(1);
    harness.pass(RECONNECT_GRACE + ms(500));
    harness.redis = false;
    harness.lease_lapses("a");
    harness.pass(ms(60_000));
    harness.redis = true;
    harness.pass(REDIS_STABLE_AFTER - ms(200));
    assert!(!harness.is_lease_revoked(1));
    // The node lives, and renews its lease.
    harness.leases.push((name("a"), incarnation(1)));
    harness.pass(ms(10_000));
    assert!(!harness.is_lease_revoked(1));
    assert_eq!(harness.reported(|kind| *kind == EventKind::RedisBack), 1);
}

#[test]
fn death_decided_without_redis_is_carried_out_later() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.pass(ms(1_000));
    harness.redis = false;
    harness.pass(ms(2_000));
    harness.dies(1);
    harness.refusing.push(1);
    harness.pass(ms(5_000));
    assert_eq!(
        (harness.is_lease_revoked(1), harness.state("a")),
        (false, Some(MemberState::Suspect))
    );
    harness.lease_lapses("a");
    harness.redis = true;
    harness.pass(REDIS_STABLE_AFTER + ms(2_000));
    assert_eq!(harness.state("a"), Some(MemberState::Dead));
}

#[test]
fn kept_death_is_withdrawn_if_lease_was_renewed() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.redis = false;
    harness.pass(ms(2_000));
    harness.dies(1);
    harness.refusing.push(1);
    harness.pass(ms(1_000));
    harness.core.lost(1, harness.now);
    harness.refusing.clear();
    harness.redis = true;
    harness.pass(ms(20_000));
    assert!(!harness.is_lease_revoked(1));
    assert_eq!(harness.state("a"), Some(MemberState::Suspect));
}

#[test]
fn incumbent_that_answers_keeps_its_name() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.core.hello(2, &name("a"), incarnation(2), harness.now);
    harness.run_effects();
    let rejected = LivenessEffect::Reject(2, incarnation(2), LinkRejection::NameTaken);
    assert_eq!(harness.count(|effect| *effect == rejected), 1);
    assert_eq!(harness.core.nodes()[&name("a")].incarnation, incarnation(1));
}

#[test]
fn incumbent_that_does_not_answer_is_superseded() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.dies(1);
    harness.core.hello(2, &name("a"), incarnation(2), harness.now);
    // A second claimant is rejected.
    harness.core.hello(3, &name("a"), incarnation(3), harness.now);
    harness.pass(CLAIM_TIMEOUT - ms(100));
    assert_eq!(harness.count(|effect| matches!(effect, LivenessEffect::Admit(2))), 0);
    let rejected = LivenessEffect::Reject(3, incarnation(3), LinkRejection::NameTaken);
    assert_eq!(harness.count(|effect| *effect == rejected), 1);
    harness.alive.push(2);
    harness.pass(ms(200));
    assert_eq!(harness.count(|effect| *effect == LivenessEffect::Supersede(1)), 1);
    assert_eq!(harness.count(|effect| *effect == LivenessEffect::Admit(2)), 1);
}

#[test]
fn claimant_is_admitted_when_incumbent_link_is_gone() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.dies(1);
    harness.core.hello(2, &name("a"), incarnation(2), harness.now);
    harness.core.lost(1, harness.now);
    harness.run_effects();
    assert_eq!(harness.count(|effect| *effect == LivenessEffect::Admit(2)), 1);
    assert_eq!(harness.count(|effect| matches!(effect, LivenessEffect::Supersede(_))), 0);
}

#[test]
fn claimant_that_hangs_up_leaves_no_claim() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.dies(1);
    harness.core.hello(2, &name("a"), incarnation(2), harness.now);
    harness.core.lost(2, harness.now);
    harness.pass(2 * CLAIM_TIMEOUT);
    assert_eq!(
        harness.count(|effect| matches!(
            effect,
            LivenessEffect::Admit(2) | LivenessEffect::Supersede(_)
        )),
        0
    );
}

#[test]
fn incarnation_belongs_to_one_node_and_never_returns() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.core.hello(2, &name("b"), incarnation(1), harness.now);
    harness.core.left(1, harness.now);
    harness.core.hello(3, &name("a"), incarnation(1), harness.now);
    harness.run_effects();
    let rejected = |link, rejection| LivenessEffect::Reject(link, incarnation(1), rejection);
    assert_eq!(
        harness.count(|effect| *effect == rejected(2, LinkRejection::ForeignIncarnation)),
        1
    );
    assert_eq!(harness.count(|effect| *effect == rejected(3, LinkRejection::IncarnationOver)), 1);
}

#[test]
fn abandoned_incarnation_is_left_to_its_living_process() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.leases = vec![(name("a"), incarnation(2))];
    harness.listed.push((incarnation(2), name("a")));
    harness.core.hello(1, &name("a"), incarnation(2), harness.now);
    harness.pass(ABANDONED_GRACE - ms(500));
    assert!(!harness.is_lease_revoked(1));
    assert_eq!(harness.reported(|kind| *kind == EventKind::Suspect), 0);
    let mut timed_out = harness;
    timed_out.pass(ms(1_500));
    assert!(timed_out.is_lease_revoked(1) && !timed_out.is_lease_revoked(2));
}

#[test]
fn abandoned_incarnation_is_purged_when_its_process_dies() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "a", 1);
    harness.leases = vec![(name("a"), incarnation(2))];
    harness.core.hello(1, &name("a"), incarnation(2), harness.now);
    harness.pass(ms(1_000));
    harness.dies(1);
    harness.refusing.push(1);
    harness.pass(ms(5_000));
    assert!(harness.is_lease_revoked(1) && harness.is_lease_revoked(2));
}

#[test]
fn entries_of_node_that_left_are_purged() {
    let mut harness = Harness::warmed_up();
    harness.node(1, "clean", 1);
    harness.node(2, "unclean", 2);
    for link in [1, 2] {
        harness.dies(link);
        harness.core.left(link, harness.now);
    }
    harness.listed.retain(|&(listed, _)| listed == incarnation(2));
    harness.lease_lapses("clean");
    harness.lease_lapses("unclean");
    harness.pass(ms(10_000));
    assert!(!harness.is_lease_revoked(1) && harness.is_lease_revoked(2));
    assert_eq!(harness.purges(2), 1);
    assert_eq!(harness.state("unclean"), Some(MemberState::Left));
    assert_eq!(harness.reported(|kind| matches!(kind, EventKind::Dead { .. })), 0);
    assert_eq!(harness.reported(|kind| *kind == EventKind::Left), 2);
}

#[test]
fn incarnation_listed_after_its_purge_is_purged_again() {
    let mut harness = Harness::new();
    harness.listed = vec![(incarnation(1), name("stale"))];
    harness.pass(ms(5_000));
    harness.purge_ends(1, 5);
    harness.pass(ms(5_000));
    assert_eq!(harness.purges(1), 1);
    harness.listed = vec![(incarnation(1), name("stale"))];
    harness.pass(ms(5_000));
    assert_eq!(harness.purges(1), 2);
    harness.purge_ends(1, 1);

    // But not if its process got the lease after all.
    harness.listed = vec![(incarnation(1), name("stale"))];
    harness.leases = vec![(name("stale"), incarnation(1))];
    harness.pass(ms(5_000));
    assert_eq!(harness.purges(1), 2);
}

#[test]
fn failed_purge_is_repeated_and_counts_add_up() {
    let mut harness = Harness::new();
    harness.listed = vec![(incarnation(1), name("stale"))];
    harness.pass(ms(5_000));
    harness.core.purge_progressed(
        incarnation(1),
        PurgeProgress { removed: 300, kept: 0 },
        harness.now,
    );
    harness.core.purge_ended(incarnation(1), Err(DirectoryFailure::Refused), harness.now);
    harness.pass(ms(2_000));
    assert_eq!(harness.purges(1), 2);
    harness.purge_ends(1, 200);
    assert_eq!(harness.reported(|kind| matches!(kind, EventKind::Cleaned { removed: 500, .. })), 1);
    assert_eq!(harness.reported(|kind| *kind == EventKind::RedisAway), 0);
}

#[test]
fn ended_nodes_are_kept_for_limited_time_and_number() {
    let mut harness = Harness::new();
    let entries = 2 * ENDED_NODES_MAX as u8;
    harness.listed = (0..entries).map(|n| (incarnation(n), name(&format!("stale-{n}")))).collect();
    harness.pass(ms(5_000));
    while !harness.listed.is_empty() {
        harness
            .listed
            .clone()
            .iter()
            .for_each(|(listed, _)| harness.purge_ends(listed.to_bytes()[0], 1));
        harness.pass(ms(100));
    }
    assert_eq!(harness.core.nodes().len(), ENDED_NODES_MAX);
    harness.pass(ENDED_NODES_KEPT);
    assert_eq!(harness.core.nodes().len(), 0);
}
