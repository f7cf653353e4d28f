//! The registrar on good days.

use std::{collections::BTreeSet, time::Duration};

use tokio::time;
use trunkline_directory::{LeaseState, Registrar, Withdrawn, testing::RedisServer};
use trunkline_protocol::Incarnation;

use crate::support::{
    PATIENCE, card, entries, eventually, held, incarnate, incarnation, indexed, lease, node, open,
    say, start, user,
};

#[tokio::test]
async fn a_wish_is_confirmed_and_taken_back() {
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
    assert_eq!(registrar.counts().wanted, 0);
}

#[tokio::test]
async fn a_second_login_learns_of_nodes_that_came_since() {
    let redis = RedisServer::start().unwrap();
    let one = start(&redis.url(), &node(1));
    let two = start(&redis.url(), &node(2));
    assert_eq!(one.register(&user(1)).await.unwrap(), []);
    let _ = two.register(&user(1)).await.unwrap();
    let second = incarnation(&two);
    assert_eq!(one.register(&user(1)).await.unwrap(), [(node(2), second)]);
}

#[tokio::test]
async fn many_wishes_at_once_are_bounded_in_flight() {
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
async fn a_withdrawn_wish_is_not_confirmed() {
    let mut redis = RedisServer::start().unwrap();
    redis.stop();
    let registrar = start(&redis.url(), &node(1));
    let registration = registrar.register(&user(1));
    registrar.deregister(&user(1));
    assert_eq!(registration.await, Err(Withdrawn));
    redis.restart_empty().unwrap();
    assert!(registrar.register(&user(2)).await.is_ok());
    assert_eq!(entries(&redis).await.keys().collect::<Vec<_>>(), [&user(2)]);
}

#[tokio::test]
async fn of_two_processes_with_one_name_the_second_waits() {
    let redis = RedisServer::start().unwrap();
    let first = start(&redis.url(), &node(1));
    let incumbent = incarnation(&first);
    first.register(&user(1)).await.unwrap();

    let second = start(&redis.url(), &node(1));
    lease(&second, |lease| lease == LeaseState::Foreign { holder: Some(incumbent) }).await;
    let registration = second.register(&user(2));
    let listed = open(&redis.url()).incarnations().await.unwrap();
    assert_eq!(listed, [(incumbent, node(1))], "a process without the lease lists nothing");

    // The first is killed. The second gets the lease when it ends, and cleans up.
    drop(first);
    time::timeout(PATIENCE, registration).await.unwrap().unwrap();
    eventually("the successor has purged the predecessor", async || {
        entries(&redis).await.keys().eq([&user(2)])
            && open(&redis.url()).incarnations().await.unwrap().len() == 1
    })
    .await;
}

#[tokio::test]
async fn former_incarnations_that_are_still_listed_are_purged() {
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
async fn a_shutdown_takes_everything_back() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    for number in 0..50 {
        registrar.register(&user(number)).await.unwrap();
    }
    let waiting = registrar.register(&user(99));
    registrar.shutdown(PATIENCE).await.unwrap();
    let keys: Vec<String> = say(&redis, "KEYS *").await;
    assert!(keys.is_empty(), "{keys:?}");
    // Confirmed just before, or withdrawn; it does not wait forever.
    let _ = time::timeout(PATIENCE, waiting).await.unwrap();
    assert_eq!(registrar.register(&user(1)).await, Err(Withdrawn));
}

#[tokio::test]
async fn a_shutdown_without_redis_ends_in_time() {
    let mut redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    registrar.register(&user(1)).await.unwrap();
    redis.stop();
    let within = Duration::from_millis(300);
    registrar.shutdown(within).await.unwrap_err();
}

#[tokio::test]
async fn a_node_that_is_dropped_takes_nothing_back() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let incarnation = Incarnation::fresh();
    let registrar = Registrar::start(directory.clone(), node(1), card(incarnation));
    registrar.register(&user(1)).await.unwrap();
    drop(registrar);
    eventually("the lease ends", async || directory.lease(&node(1)).await.unwrap().is_none()).await;
    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node(1), incarnation)]);
    assert_eq!(directory.nodes().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_entry_without_a_place_in_the_index_is_disowned() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let registrar = start(&redis.url(), &node(1));
    let incarnation = incarnation(&registrar);
    registrar.register(&user(1)).await.unwrap();
    let () = say(&redis, &format!("HSET trunkline:user:user-2 node-1 {incarnation}")).await;

    registrar.report_stale(&user(1));
    registrar.report_stale(&user(2));
    eventually("the ghost is gone", async || directory.look_up(&user(2)).await.unwrap().is_empty())
        .await;
    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node(1), incarnation)]);
    eventually("it was counted", async || registrar.counts().stale_entries_removed == 1).await;
}

#[tokio::test]
async fn the_audit_removes_ghosts_and_mends_entries() {
    let redis = RedisServer::start().unwrap();
    let registrar = start(&redis.url(), &node(1));
    let incarnation = incarnation(&registrar);
    for number in 0..30 {
        registrar.register(&user(number)).await.unwrap();
    }
    let index = format!("trunkline:node:node-1:{incarnation}:users");
    let () = say(&redis, &format!("ZADD {index} 7 ghost")).await;
    let () = say(&redis, &format!("HSET trunkline:user:ghost node-1 {incarnation}")).await;
    let () = say(&redis, "DEL trunkline:user:user-3").await;
    let () = say(&redis, &format!("ZREM {index} user-4")).await;
    let () = say(&redis, &format!("HDEL trunkline:incarnations {incarnation}")).await;
    let () = say(&redis, "DEL trunkline:nodes").await;

    let users: BTreeSet<_> = (0..30).map(user).collect();
    eventually("the directory is right again", async || {
        let entries: BTreeSet<_> = entries(&redis).await.into_keys().collect();
        entries == users && indexed(&redis, &node(1), incarnation).await == users
    })
    .await;
    let directory = open(&redis.url());
    eventually("the node is listed and has its card again", async || {
        directory.incarnations().await.unwrap() == [(incarnation, node(1))]
            && directory.nodes().await.unwrap().len() == 1
    })
    .await;
    let counts = registrar.counts();
    assert_eq!((counts.stale_entries_removed, counts.entries_repaired), (1, 2));
}
