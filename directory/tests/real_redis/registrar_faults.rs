//! The registrar with faults: Redis emptied, frozen or away, and live nodes declared dead.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{self, Instant};
use trunkline_directory::{LeaseState, LookUpError, Registrar, testing::RedisServer};

use crate::support::{
    PATIENCE, entries, eventually, held, incarnation, indexed, lease, node, open, query,
    reincarnate_when_lost, start, user,
};

#[tokio::test]
async fn emptied_redis_is_rebuilt_within_seconds() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    held(&registrar).await;
    let registrations: Vec<_> =
        (0..5_000).map(|number| registrar.register(&user(number))).collect();
    for registration in registrations {
        time::timeout(PATIENCE, registration).await.unwrap().unwrap();
    }
    let old = incarnation(&registrar);
    let _node = reincarnate_when_lost(&registrar);

    let emptied = Instant::now();
    let () = query(&redis, "FLUSHALL").await;
    let mut status = registrar.status();
    status.wait_for(|status| status.rebuilding).await.unwrap();
    let noticed = emptied.elapsed();
    let rebuilt = status.wait_for(|status| !status.rebuilding);
    time::timeout(PATIENCE, rebuilt).await.unwrap().unwrap();
    println!("noticed after {noticed:?}, 5,000 rebuilt after {:?}", emptied.elapsed());

    let new = incarnation(&registrar);
    assert_ne!(new, old);
    let users: BTreeSet<_> = (0..5_000).map(user).collect();
    assert_eq!(indexed(&redis, &node(1), new).await, users);
    let entries = entries(&redis).await;
    assert!(entries.keys().eq(&users));
    assert!(entries.values().all(|locations| locations[&node(1)] == new));
}

#[tokio::test]
async fn miss_is_not_trusted_after_redis_was_emptied() {
    let redis = RedisServer::start().unwrap();
    let (here, there) = (start(&redis.url(), &node(1)), start(&redis.url(), &node(2)));
    held(&here).await;
    there.register(&user(0)).await.unwrap();
    until_misses_are_trusted(&here).await;
    let _nodes = [&here, &there].map(reincarnate_when_lost);

    let () = query(&redis, "FLUSHALL").await;
    until_found(&here).await;
    until_misses_are_trusted(&here).await;
}

#[tokio::test]
async fn miss_is_not_trusted_by_a_node_that_starts_after_redis_was_emptied() {
    let redis = RedisServer::start().unwrap();
    let there = start(&redis.url(), &node(2));
    there.register(&user(0)).await.unwrap();
    let _node = reincarnate_when_lost(&there);

    let () = query(&redis, "FLUSHALL").await;
    let here = start(&redis.url(), &node(1));
    held(&here).await;
    until_found(&here).await;
    until_misses_are_trusted(&here).await;
}

/// Waits until the online user is found; a look-up must never miss the user before.
async fn until_found(registrar: &Registrar) {
    eventually("the user is found", async || match registrar.look_up(&user(0)).await {
        Ok(locations) => !locations.is_empty() || panic!("a trusted miss of an online user"),
        Err(LookUpError::Indeterminate) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
}

/// Waits until a miss of an offline user is trusted.
async fn until_misses_are_trusted(registrar: &Registrar) {
    let trusted =
        async || registrar.look_up(&user(1)).await.is_ok_and(|locations| locations.is_empty());
    eventually("a miss is trusted", trusted).await;
}

#[tokio::test]
async fn redis_that_restarts_empty_is_rebuilt() {
    let mut redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    let _node = reincarnate_when_lost(&registrar);
    for number in 0..100 {
        registrar.register(&user(number)).await.unwrap();
    }
    redis.stop();
    let mut status = registrar.status();
    let away = status.wait_for(|status| status.redis_away);
    time::timeout(PATIENCE, away).await.unwrap().unwrap();
    registrar.deregister(&user(0));
    let login = registrar.register(&user(100));
    redis.restart_empty().unwrap();
    time::timeout(PATIENCE, login).await.unwrap().unwrap();
    eventually("all sessions are registered", async || {
        entries(&redis).await.into_keys().collect::<BTreeSet<_>>() == (1..=100).map(user).collect()
    })
    .await;
    assert!(!registrar.status().borrow().redis_away);
}

#[tokio::test]
async fn frozen_redis_is_updated_when_it_resumes() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    let _node = reincarnate_when_lost(&registrar);
    for number in 0..20 {
        registrar.register(&user(number)).await.unwrap();
    }
    redis.pause();
    for number in 0..10 {
        registrar.deregister(&user(number));
    }
    let logins: Vec<_> = (20..30).map(|number| registrar.register(&user(number))).collect();
    let mut status = registrar.status();
    let away = status.wait_for(|status| status.redis_away);
    time::timeout(PATIENCE, away).await.unwrap().unwrap();
    // Longer than the lease.
    time::sleep(Duration::from_secs(2)).await;
    redis.resume();
    for login in logins {
        time::timeout(PATIENCE, login).await.unwrap().unwrap();
    }
    let directory = open(&redis.url());
    eventually("one incarnation is left, with the online users", async || {
        entries(&redis).await.into_keys().collect::<BTreeSet<_>>() == (10..30).map(user).collect()
            && directory.incarnations().await.unwrap().len() == 1
    })
    .await;
    let incarnation = incarnation(&registrar);
    assert_eq!(indexed(&redis, &node(1), incarnation).await, (10..30).map(user).collect());
}

#[tokio::test]
async fn live_node_declared_dead_loses_no_user() {
    let redis = RedisServer::start().unwrap();
    let relay = open(&redis.url());
    let registrar = start(&redis.url(), &node(1));
    for number in 0..200 {
        registrar.register(&user(number)).await.unwrap();
    }
    let old = incarnation(&registrar);
    let revocation = relay.revoke_lease(&node(1), old).await.unwrap();
    let _node = reincarnate_when_lost(&registrar);
    relay.purge(&node(1), old, revocation.late_window(), |_| {}).await.unwrap();
    relay.retract(&node(1), old).await.unwrap();

    let users: BTreeSet<_> = (0..200).map(user).collect();
    eventually("all users are registered, under the new incarnation only", async || {
        let new = incarnation(&registrar);
        let entries = entries(&redis).await;
        new != old
            && entries.values().all(|locations| locations[&node(1)] == new)
            && entries.into_keys().collect::<BTreeSet<_>>() == users
            && relay.incarnations().await.unwrap() == [(new, node(1))]
            && relay.nodes().await.unwrap().iter().all(|(_, record)| record.incarnation == new)
    })
    .await;
}

#[tokio::test]
async fn nothing_is_registered_while_the_lease_is_lost() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let registrar = start(&redis.url(), &node(1));
    registrar.register(&user(1)).await.unwrap();
    let old = incarnation(&registrar);
    directory.revoke_lease(&node(1), old).await.unwrap();
    lease(&registrar, |lease| lease == LeaseState::Lost { holder: None }).await;
    assert!(registrar.status().borrow().rebuilding);
    let login = registrar.register(&user(2));
    assert!(time::timeout(Duration::from_millis(300), login).await.is_err());
    assert!(directory.look_up(&user(2)).await.unwrap().is_empty());

    registrar.reincarnate(trunkline_protocol::Incarnation::fresh());
    held(&registrar).await;
    eventually("the login that timed out is registered", async || {
        !directory.look_up(&user(2)).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn registrar_may_start_before_redis() {
    let mut redis = RedisServer::start().unwrap();
    redis.stop();
    let registrar = start(&redis.url(), &node(1));
    let login = registrar.register(&user(1));
    let mut status = registrar.status();
    let away = status.wait_for(|status| status.redis_away);
    time::timeout(PATIENCE, away).await.unwrap().unwrap();
    redis.restart_empty().unwrap();
    time::timeout(PATIENCE, login).await.unwrap().unwrap();
}
