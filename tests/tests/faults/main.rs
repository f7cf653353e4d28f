//! A cluster under faults: a few schedules with different kinds of faults. `just faults SEED` runs any
//! other.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod close;

use std::{collections::HashSet, mem::discriminant, time::Duration};

use trunkline_tests::faults::{report::ResultTable, run::RunPlan};

/// Redis is emptied and paused, while the relay is killed, a node drains and another is cut off.
const REDIS_AND_RELAY: u64 = 25;

/// Nodes and the relay are restarted, and a user may have one session only.
const RESTARTS: u64 = 31;

/// A second process uses a node's name; then nodes are cut off, paused and drained, and Redis loses
/// its data twice.
const NAMES_AND_LEASES: u64 = 45;

/// The relay is paused, links are cut and impaired, a node and Redis are killed.
const IMPAIRED_NETWORK: u64 = 340;

fn plan(seed: u64) -> RunPlan {
    RunPlan { seed, lasting: Duration::from_secs(6), home: None }
}

async fn assert_guarantees_hold(seed: u64) {
    let result = plan(seed).run(|_, _| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let planned = result.schedule.faults.iter().map(|planned| format!("{planned}\n"));
    let planned: String = planned.collect();
    assert!(result.violations.is_empty(), "seed {seed}\n{planned}{}", ResultTable(&result));
}

#[tokio::test]
async fn guarantees_hold_without_redis_and_relay() {
    assert_guarantees_hold(REDIS_AND_RELAY).await;
}

#[tokio::test]
async fn guarantees_hold_while_nodes_restart() {
    assert_guarantees_hold(RESTARTS).await;
}

#[tokio::test]
async fn guarantees_hold_with_duplicate_names_and_lost_leases() {
    assert_guarantees_hold(NAMES_AND_LEASES).await;
}

#[tokio::test]
async fn guarantees_hold_on_an_impaired_network() {
    assert_guarantees_hold(IMPAIRED_NETWORK).await;
}

#[test]
fn schedules_cover_every_kind_of_fault() {
    let seeds = [REDIS_AND_RELAY, RESTARTS, NAMES_AND_LEASES, IMPAIRED_NETWORK];
    let faults = seeds.into_iter().flat_map(|seed| plan(seed).schedule().faults);
    let kinds: HashSet<_> = faults.map(|planned| discriminant(&planned.fault)).collect();
    assert_eq!(kinds.len(), 12);
}
