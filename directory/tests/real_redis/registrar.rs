//! The registrar without faults.

use std::{collections::BTreeSet, time::Duration};

use tokio::time;
use trunkline_directory::{LeaseState, Registrar, RegistrationCancelled, testing::RedisServer};
use trunkline_protocol::Incarnation;

use crate::support::{
    PATIENCE, entries, eventually, held, incarnate, incarnation, indexed, lease, node, open, query,
    record, start, user,
};

#[tokio::test]
async fn user_is_registered_and_deregistered() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    let incarnation = incarnation(&registrar);
    let other = start(&redis.url(), &node(2));

    assert_eq!(registrar.register(&user(1)).await.unwrap(), []);
    assert_eq!(other.register(&user(1)).await.unwrap(), [(node(1), incarnation)]);
    let directory = open(&redis.url());
    assert_eq!(directory.look_up(&user(1)).await.unwrap().len(), 2);
    assert_eq!(indexed(&redis, &node(1), incarnation).await, BTreeSet::from([user(1)]));

    other.deregister(&user(1));
    registrar.deregister(&user(1));
    eventually("the user has no entry", async || {
        directory.look_up(&user(1)).await.unwrap().is_empty()
    })
    .await;
    eventually("the index is empty", async || {
        indexed(&redis, &node(1), incarnation).await.is_empty()
    })
    .await;
    assert_eq!(registrar.counts().desired, 0);
}

#[tokio::test]
async fn second_registration_returns_nodes_that_were_added_since() {
    let redis = RedisServer::start().unwrap();
    let one = start(&redis.url(), &node(1));
    let two = start(&redis.url(), &node(2));
    assert_eq!(one.register(&user(1)).await.unwrap(), []);
    let _ = two.register(&user(1)).await.unwrap();
    let second = incarnation(&two);
    assert_eq!(one.register(&user(1)).await.unwrap(), [(node(2), second)]);
}

#[tokio::test]
async fn operations_in_flight_are_bounded() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    held(&registrar).await;
    let registrations: Vec<_> =
        (0..2_000).map(|number| registrar.register(&user(number))).collect();
    for registration in registrations {
        let in_flight = registrar.counts().in_flight;
        assert!(in_flight <= trunkline_directory::defaults::OPERATIONS_IN_FLIGHT_MAX);
        time::timeout(PATIENCE, registration).await.unwrap().unwrap();
    }
    assert_eq!(entries(&redis).await.len(), 2_000);
}

#[tokio::test]
async fn deregistration_cancels_the_registration() {
    let mut redis = RedisServer::start().unwrap();
    redis.stop();
    let registrar = start(&redis.url(), &node(1));
    let registration = registrar.register(&user(1));
    registrar.deregister(&user(1));
    assert_eq!(registration.await, Err(RegistrationCancelled));
    redis.restart_empty().unwrap();
    assert!(registrar.register(&user(2)).await.is_ok());
    assert_eq!(entries(&redis).await.keys().collect::<Vec<_>>(), [&user(2)]);
}

#[tokio::test]
async fn second_process_with_the_same_name_waits_for_the_lease() {
    let redis = RedisServer::start().unwrap();
    let first = start(&redis.url(), &node(1));
    let incumbent = incarnation(&first);
    first.register(&user(1)).await.unwrap();

    let second = start(&redis.url(), &node(1));
    lease(&second, |lease| lease == LeaseState::Foreign { holder: Some(incumbent) }).await;
    let registration = second.register(&user(2));
    let listed = open(&redis.url()).incarnations().await.unwrap();
    assert_eq!(listed, [(incumbent, node(1))], "a process without the lease lists nothing");

    // The first is killed. The second acquires the lease when it expires, and purges the first.
    drop(first);
    time::timeout(PATIENCE, registration).await.unwrap().unwrap();
    eventually("the successor has purged the predecessor", async || {
        entries(&redis).await.keys().eq([&user(2)])
            && open(&redis.url()).incarnations().await.unwrap().len() == 1
    })
    .await;
}

#[tokio::test]
async fn listed_former_incarnations_are_purged() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (former, fence) = incarnate(&directory, &node(1)).await;
    let (stranger, stranger_fence) = incarnate(&directory, &node(2)).await;
    directory.register(&user(1), (&node(1), former), 5, fence).await.unwrap();
    directory.register(&user(2), (&node(2), stranger), 5, stranger_fence).await.unwrap();

    let registrar = start(&redis.url(), &node(1));
    registrar.register(&user(3)).await.unwrap();
    eventually("the former incarnation is gone", async || {
        let listed = directory.incarnations().await.unwrap();
        !listed.iter().any(|(listed, _)| *listed == former)
    })
    .await;
    assert!(entries(&redis).await.keys().eq([&user(2), &user(3)]));
}

#[tokio::test]
async fn shutdown_removes_all_keys() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    for number in 0..50 {
        registrar.register(&user(number)).await.unwrap();
    }
    let waiting = registrar.register(&user(99));
    registrar.shutdown(PATIENCE).await.unwrap();
    let keys: Vec<String> = query(&redis, "KEYS *").await;
    assert!(keys.is_empty(), "{keys:?}");
    // It may be confirmed or cancelled, but does not wait forever.
    let _ = time::timeout(PATIENCE, waiting).await.unwrap();
    assert_eq!(registrar.register(&user(1)).await, Err(RegistrationCancelled));
}

#[tokio::test]
async fn shutdown_without_redis_times_out() {
    let mut redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    registrar.register(&user(1)).await.unwrap();
    redis.stop();
    let within = Duration::from_millis(300);
    registrar.shutdown(within).await.unwrap_err();
}

#[tokio::test]
async fn dropped_registrar_removes_nothing() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let incarnation = Incarnation::fresh();
    let registrar = Registrar::start(directory.clone(), node(1), record(incarnation));
    registrar.register(&user(1)).await.unwrap();
    drop(registrar);
    eventually("the lease ends", async || directory.lease(&node(1)).await.unwrap().is_none()).await;
    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node(1), incarnation)]);
    assert_eq!(directory.nodes().await.unwrap().len(), 1);
}

#[tokio::test]
async fn reported_stale_entry_that_is_not_indexed_is_removed() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let registrar = start(&redis.url(), &node(1));
    let incarnation = incarnation(&registrar);
    registrar.register(&user(1)).await.unwrap();
    let () = query(&redis, &format!("HSET trunkline:user:user-2 node-1 {incarnation}")).await;

    registrar.report_stale(&user(1));
    registrar.report_stale(&user(2));
    eventually("the stale entry is removed", async || {
        directory.look_up(&user(2)).await.unwrap().is_empty()
    })
    .await;
    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node(1), incarnation)]);
    eventually("it was counted", async || registrar.counts().stale_entries_removed == 1).await;
}

#[tokio::test]
async fn audit_removes_stale_entries_and_repairs_missing_ones() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    let incarnation = incarnation(&registrar);
    for number in 0..30 {
        registrar.register(&user(number)).await.unwrap();
    }
    let index = format!("trunkline:node:node-1:{incarnation}:users");
    let () = query(&redis, &format!("ZADD {index} 7 stale")).await;
    let () = query(&redis, &format!("HSET trunkline:user:stale node-1 {incarnation}")).await;
    let () = query(&redis, "DEL trunkline:user:user-3").await;
    let () = query(&redis, &format!("ZREM {index} user-4")).await;
    let () = query(&redis, &format!("HDEL trunkline:incarnations {incarnation}")).await;
    let () = query(&redis, "DEL trunkline:nodes").await;

    let users: BTreeSet<_> = (0..30).map(user).collect();
    eventually("the directory is right again", async || {
        let entries: BTreeSet<_> = entries(&redis).await.into_keys().collect();
        entries == users && indexed(&redis, &node(1), incarnation).await == users
    })
    .await;
    let directory = open(&redis.url());
    eventually("the node is listed and has its record again", async || {
        directory.incarnations().await.unwrap() == [(incarnation, node(1))]
            && directory.nodes().await.unwrap().len() == 1
    })
    .await;
    let counts = registrar.counts();
    assert_eq!((counts.stale_entries_removed, counts.entries_repaired), (1, 2));
}
