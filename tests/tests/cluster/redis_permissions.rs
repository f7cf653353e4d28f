//! The Redis permissions in `docs/operations.md` are exactly those that the programs need.

use std::{collections::BTreeSet, fs};

use redis::{FromRedisValue, aio::MultiplexedConnection};
use trunkline_cli::{
    http,
    local_cluster::{LocalCluster, MemberKind, REDIS, RELAY, project},
};
use trunkline_directory::{Directory, FindCursor, defaults::KEY_PREFIX};
use trunkline_protocol::User;

use crate::support::{self, SOON, deliver_at_last, login, until};

const PASSWORD: &str = "hunter2";

/// The Redis user of each program, as the document names it.
const USERS: [(MemberKind, &str); 3] = [
    (MemberKind::Node, "trunkline-node"),
    (MemberKind::Relay, "trunkline-relay"),
    (MemberKind::Window, "trunkline-admin"),
];

/// The `ACL SETUSER` lines of the document, split into words.
fn documented() -> Vec<Vec<String>> {
    let text = fs::read_to_string(project().join("docs/operations.md")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("ACL SETUSER "));
    let word = |word: &str| word.replace("PASSWORD", PASSWORD);
    lines.map(|line| line.split(' ').map(word).collect()).collect()
}

async fn say<T: FromRedisValue>(redis: &mut MultiplexedConnection, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(redis).await.unwrap()
}

/// A cluster of two nodes with the documented permissions and these changes.
async fn cluster(changes: &[&[&str]]) -> (LocalCluster, MultiplexedConnection) {
    let mut cluster = LocalCluster::builder().nodes(2).prepare().unwrap();
    cluster.start(REDIS).await.unwrap();
    let mut redis = cluster.redis().connect().await.unwrap();
    let documented = documented();
    assert_eq!(documented.len(), USERS.len(), "a line for each program");
    for line in documented {
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        let () = say(&mut redis, &words).await;
    }
    for change in changes {
        let () = say(&mut redis, change).await;
    }
    for (kind, user) in USERS {
        cluster.log_in_to_redis(kind, format!("{user}:{PASSWORD}"));
    }
    for name in [RELAY, "node-1", "node-2"] {
        cluster.start(name).await.unwrap();
    }
    for name in [RELAY, "node-1", "node-2"] {
        cluster.ready(name).await.unwrap_or_else(|error| panic!("{error}"));
    }
    (cluster, redis)
}

#[tokio::test]
async fn documented_permissions_suffice_and_all_are_used() {
    let (mut cluster, mut redis) = cluster(&[]).await;
    let directory = support::DirectoryView::of(&cluster).await;
    messages_cross(&cluster).await;
    window_queries(&cluster).await;
    audit_repairs_the_directory(&cluster, &directory, &mut redis).await;

    let () = say(&mut redis, &["FLUSHALL"]).await;
    messages_cross(&cluster).await;

    let mut carol = login(&cluster, "node-1", "carol").await;
    deliver_at_last(&mut carol, "carol", "1").await;
    cluster.kill("node-1").await.unwrap();
    node_1_has_no_user(&directory).await;
    cluster.start_node("node-1").await.unwrap();
    cluster.ready("node-1").await.unwrap();
    messages_cross(&cluster).await;
    // Without a relay, a restarted node purges its former incarnation itself.
    let carol = login(&cluster, "node-1", "carol").await;
    cluster.kill(RELAY).await.unwrap();
    cluster.kill("node-1").await.unwrap();
    drop(carol);
    cluster.start_node("node-1").await.unwrap();
    let gone = || async { directory.user("carol").await.is_empty().then_some(()) };
    until("carol's entry is purged by the node", SOON, gone).await;
    cluster.start(RELAY).await.unwrap();

    for name in ["node-1", "node-2"] {
        cluster.ready(name).await.unwrap();
        assert!(cluster.terminate(name).await.unwrap().success());
    }
    let left = || async { directory.incarnations().await.is_empty().then_some(()) };
    until("both nodes have left", SOON, left).await;

    let denied: Vec<redis::Value> = say(&mut redis, &["ACL", "LOG"]).await;
    assert_eq!(denied, [], "what Redis has denied");
    for name in [RELAY, "node-1", "node-2"] {
        let log = fs::read_to_string(cluster.node(name).log()).unwrap();
        assert!(!log.contains("NOPERM") && !log.contains(PASSWORD), "{log}");
    }
    every_permission_was_used(&mut redis).await;
}

/// Redis counts commands, those of scripts too.
async fn every_permission_was_used(redis: &mut MultiplexedConnection) {
    let used: String = say(redis, &["INFO", "commandstats"]).await;
    let rights: BTreeSet<String> = documented()
        .into_iter()
        .flatten()
        .filter_map(|word| word.strip_prefix('+').map(str::to_owned))
        .collect();
    assert!(rights.len() > 20, "{rights:?}");
    let idle: Vec<_> =
        rights.iter().filter(|right| !used.contains(&format!("cmdstat_{right}:"))).collect();
    assert!(idle.is_empty(), "nobody used {idle:?}");
}

async fn messages_cross(cluster: &LocalCluster) {
    let mut alice = login(cluster, "node-1", "alice").await;
    let mut bob = login(cluster, "node-2", "bob").await;
    deliver_at_last(&mut alice, "bob", "1").await;
    deliver_at_last(&mut bob, "alice", "1").await;
    alice.send("nobody", "nobody", "1").await.unwrap();
    alice.expect_receipt("nobody").await.unwrap();
}

/// The window's queries of the directory.
async fn window_queries(cluster: &LocalCluster) {
    let _alice = login(cluster, "node-1", "alice").await;
    let directory = Directory::open(&cluster.redis_url(MemberKind::Window), KEY_PREFIX).unwrap();
    directory.ping().await.unwrap();
    let alice: User = "alice".parse().unwrap();
    let locations = directory.user(&alice).await.unwrap();
    let location = locations.first().expect("she is logged in");
    assert!(location.since_ms.is_some());
    assert_eq!(directory.users_count(&location.node, location.incarnation).await.unwrap(), 1);
    let page = directory.users_of(&location.node, location.incarnation, 0, 10).await.unwrap();
    assert_eq!(page[0].0, alice);
    let mut cursor = Some(FindCursor::default());
    let mut found = Vec::new();
    while let Some(step) = cursor {
        let step = directory.find("ali", step).await.unwrap();
        found.extend(step.users);
        cursor = step.next;
    }
    assert!(found.contains(&alice));
    assert_eq!(directory.trouble(), None);
}

/// In both directions: a missing entry, and a stale one.
async fn audit_repairs_the_directory(
    cluster: &LocalCluster,
    directory: &support::DirectoryView,
    redis: &mut MultiplexedConnection,
) {
    let _alice = login(cluster, "node-1", "alice").await;
    let incarnations = directory.incarnations_of("node-1").await;
    let incarnation = incarnations.first().expect("it is registered");
    let index = format!("trunkline:node:node-1:{incarnation}:users");
    let () = say(redis, &["DEL", "trunkline:user:alice"]).await;
    let () = say(redis, &["ZADD", &index, "1", "stale"]).await;
    let () = say(redis, &["HSET", "trunkline:user:stale", "node-1", incarnation]).await;
    let right = || async {
        let (alice, stale) = (directory.user("alice").await, directory.user("stale").await);
        (alice.len() == 1 && stale.is_empty()).then_some(())
    };
    until("the audit has put both right", SOON * 2, right).await;
}

async fn node_1_has_no_user(directory: &support::DirectoryView) {
    let purged = || async { directory.incarnations_of("node-1").await.is_empty().then_some(()) };
    until("node-1's incarnation is purged", SOON, purged).await;
}

#[tokio::test]
async fn permission_missing_for_a_purge_is_named_until_it_is_granted() {
    let (mut cluster, mut redis) =
        cluster(&[&["ACL", "SETUSER", "trunkline-relay", "-zrem"]]).await;
    let directory = support::DirectoryView::of(&cluster).await;
    let _carol = login(&cluster, "node-1", "carol").await;
    cluster.kill("node-1").await.unwrap();
    let relay = cluster.relay();
    let named = || async {
        let answer = http::get(relay.ops(), "/readyz").await.ok()?;
        let named = answer.body.contains("NOPERM") && answer.body.contains("'zrem'");
        (answer.status == 503 && named).then_some(())
    };
    until("/readyz names the right", SOON, named).await;
    let lines = || {
        let log = fs::read_to_string(relay.log()).unwrap();
        log.lines().filter(|line| line.contains("NOPERM")).map(str::to_owned).collect::<Vec<_>>()
    };
    let seen = lines();
    assert!(seen.len() == 1 && seen[0].contains("'zrem'"), "{seen:#?}");
    assert!(seen[0].contains("docs/operations.md lists the rights that are needed"), "{seen:#?}");

    let () = say(&mut redis, &["ACL", "SETUSER", "trunkline-relay", "+zrem"]).await;
    node_1_has_no_user(&directory).await;
    cluster.ready(RELAY).await.unwrap();
}
