//! The load generator on a real cluster: it must count right.

use std::time::{Duration, Instant};

use trunkline_bench::{
    DirectoryFiller, Engine, IdleUsers, System, TrafficPace, Trunkline,
    workload::{Cold, Idle, Large, Latency, Layout, Logins, Skew, Throughput},
};
use trunkline_cli::local_cluster::LocalCluster;

/// Far more than an idle machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

async fn cluster(nodes: usize) -> LocalCluster {
    let no_limits = ["--messages-per-second", "0", "--bytes-per-second", "0"];
    let args = ["--capacity", "1000"].into_iter().chain(no_limits);
    let cluster = LocalCluster::builder().nodes(nodes).node_args(args);
    cluster.start().await.expect("a cluster starts")
}

#[tokio::test]
async fn load_arrives_once_and_in_order() {
    let cluster = cluster(2).await;
    let system = System::from(&cluster);
    let (warm_up, measured) = (Duration::ZERO, Duration::from_secs(1));
    let (pairs, in_flight, layout) = (10, 4, Layout::Ring);
    let load = Throughput { layout, pairs, in_flight, warm_up, measured, ..Throughput::default() };

    let small = load.run::<Trunkline>(&system).unwrap();
    let large = Throughput { body_bytes: 60 * 1024, ..load }.run::<Trunkline>(&system).unwrap();

    for found in [small, large] {
        assert!(found.messages_per_s > 0.0, "{found:?}");
        assert!(found.cpu_us.nodes > 0.0 && found.cpu_us.relay > 0.0, "{found:?}");
        let faults = found.faults;
        assert_eq!((faults.lost, faults.repeated, faults.disordered), (0, 0, 0), "{found:?}");
    }
}

#[tokio::test]
async fn every_workload_runs() {
    let cluster = cluster(2).await;
    let system = System::from(&cluster);
    let measured = Duration::from_millis(500);
    let (pairs, per_second) = (5, 500.0);

    let latency = Latency { pairs, one_recipient: false, per_second, warm_up: measured, measured };
    let latency = latency.run::<Trunkline>(&system).unwrap();
    assert!(latency.latency_us.p50 > 0.0 && latency.faults.lost == 0, "{latency:?}");

    let skew = Skew { senders: 10, per_second, measured }.run::<Trunkline>(&system).unwrap();
    assert!(skew.messages_per_s > 0.0 && skew.faults.lost == 0, "{skew:?}");

    let large = Large { body_bytes: 20_000, per_second: 20.0, measured };
    let large = large.run::<Trunkline>(&system).unwrap();
    assert!(large.small_among_large_us.p99 > 0.0, "{large:?}");

    let cold = Cold { recipients: 100, senders: 5, in_flight: 20 };
    let cold = cold.run::<Trunkline>(&system).unwrap();
    assert!(cold.warm_per_s > 0.0 && cold.faults.lost == 0, "{cold:?}");

    let logins = Logins { sessions: 100 };
    let found = logins.run::<Trunkline>(&system).unwrap();
    assert!(found.logins_per_s > 0.0, "{found:?}");
    let idle = Idle { logins, measured }.run::<Trunkline>(&system).unwrap();
    assert!((0.0..100.0).contains(&idle.sum()), "idle takes less than a core: {idle:?}");
}

#[tokio::test]
async fn filled_entries_and_idle_users_are_removed_again() {
    let cluster = cluster(2).await;
    let mut redis = cluster.redis().connect().await.unwrap();
    let directory_filler = DirectoryFiller::fill(cluster.redis().url(), 500).unwrap();
    let idle_users = IdleUsers::log_in::<Trunkline>((&cluster).into(), 50).unwrap();
    let keys: usize = redis::cmd("DBSIZE").query_async(&mut redis).await.unwrap();
    assert!(keys >= 550, "{keys} keys");
    drop((directory_filler, idle_users));
    // The relay purges the entries of a node whose lease has expired.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let keys: usize = redis::cmd("DBSIZE").query_async(&mut redis).await.unwrap();
        if keys < 50 {
            break;
        }
        assert!(Instant::now() < deadline, "{keys} keys are left");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn users_log_in_elsewhere_when_their_node_dies() {
    let mut cluster = cluster(2).await;
    let system = System::from(&cluster);
    let mut engine = Engine::<Trunkline>::new().unwrap();
    engine.reconnect_to(system.nodes.clone());
    let users = (0..20).map(|number| (system.node(number), format!("user-{number}")));
    let users = engine.log_in(users).unwrap();
    let pairs = users.iter().copied().zip(users.iter().rev().copied());
    // Enough that a message is due for each user while it logs in again.
    let per_second: u32 = 2_000;
    let traffic = engine.traffic(TrafficPace::Open { per_second: per_second.into() }, pairs, 128);
    engine.start(traffic);
    engine.run(Duration::from_millis(200)).unwrap();

    cluster.kill("node-1").await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    engine.run(Duration::from_millis(200)).unwrap();
    assert!(engine.online() < 20, "the node is gone, and its users are not");
    while engine.online() < 20 {
        assert!(Instant::now() < deadline, "{} of 20 have come back", engine.online());
        engine.run(Duration::from_millis(100)).unwrap();
    }
    let mut second = || {
        let before = engine.counts(traffic);
        engine.run(Duration::from_secs(1)).unwrap();
        engine.counts(traffic).since(&before)
    };
    let mut after = second();
    while after.sent < u64::from(per_second) * 9 / 10 {
        assert!(Instant::now() < deadline, "not all of them send again: {after:?}");
        after = second();
    }
    assert!(after.arrived > 0, "{after:?}");
    assert_eq!((after.repeated, after.disordered), (0, 0));
}
