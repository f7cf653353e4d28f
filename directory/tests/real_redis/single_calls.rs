//! Single things that are said to Redis.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_directory::{
    Acquired, CallError, ConfigError, Directory, EntryError, FindCursor, Renewed, Revocation,
    defaults::{CALL_TIMEOUT, KEY_PREFIX, LEASE_TTL},
    testing::RedisServer,
};
use trunkline_protocol::Incarnation;

use crate::support::{card, eventually, incarnate, node, open, raw, say, slow_redis, user};

#[tokio::test]
async fn a_lease_has_one_holder_and_ends_by_itself() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (node, one, other) = (node(1), Incarnation::fresh(), Incarnation::fresh());
    assert_eq!(directory.lease(&node).await.unwrap(), None);

    assert!(matches!(directory.acquire(&node, one).await.unwrap(), Acquired::Held(_)));
    let again = directory.acquire(&node, one).await.unwrap();
    assert!(matches!(again, Acquired::Held(_)), "an acquisition whose answer was lost is repeated");
    let foreign = directory.acquire(&node, other).await.unwrap();
    assert_eq!(foreign, Acquired::Foreign { holder: Some(one) });
    let lost = directory.renew(&node, other).await.unwrap();
    assert_eq!(lost, Renewed::Lost { holder: Some(one) });
    assert!(matches!(directory.renew(&node, one).await.unwrap(), Renewed::Held(_)));
    let lease = directory.lease(&node).await.unwrap().unwrap();
    assert_eq!(lease.holder, one);
    assert!(lease.left <= LEASE_TTL);

    eventually("the lease ends", async || directory.lease(&node).await.unwrap().is_none()).await;
    assert_eq!(directory.renew(&node, one).await.unwrap(), Renewed::Lost { holder: None });
    assert!(matches!(directory.acquire(&node, other).await.unwrap(), Acquired::Held(_)));
}

#[tokio::test]
async fn a_verdict_removes_the_lease_of_the_condemned_only() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (node, one, other) = (node(1), Incarnation::fresh(), Incarnation::fresh());
    directory.acquire(&node, one).await.unwrap();

    let foreign = directory.revoke_lease(&node, other).await.unwrap();
    assert_eq!(foreign, Revocation::Foreign { holder: Some(one) });
    let Revocation::Removed { late_window } = directory.revoke_lease(&node, one).await.unwrap()
    else {
        panic!("it had the lease");
    };
    assert!(late_window > Duration::ZERO && late_window <= LEASE_TTL);
    assert_eq!(directory.revoke_lease(&node, one).await.unwrap(), Revocation::Gone);
    assert_eq!(directory.renew(&node, one).await.unwrap(), Renewed::Lost { holder: None });
}

#[tokio::test]
async fn a_login_learns_the_other_nodes_of_its_user() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (one, two) = (node(1), node(2));
    let (first, fence) = incarnate(&directory, &one).await;
    let (second, other_fence) = incarnate(&directory, &two).await;
    let alice = user(1);

    let others = directory.register(&alice, (&one, first), 10, fence).await.unwrap();
    assert!(others.is_empty());
    let others = directory.register(&alice, (&two, second), 20, other_fence).await.unwrap();
    assert_eq!(others, [(one.clone(), first)]);
    let mut places = directory.look_up(&alice).await.unwrap();
    places.sort();
    assert_eq!(places, [(one.clone(), first), (two.clone(), second)]);
    assert!(directory.look_up(&user(2)).await.unwrap().is_empty());

    let seen = directory.user(&alice).await.unwrap();
    assert_eq!(seen.iter().find(|place| place.node == two).unwrap().since_ms, Some(20));

    assert!(directory.unregister(&alice, (&one, first), 10, fence).await.unwrap());
    assert!(!directory.unregister(&alice, (&one, first), 10, fence).await.unwrap());
    assert_eq!(directory.look_up(&alice).await.unwrap(), [(two, second)]);
    assert_eq!(directory.users_count(&one, first).await.unwrap(), 0);
}

#[tokio::test]
async fn a_late_logout_leaves_the_newer_entry() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let node = node(1);
    let (old, old_fence) = incarnate(&directory, &node).await;
    let alice = user(1);
    directory.register(&alice, (&node, old), 10, old_fence).await.unwrap();
    directory.revoke_lease(&node, old).await.unwrap();
    let (new, new_fence) = incarnate(&directory, &node).await;
    directory.register(&alice, (&node, new), 10, new_fence).await.unwrap();

    directory.unregister(&alice, (&node, old), 10, old_fence).await.unwrap();
    assert_eq!(directory.look_up(&alice).await.unwrap(), [(node.clone(), new)]);
    assert_eq!(directory.users_count(&node, new).await.unwrap(), 1);
    assert_eq!(directory.users_count(&node, old).await.unwrap(), 0);
}

#[tokio::test]
async fn what_arrives_after_the_end_of_its_lease_changes_nothing() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let node = node(1);
    let (incarnation, fence) = incarnate(&directory, &node).await;
    directory.register(&user(1), (&node, incarnation), 10, fence).await.unwrap();
    eventually("the lease ends", async || directory.lease(&node).await.unwrap().is_none()).await;

    let late = directory.register(&user(2), (&node, incarnation), 10, fence).await;
    assert!(matches!(late, Err(EntryError::LeaseOver { .. })), "{late:?}");
    let late = directory.unregister(&user(1), (&node, incarnation), 10, fence).await;
    assert!(matches!(late, Err(EntryError::LeaseOver { .. })), "{late:?}");
    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node.clone(), incarnation)]);
    assert!(directory.look_up(&user(2)).await.unwrap().is_empty());
    assert_eq!(directory.users_count(&node, incarnation).await.unwrap(), 1);
}

#[tokio::test]
async fn the_keys_are_those_of_the_contract() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let node = node(1);
    let (incarnation, fence) = incarnate(&directory, &node).await;
    directory.announce(&node, &card(incarnation)).await.unwrap();
    directory.register(&user(1), (&node, incarnation), 1234, fence).await.unwrap();

    let mark = incarnation.to_string();
    let field: String = say(&redis, "HGET trunkline:user:user-1 node-1").await;
    assert_eq!(field, mark);
    let score: u64 =
        say(&redis, &format!("ZSCORE trunkline:node:node-1:{mark}:users user-1")).await;
    assert_eq!(score, 1234);
    let listed: String = say(&redis, &format!("HGET trunkline:incarnations {mark}")).await;
    assert_eq!(listed, "node-1");
    let lease: String = say(&redis, "GET trunkline:lease:node-1").await;
    assert_eq!(lease, mark);
    let text: String = say(&redis, "HGET trunkline:nodes node-1").await;
    let card: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(card["incarnation"], mark);
    assert_eq!(card["capacity"], 500);
    let keys: usize = say(&redis, "DBSIZE").await;
    assert_eq!(keys, 5);
}

#[tokio::test]
async fn a_card_is_retracted_by_its_own_incarnation_only() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (node, mine, newer) = (node(1), Incarnation::fresh(), Incarnation::fresh());
    assert!(!directory.retract(&node, mine).await.unwrap());
    directory.announce(&node, &card(newer)).await.unwrap();
    assert!(!directory.retract(&node, mine).await.unwrap());
    assert_eq!(directory.nodes().await.unwrap(), [(node.clone(), card(newer))]);
    assert!(directory.retract(&node, newer).await.unwrap());
    assert!(directory.nodes().await.unwrap().is_empty());

    let () = say(&redis, "HSET trunkline:nodes node-1 {").await;
    assert!(!directory.retract(&node, mine).await.unwrap());
    assert!(directory.nodes().await.unwrap().is_empty());
    assert_eq!(directory.bad_fields(), 1);
}

#[tokio::test]
async fn what_is_not_well_formed_is_skipped_and_counted() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let good = Incarnation::fresh();
    let mut command = redis::cmd("HSET");
    command.arg("trunkline:user:user-1").arg("node-1").arg(good.to_string());
    command.arg("Not A Node").arg(good.to_string());
    command.arg("node-2").arg("not-a-ulid").arg("node-3").arg(b"\xff\xfe");
    let () = command.query_async(&mut raw(&redis).await).await.unwrap();

    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node(1), good)]);
    assert_eq!(directory.bad_fields(), 3);
}

#[tokio::test]
async fn users_are_paged_and_found() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let node = node(1);
    let (incarnation, fence) = incarnate(&directory, &node).await;
    for number in 0..25 {
        let since_ms = 1_000 + number as u64;
        directory.register(&user(number), (&node, incarnation), since_ms, fence).await.unwrap();
    }
    assert_eq!(directory.users_count(&node, incarnation).await.unwrap(), 25);
    let page = directory.users_of(&node, incarnation, 20, 10).await.unwrap();
    assert_eq!(page.first(), Some(&(user(20), 1_020)));
    assert_eq!(page.len(), 5);
    assert!(directory.users_of(&node, incarnation, 0, 0).await.unwrap().is_empty());

    let mut found = Vec::new();
    let mut cursor = Some(FindCursor::default());
    while let Some(step) = cursor {
        let step = directory.find("user-1", step).await.unwrap();
        found.extend(step.users);
        cursor = step.next;
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 11, "user-1 and user-10 to user-19");
    assert!(directory.find("*", FindCursor::default()).await.unwrap().users.is_empty());
}

#[tokio::test]
async fn a_missing_redis_costs_a_call_and_not_the_start() {
    let mut redis = RedisServer::start().unwrap();
    redis.stop();
    let directory = open(&redis.url());
    let away = directory.ping().await;
    assert!(matches!(away, Err(CallError::Away(_))), "{away:?}");
    redis.restart_empty().unwrap();
    eventually("Redis is back", async || directory.ping().await.is_ok()).await;
}

#[tokio::test]
async fn a_frozen_redis_fails_a_call_in_time_and_is_found_again() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    directory.ping().await.unwrap();
    redis.pause();
    for _ in 0..2 {
        let started = Instant::now();
        let frozen = directory.ping().await;
        assert!(matches!(frozen, Err(CallError::TimedOut)), "{frozen:?}");
        assert!(started.elapsed() >= CALL_TIMEOUT);
    }
    redis.resume();
    eventually("Redis goes on", async || directory.ping().await.is_ok()).await;
}

#[tokio::test]
async fn a_connection_whose_answers_do_not_come_is_replaced() {
    let (_redis, proxy) = slow_redis().await;
    let directory = open(&proxy.url());
    directory.ping().await.unwrap();
    proxy.delay(CALL_TIMEOUT * 600);
    assert!(matches!(directory.ping().await, Err(CallError::TimedOut)));
    proxy.delay(Duration::ZERO);
    directory.ping().await.expect("a new connection is not held up by the old one");
}

#[tokio::test]
async fn a_refused_password_is_tried_again_with_each_call() {
    let redis = RedisServer::start().unwrap();
    let () = say(&redis, "CONFIG SET requirepass first").await;
    let directory = open(&redis.url().replace("redis://", "redis://:second@"));
    assert!(directory.ping().await.is_err());
    let admin = redis::Client::open(redis.url().replace("redis://", "redis://:first@")).unwrap();
    let mut admin = admin.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd("CONFIG");
    command.arg("SET").arg("requirepass").arg("second");
    let () = command.query_async(&mut admin).await.unwrap();
    directory.ping().await.unwrap();
}

#[test]
fn a_url_that_cannot_be_used_says_so_in_one_line_and_keeps_the_password() {
    for bad in ["", "127.0.0.1:6379", "http://:secret@h", "redis://:secret@h:port", "rediss://h"] {
        let error = Directory::open(bad, KEY_PREFIX).unwrap_err();
        assert!(matches!(error, ConfigError::Url(_)), "{bad}");
        let text = error.to_string();
        assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
        assert!(text.contains("redis://[[user]:password@]host[:port][/db]"), "{text}");
    }
    assert!(matches!(Directory::open("redis://h", "a b"), Err(ConfigError::Prefix(_))));
}
