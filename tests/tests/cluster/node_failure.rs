//! A node dies: its users' entries are purged, and no other user's.

use std::time::{Duration, Instant};

use trunkline_cli::{
    http,
    local_cluster::{LocalCluster, RELAY},
    status_stream::StatusStream,
};
use trunkline_client::Client;
use trunkline_protocol::{
    control::MemberState,
    status::{EventKind, StatusLine},
};

use crate::support::{self, DirectoryView, SOON, deliver_at_last, login, until};

const USERS: usize = 500;

/// The bound from the death of a node to the removal of its last trace.
const CLEAN_UP_BOUND: Duration = Duration::from_secs(3);

#[tokio::test]
async fn killed_node_is_purged_everywhere_within_the_bound() {
    let mut cluster = support::cluster(3).await;
    let (relay, certs) = (cluster.relay().address(), cluster.certs());
    let mut status = StatusStream::open(relay, &certs, Duration::from_millis(200)).await.unwrap();
    let directory = DirectoryView::of(&cluster).await;
    let users = log_in_all(&cluster).await;
    let incarnation = directory.incarnations_of("node-1").await.remove(0);
    assert_eq!(directory.traces(&incarnation).await.len(), USERS + 2, "users, index and list");

    cluster.kill("node-1").await.unwrap();
    let killed = Instant::now();
    // One of its users logs in elsewhere before the purge.
    let mut mover = login(&cluster, "node-2", "user-0").await;
    let within = CLEAN_UP_BOUND.saturating_sub(killed.elapsed());
    let no_traces = || async { directory.traces(&incarnation).await.is_empty().then_some(()) };
    until("no trace in Redis", within, no_traces).await;
    for node in ["node-2", "node-3"] {
        let within = CLEAN_UP_BOUND.saturating_sub(killed.elapsed());
        let (address, url) = (cluster.node(node).address(), cluster.node("node-1").ws_url());
        let forgotten = || async {
            let answer = http::get(address, "/nodes").await.unwrap();
            (!answer.body.contains(&url)).then_some(())
        };
        until(&format!("{node} does not offer it"), within, forgotten).await;
    }
    operators_see_the_purge(&mut status, killed).await;

    assert_eq!(directory.user("user-0").await.keys().collect::<Vec<_>>(), ["node-2"]);
    let mut friend = login(&cluster, "node-3", "friend").await;
    deliver_at_last(&mut friend, "user-0", "\"still there\"").await;
    assert_eq!(mover.next_message().await.unwrap().from, "friend");
    assert_eq!(support::outcome(&mut friend, "user-1").await.unwrap(), "offline");
    drop(users);
}

#[tokio::test]
async fn node_that_dies_without_a_relay_leaves_no_stale_entry() {
    let mut cluster = support::cluster(2).await;
    let directory = DirectoryView::of(&cluster).await;
    let lost_users: Vec<_> = ["lost-1", "lost-2"].into();
    let mut lost = Vec::new();
    for user in &lost_users {
        lost.push(login(&cluster, "node-1", user).await);
    }
    let old = directory.incarnations_of("node-1").await.remove(0);

    cluster.kill(RELAY).await.unwrap();
    cluster.kill("node-1").await.unwrap();
    cluster.start_node("node-1").await.unwrap();
    // Without a relay it has no link, but it can register.
    let reborn = || async {
        directory
            .incarnations_of("node-1")
            .await
            .into_iter()
            .find(|incarnation| *incarnation != old)
    };
    let (new, _) = until("a new incarnation", SOON, reborn).await;
    let back = login(&cluster, "node-1", "lost-1").await;
    cluster.start(RELAY).await.unwrap();
    cluster.ready("node-1").await.unwrap();

    let no_traces = || async { directory.traces(&old).await.is_empty().then_some(()) };
    until("no trace of the old incarnation", SOON, no_traces).await;
    assert_eq!(directory.user("lost-1").await.get("node-1"), Some(&new));
    assert!(directory.user("lost-2").await.is_empty());
    let mut friend = login(&cluster, "node-2", "friend").await;
    deliver_at_last(&mut friend, "lost-1", "1").await;
    assert_eq!(support::outcome(&mut friend, "lost-2").await.unwrap(), "offline");
    drop((lost, back));
}

async fn log_in_all(cluster: &LocalCluster) -> Vec<Client> {
    let mut users = Vec::new();
    for user in 0..USERS {
        users.push(login(cluster, "node-1", &format!("user-{user}")).await);
    }
    users
}

/// The status stream has the verdict, the purge, and a snapshot with both.
async fn operators_see_the_purge(status: &mut StatusStream, killed: Instant) {
    let (mut dead, mut cleaned, mut shown) = (false, false, false);
    while !(dead && cleaned && shown) {
        assert!(killed.elapsed() < SOON, "dead {dead}, cleaned {cleaned}, shown {shown}");
        match status.next_line().await.unwrap() {
            StatusLine::Event(event)
                if event.node.as_ref().is_some_and(|n| n.as_str() == "node-1") =>
            {
                match event.kind {
                    EventKind::Dead { .. } => dead = true,
                    EventKind::Cleaned { removed, kept, done_ms } => {
                        assert_eq!(removed, USERS as u64, "every entry of the dead node");
                        assert!(kept <= 1, "one user is elsewhere, not {kept}");
                        assert!(u128::from(done_ms) <= CLEAN_UP_BOUND.as_millis(), "{done_ms} ms");
                        cleaned = true;
                    }
                    _ => {}
                }
            }
            StatusLine::Snapshot(snapshot) => {
                let node = snapshot.nodes.iter().find(|node| node.name.as_str() == "node-1");
                shown |= cleaned && node.is_none_or(|node| node.state == MemberState::Dead);
            }
            _ => {}
        }
    }
}
