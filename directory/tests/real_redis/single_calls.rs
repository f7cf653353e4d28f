//! The directory's single calls.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_directory::{
    Acquired, CallError, ConfigError, Directory, EntryError, FindCursor, Renewed, Revocation,
    defaults::{CALL_TIMEOUT, KEY_PREFIX, LEASE_TTL},
    testing::RedisServer,
};
use trunkline_protocol::Incarnation;

use crate::support::{eventually, incarnate, node, open, query, raw, record, slow_redis, user};

#[tokio::test]
async fn lease_has_one_holder_and_expires() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (node, one, other) = (node(1), Incarnation::fresh(), Incarnation::fresh());

    // On a loaded machine a call may time out, or the lease may expire between two calls: then
    // their answers prove nothing, and the sequence is repeated.
    let sequence = async || -> Result<bool, CallError> {
        directory.revoke_lease(&node, one).await?;
        directory.revoke_lease(&node, other).await?;
        assert_eq!(directory.lease(&node).await?, None);
        let begun = Instant::now();
        let first = directory.acquire(&node, one).await?;
        let again = directory.acquire(&node, one).await?;
        let foreign = directory.acquire(&node, other).await?;
        let lost = directory.renew(&node, other).await?;
        let renewed = directory.renew(&node, one).await?;
        let lease = directory.lease(&node).await?;
        if begun.elapsed() >= LEASE_TTL {
            return Ok(false);
        }
        assert!(matches!(first, Acquired::Held(_)));
        assert!(matches!(again, Acquired::Held(_)), "an acquisition may be repeated: {again:?}");
        assert_eq!(foreign, Acquired::Foreign { holder: Some(one) });
        assert_eq!(lost, Renewed::Lost { holder: Some(one) });
        assert!(matches!(renewed, Renewed::Held(_)));
        let lease = lease.unwrap();
        assert!(lease.holder == one && lease.left <= LEASE_TTL, "{lease:?}");
        Ok(true)
    };
    eventually("the calls complete within one lease", async || sequence().await.unwrap_or(false))
        .await;

    eventually("the lease expires", async || directory.lease(&node).await.unwrap().is_none()).await;
    assert_eq!(directory.renew(&node, one).await.unwrap(), Renewed::Lost { holder: None });
    assert!(matches!(directory.acquire(&node, other).await.unwrap(), Acquired::Held(_)));
}

#[tokio::test]
async fn revocation_spares_the_lease_of_another_incarnation() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (node, one, other) = (node(1), Incarnation::fresh(), Incarnation::fresh());
    directory.acquire(&node, one).await.unwrap();

    let foreign = directory.revoke_lease(&node, other).await.unwrap();
    assert_eq!(foreign, Revocation::Foreign { holder: Some(one) });
    let Revocation::Removed { late_window } = directory.revoke_lease(&node, one).await.unwrap()
    else {
        panic!("the incarnation had the lease");
    };
    assert!(late_window > Duration::ZERO && late_window <= LEASE_TTL);
    assert_eq!(directory.revoke_lease(&node, one).await.unwrap(), Revocation::Gone);
    assert_eq!(directory.renew(&node, one).await.unwrap(), Renewed::Lost { holder: None });
}

#[tokio::test]
async fn registration_returns_the_other_nodes_of_the_user() {
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
    let mut locations = directory.look_up(&alice).await.unwrap();
    locations.sort();
    assert_eq!(locations, [(one.clone(), first), (two.clone(), second)]);
    assert!(directory.look_up(&user(2)).await.unwrap().is_empty());

    let seen = directory.user(&alice).await.unwrap();
    assert_eq!(seen.iter().find(|location| location.node == two).unwrap().since_ms, Some(20));

    assert!(directory.unregister(&alice, (&one, first), 10, fence).await.unwrap());
    assert!(!directory.unregister(&alice, (&one, first), 10, fence).await.unwrap());
    assert_eq!(directory.look_up(&alice).await.unwrap(), [(two, second)]);
    assert_eq!(directory.users_count(&one, first).await.unwrap(), 0);
}

#[tokio::test]
async fn removal_spares_newer_entry() {
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
async fn command_after_its_fence_changes_nothing() {
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
async fn keys_are_as_documented() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let node = node(1);
    let (incarnation, fence) = incarnate(&directory, &node).await;
    directory.announce(&node, &record(incarnation)).await.unwrap();
    directory.register(&user(1), (&node, incarnation), 1234, fence).await.unwrap();

    let own = incarnation.to_string();
    let field: String = query(&redis, "HGET trunkline:user:user-1 node-1").await;
    assert_eq!(field, own);
    let score: u64 =
        query(&redis, &format!("ZSCORE trunkline:node:node-1:{own}:users user-1")).await;
    assert_eq!(score, 1234);
    let listed: String = query(&redis, &format!("HGET trunkline:incarnations {own}")).await;
    assert_eq!(listed, "node-1");
    let lease: String = query(&redis, "GET trunkline:lease:node-1").await;
    assert_eq!(lease, own);
    let text: String = query(&redis, "HGET trunkline:nodes node-1").await;
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["incarnation"], own);
    assert_eq!(record["capacity"], 500);
    let keys: usize = query(&redis, "DBSIZE").await;
    assert_eq!(keys, 5);
}

#[tokio::test]
async fn record_is_retracted_by_its_own_incarnation_only() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (node, mine, newer) = (node(1), Incarnation::fresh(), Incarnation::fresh());
    assert!(!directory.retract(&node, mine).await.unwrap());
    directory.announce(&node, &record(newer)).await.unwrap();
    assert!(!directory.retract(&node, mine).await.unwrap());
    assert_eq!(directory.nodes().await.unwrap(), [(node.clone(), record(newer))]);
    assert!(directory.retract(&node, newer).await.unwrap());
    assert!(directory.nodes().await.unwrap().is_empty());

    let () = query(&redis, "HSET trunkline:nodes node-1 {").await;
    assert!(!directory.retract(&node, mine).await.unwrap());
    assert!(directory.nodes().await.unwrap().is_empty(), "a malformed record is skipped");
}

#[tokio::test]
async fn malformed_fields_are_skipped() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let good = Incarnation::fresh();
    let mut command = redis::cmd("HSET");
    command.arg("trunkline:user:user-1").arg("node-1").arg(good.to_string());
    command.arg("Not A Node").arg(good.to_string());
    command.arg("node-2").arg("not-a-ulid").arg("node-3").arg(b"\xff\xfe");
    let () = command.query_async(&mut raw(&redis).await).await.unwrap();

    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node(1), good)]);
}

#[tokio::test]
async fn users_are_paged_and_found_by_prefix() {
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
async fn directory_opens_while_redis_is_away() {
    let mut redis = RedisServer::start().unwrap();
    redis.stop();
    let directory = open(&redis.url());
    let away = directory.ping().await;
    assert!(matches!(away, Err(CallError::Away(_))), "{away:?}");
    redis.restart_empty().unwrap();
    eventually("Redis is back", async || directory.ping().await.is_ok()).await;
}

#[tokio::test]
async fn call_to_a_frozen_redis_times_out() {
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
    eventually("Redis answers again", async || directory.ping().await.is_ok()).await;
}

#[tokio::test]
async fn connection_that_does_not_answer_is_replaced() {
    let (_redis, proxy) = slow_redis().await;
    let directory = open(&proxy.url());
    directory.ping().await.unwrap();
    proxy.delay(CALL_TIMEOUT * 600);
    assert!(matches!(directory.ping().await, Err(CallError::TimedOut)));
    proxy.delay(Duration::ZERO);
    directory.ping().await.expect("a new connection does not wait for the old one");
}

#[tokio::test]
async fn rejected_login_is_repeated_with_each_call() {
    let redis = RedisServer::start().unwrap();
    let () = query(&redis, "CONFIG SET requirepass first").await;
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
fn error_about_the_url_is_one_line_without_the_password() {
    for bad in ["", "127.0.0.1:6379", "http://:secret@h", "redis://:secret@h:port", "rediss://h"] {
        let error = Directory::open(bad, KEY_PREFIX).unwrap_err();
        assert!(matches!(error, ConfigError::Url(_)), "{bad}");
        let text = error.to_string();
        assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
        assert!(text.contains("redis://[[user]:password@]host[:port][/db]"), "{text}");
    }
    assert!(matches!(Directory::open("redis://h", "a b"), Err(ConfigError::Prefix(_))));
}
