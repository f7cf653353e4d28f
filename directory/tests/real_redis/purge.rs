//! A purge removes the entries of a dead incarnation, and spares all others.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};
use trunkline_directory::{
    Directory, Purged, Renewed, defaults::PURGE_BATCH, testing::RedisServer,
};
use trunkline_protocol::{Incarnation, Name};

use crate::support::{incarnate, indexed, node, open, query, raw, user};

const SLOWEST_COMMAND_US: f64 = 10_000.0;

/// Writes the entries of many users in pipelines.
async fn populate(redis: &RedisServer, node: &Name, incarnation: Incarnation, users: usize) {
    let mut connection = raw(redis).await;
    for start in (0..users).step_by(10_000) {
        let mut pipe = redis::pipe();
        for number in start..users.min(start + 10_000) {
            let index = format!("trunkline:node:{node}:{incarnation}:users");
            pipe.cmd("ZADD").arg(index).arg(1).arg(user(number).as_str()).ignore();
            let key = format!("trunkline:user:{}", user(number));
            pipe.cmd("HSET").arg(key).arg(node.as_str()).arg(incarnation.to_string()).ignore();
        }
        let () = pipe.query_async(&mut connection).await.unwrap();
    }
}

async fn dead_node(redis: &RedisServer, directory: &Directory, users: usize) -> Incarnation {
    let incarnation = Incarnation::fresh();
    directory.list_incarnation(&node(1), incarnation).await.unwrap();
    populate(redis, &node(1), incarnation, users).await;
    incarnation
}

/// The median time of each command, in microseconds. (The maximum includes the time that Redis has
/// waited for a processor.)
async fn median_times(redis: &RedisServer) -> Vec<(String, f64)> {
    let info: String = query(redis, "INFO latencystats").await;
    let times = info.lines().filter_map(|line| {
        let (command, percentiles) =
            line.strip_prefix("latency_percentiles_usec_")?.split_once(":p50=")?;
        Some((command.to_owned(), percentiles.split(',').next()?.parse().unwrap()))
    });
    let times: Vec<_> = times.collect();
    assert!(times.iter().any(|(command, _)| command == "zrem"), "{info}");
    times
}

#[tokio::test]
async fn purge_spares_entries_of_other_nodes_and_incarnations() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let dead = dead_node(&redis, &directory, 10).await;
    let (other, other_fence) = incarnate(&directory, &node(2)).await;
    let (newer, newer_fence) = incarnate(&directory, &node(1)).await;
    directory.register(&user(1), (&node(2), other), 5, other_fence).await.unwrap();
    directory.register(&user(2), (&node(1), newer), 5, newer_fence).await.unwrap();

    let purged = directory.purge(&node(1), dead, Duration::ZERO, |_| {}).await.unwrap();

    assert_eq!(purged, Purged { removed: 9, elsewhere: 2 });
    assert_eq!(directory.look_up(&user(1)).await.unwrap(), [(node(2), other)]);
    assert_eq!(directory.look_up(&user(2)).await.unwrap(), [(node(1), newer)]);
    assert!(directory.look_up(&user(3)).await.unwrap().is_empty());
    let listed = directory.incarnations().await.unwrap();
    assert!(listed.contains(&(other, node(2))) && listed.contains(&(newer, node(1))));
    assert!(!listed.contains(&(dead, node(1))));
    assert_eq!(directory.users_count(&node(1), newer).await.unwrap(), 1);
}

#[tokio::test]
async fn purge_of_50_000_users_is_fast_and_never_blocks_redis() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let dead = dead_node(&redis, &directory, 50_000).await;
    let () = query(&redis, "CONFIG RESETSTAT").await;

    let mut steps = Vec::new();
    let started = Instant::now();
    let purged = directory
        .purge(&node(1), dead, Duration::ZERO, |progress| steps.push(progress.removed))
        .await
        .unwrap();
    let took = started.elapsed();

    println!("50,000 users in {took:?}");
    assert_eq!(purged, Purged { removed: 50_000, elsewhere: 0 });
    assert_eq!(steps.len(), 50_000 / PURGE_BATCH);
    assert!(took < Duration::from_secs(20), "{took:?}");
    for (command, us) in median_times(&redis).await {
        assert!(us < SLOWEST_COMMAND_US, "{command} occupies Redis for {us} us");
    }
    let keys: usize = query(&redis, "DBSIZE").await;
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn purge_can_be_dropped_and_repeated() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let dead = dead_node(&redis, &directory, 2_000).await;

    let (first_step, stepped) = oneshot::channel();
    let mut first_step = Some(first_step);
    let progress = |_| {
        let _ = first_step.take().map(|step| step.send(()));
    };
    let name = node(1);
    tokio::select! {
        _ = directory.purge(&name, dead, Duration::ZERO, progress) => {}
        _ = stepped => {}
    }
    let left = directory.users_count(&node(1), dead).await.unwrap();
    let purged = directory.purge(&node(1), dead, Duration::ZERO, |_| {}).await.unwrap();
    assert!(purged.removed <= left);
    let keys: usize = query(&redis, "DBSIZE").await;
    assert_eq!(keys, 0);
    let again = directory.purge(&node(1), dead, Duration::ZERO, |_| {}).await.unwrap();
    assert_eq!(again, Purged::default());
}

#[tokio::test]
async fn purge_removes_entries_that_are_written_within_the_late_window() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let (node, alice) = (node(1), user(1));
    let (incarnation, fence) = incarnate(&directory, &node).await;
    directory.register(&alice, (&node, incarnation), 5, fence).await.unwrap();

    let late_window = directory.revoke_lease(&node, incarnation).await.unwrap().late_window();
    let purge = directory.purge(&node, incarnation, late_window, |_| {});
    // As if it was sent before the revocation, and executed during the purge.
    let late = async {
        loop {
            if directory.look_up(&alice).await.unwrap().is_empty() {
                return directory.register(&alice, (&node, incarnation), 5, fence).await;
            }
        }
    };
    let (purged, late) = tokio::join!(purge, late);

    purged.unwrap();
    late.expect("the fence has not passed");
    assert!(directory.look_up(&alice).await.unwrap().is_empty());
    assert!(indexed(&redis, &node, incarnation).await.is_empty());
    assert!(directory.incarnations().await.unwrap().is_empty());
    // A command that arrives after the purge also arrives after the fence.
    directory.register(&alice, (&node, incarnation), 5, fence).await.unwrap_err();
}

#[tokio::test]
async fn purge_spares_entries_that_are_written_meanwhile() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let dead = dead_node(&redis, &directory, 2_000).await;
    let (live, _) = incarnate(&directory, &node(2)).await;
    let name = node(1);
    let purge = directory.purge(&name, dead, Duration::ZERO, |_| {});
    let logins = async {
        for number in 0..200 {
            let Renewed::Held(fence) = directory.renew(&node(2), live).await.unwrap() else {
                panic!("the lease was not renewed in time");
            };
            directory.register(&user(number), (&node(2), live), 5, fence).await.unwrap();
        }
    };
    let (purged, ()) = tokio::join!(purge, logins);
    assert_eq!(purged.unwrap().removed, 2_000);
    for number in 0..200 {
        assert_eq!(directory.look_up(&user(number)).await.unwrap(), [(node(2), live)]);
    }
    assert_eq!(directory.users_count(&node(2), live).await.unwrap(), 200);
}

#[tokio::test]
async fn purge_skips_index_members_that_are_no_users() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let dead = dead_node(&redis, &directory, 3).await;
    let mut command = redis::cmd("ZADD");
    command.arg(format!("trunkline:node:node-1:{dead}:users")).arg(0).arg(b"\xff\x00");
    let () = command.query_async(&mut raw(&redis).await).await.unwrap();
    let purged = directory.purge(&node(1), dead, Duration::ZERO, |_| {}).await.unwrap();
    assert_eq!(purged.removed, 3);
    let keys: usize = query(&redis, "DBSIZE").await;
    assert_eq!(keys, 0);
}
