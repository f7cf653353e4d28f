//! A real cluster under faults: a few schedules, of which each is another set of blows. Any other
//! is run by `just faults SEED`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod close;

use std::{collections::HashSet, mem::discriminant, time::Duration};

use trunkline_tests::faults::{report::Table, run::Plan};

/// Redis is emptied and stands still, while the relay dies, a node leaves, and another is cut off.
const REDIS_AND_RELAY: u64 = 25;

/// Nodes and the relay come and go, and a user has one session in all the cluster.
const COMING_AND_GOING: u64 = 31;

/// A second process takes a node's name; then nodes are cut off, frozen and drained, and Redis is
/// lost twice.
const NAMES_AND_LEASES: u64 = 45;

/// The relay stands still, links are cut and bad, a node and Redis die.
const BAD_NETWORK: u64 = 340;

fn plan(seed: u64) -> Plan {
    Plan { seed, lasting: Duration::from_secs(6), home: None }
}

async fn keeps_its_word(seed: u64) {
    let verdict = plan(seed).run(|_, _| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let planned = verdict.schedule.faults.iter().map(|planned| format!("{planned}\n"));
    let planned: String = planned.collect();
    assert!(verdict.violations.is_empty(), "seed {seed}\n{planned}{}", Table(&verdict));
}

#[tokio::test]
async fn without_redis_and_relay() {
    keeps_its_word(REDIS_AND_RELAY).await;
}

#[tokio::test]
async fn with_nodes_that_come_and_go() {
    keeps_its_word(COMING_AND_GOING).await;
}

#[tokio::test]
async fn with_names_and_leases_in_dispute() {
    keeps_its_word(NAMES_AND_LEASES).await;
}

#[tokio::test]
async fn on_a_bad_network() {
    keeps_its_word(BAD_NETWORK).await;
}

#[test]
fn these_schedules_have_every_kind_of_fault() {
    let seeds = [REDIS_AND_RELAY, COMING_AND_GOING, NAMES_AND_LEASES, BAD_NETWORK];
    let faults = seeds.into_iter().flat_map(|seed| plan(seed).schedule().faults);
    let kinds: HashSet<_> = faults.map(|planned| discriminant(&planned.fault)).collect();
    assert_eq!(kinds.len(), 12);
}
