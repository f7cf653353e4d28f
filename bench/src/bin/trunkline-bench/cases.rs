//! The workloads, and the metrics that each reports.

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use trunkline_bench::{
    PerRole, System,
    proxy::NetworkConditions,
    workload::{
        Cold, DeliveryFaults, Idle, Large, Latency, Layout, LoginResult, Logins, Quantiles, Skew,
        Throughput, ThroughputResult,
    },
};

use crate::{
    growth,
    metric::{
        Goal::{AtLeast, AtMost},
        Metric, MetricUnit,
    },
    system_under_test::{BenchSetup, SystemUnderTest},
};

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Throughput: 200 pairs over two nodes, 128-byte bodies, 16 in flight each
    W1,
    /// Latency at a steady 2,000 and 10,000 messages a second
    W2,
    /// 10,000 logins, and the memory of 10,000 sessions
    W3Logins,
    /// The CPU time of 10,000 idle sessions
    W3Idle,
    /// All senders to one recipient
    W4Skew,
    /// Bodies of 16 KiB, and of 60 KiB among small ones
    W4Large,
    /// 10,000 recipients without a cached route
    W4Cold,
    /// W1 over 2, 4 and 8 nodes
    W5Nodes,
    /// W1 with a thousand and a million users in the directory
    W5Directory,
    /// W1 with 1 and 7,500 idle sessions beside it on each node
    W5Idle,
    /// Latency over links that lose 1 % and 5 % of their packets
    Link,
}

impl Case {
    /// The cases that run by default.
    pub(crate) const DEFAULT: &[Self] = &[
        Self::W1,
        Self::W2,
        Self::W3Logins,
        Self::W3Idle,
        Self::W4Skew,
        Self::W4Large,
        Self::W4Cold,
        Self::W5Nodes,
        Self::W5Directory,
        Self::W5Idle,
    ];

    /// The cases that make sense for another system too.
    pub(crate) const FOR_PEERS: &[Self] = &[Self::W1, Self::W2, Self::W3Logins];

    /// The heading of its metrics.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::W1 => "W1 throughput: 200 pairs, A to B, 128 B, 16 in flight each",
            Self::W2 => "W2 latency: 50 pairs, A to B, 128 B, at a steady rate",
            Self::W3Logins => "W3 logins: 10,000 sessions over two nodes",
            Self::W3Idle => "W3 idle: 10,000 sessions over two nodes",
            Self::W4Skew => "W4 skew: 200 senders, one recipient, others beside",
            Self::W4Large => "W4 size: large bodies",
            Self::W4Cold => "W4 cold: 10,000 recipients looked up for the first time",
            Self::W5Nodes => "W5 growth: W1 over more nodes",
            Self::W5Directory => "W5 growth: W1 with more users in the directory",
            Self::W5Idle => "W5 growth: W1 beside more idle sessions",
            Self::Link => "Link: 50 pairs, 2,000/s, node to node and back in 20 ms",
        }
    }

    /// About how many seconds it takes.
    pub(crate) fn seconds(self) -> u64 {
        match self {
            Self::W1 | Self::W3Logins => 12,
            Self::W2 => 25,
            Self::W3Idle => 45,
            Self::W4Skew => 22,
            Self::W4Large => 24,
            Self::W4Cold => 12,
            Self::W5Nodes | Self::W5Idle => 50,
            Self::Link => 36,
            Self::W5Directory => 90,
        }
    }

    /// Runs it on `shared`, which has two nodes, or on systems of its own.
    pub(crate) fn run<S: SystemUnderTest>(
        self,
        setup: &BenchSetup,
        shared: &System,
    ) -> Result<Vec<Metric>> {
        match self {
            Self::W1 => Ok(throughput(&Throughput::default().run::<S::WireProtocol>(shared)?)),
            Self::W2 => latencies::<S>(shared),
            Self::W3Logins => {
                // Only a fresh system shows how much memory sessions add.
                let fresh = S::start(setup, 2)?;
                Ok(logins(&Logins::default().run::<S::WireProtocol>(&fresh.system())?))
            }
            Self::W3Idle => Ok(idle(Idle::default().run::<S::WireProtocol>(shared)?)),
            Self::W4Skew => skew::<S>(shared),
            Self::W4Large => large::<S>(shared),
            Self::W4Cold => cold::<S>(shared),
            Self::W5Nodes => growth::nodes::<S>(setup),
            Self::W5Directory => growth::directory::<S>(setup),
            Self::W5Idle => growth::idle::<S>(setup),
            Self::Link => link::<S>(setup),
        }
    }
}

fn throughput(found: &ThroughputResult) -> Vec<Metric> {
    let messages = Metric::per_second("messages", found.messages_per_s).goal_beside(AtLeast(1.25));
    let cpu = Metric::us("server CPU per message", found.cpu_us.sum()).goal_beside(AtMost(0.67));
    let parts = Metric::parts(cpu, MetricUnit::Microseconds, found.cpu_us, Some(AtMost(0.6)));
    let generator = Metric::us("load generator's CPU per message", found.generator_us);
    [messages].into_iter().chain(parts).chain([generator]).chain(faults(&found.faults)).collect()
}

fn faults(faults: &DeliveryFaults) -> [Metric; 2] {
    let wrong = faults.lost + faults.repeated + faults.disordered;
    [
        Metric::count("refused", faults.refused),
        Metric::count("lost, repeated or out of order", wrong).goal(AtMost(0.0)),
    ]
}

fn latencies<S: SystemUnderTest>(system: &System) -> Result<Vec<Metric>> {
    let (mut metrics, mut wrong) = (Vec::new(), Vec::new());
    for (rate, per_second, seconds) in [("2k", 2_000.0, 5), ("10k", 10_000.0, 10)] {
        let measured = Duration::from_secs(seconds);
        let found = Latency { per_second, measured, ..Latency::default() }
            .run::<S::WireProtocol>(system)?;
        // The goals apply to the higher rate.
        let goal = (rate == "10k").then_some(AtMost(1.0));
        let beside = |metric: Metric| match goal {
            Some(goal) => metric.goal_beside(goal),
            None => metric,
        };
        let Quantiles { p50, p90, p99, p999 } = found.latency_us;
        let named = |name: &str, value| Metric::us(format!("{name} at {rate}/s"), value);
        metrics.extend([
            beside(named("p50", p50)),
            named("p90", p90),
            beside(named("p99", p99)),
            named("p99.9", p999),
            beside(named("server CPU per message", found.cpu_us.sum())),
        ]);
        wrong.push(found.faults);
    }
    metrics.extend(faults(&wrong.into_iter().sum()));
    Ok(metrics)
}

fn logins(found: &LoginResult) -> Vec<Metric> {
    let logins = Metric::per_second("logins", found.logins_per_s);
    let login = Metric::us("server CPU per login", found.login_cpu_us.sum());
    let login = login.goal_beside(AtMost(0.5));
    let memory = Metric::new("memory per session", MetricUnit::Bytes, found.session_bytes.sum());
    let memory = memory.goal(AtMost(8192.0));
    let login = Metric::parts(login, MetricUnit::Microseconds, found.login_cpu_us, None);
    let memory = Metric::parts(memory, MetricUnit::Bytes, found.session_bytes, None);
    [logins].into_iter().chain(login).chain(memory).collect()
}

fn idle(cpu_percent: PerRole) -> Vec<Metric> {
    let idle = Metric::new("idle CPU", MetricUnit::PercentOfACore, cpu_percent.sum());
    let idle = idle.goal(AtMost(1.0));
    Metric::parts(idle, MetricUnit::PercentOfACore, cpu_percent, None).into()
}

fn skew<S: SystemUnderTest>(system: &System) -> Result<Vec<Metric>> {
    let found = Skew::default().run::<S::WireProtocol>(system)?;
    let (spread, skewed) = (found.others_spread_us.p99, found.others_skewed_us.p99);
    let metrics = [
        Metric::us("others' p99, 5k/s to 200 recipients", spread),
        Metric::us("others' p99, 5k/s to one recipient", skewed),
        Metric::new("  the second by the first", MetricUnit::Times, skewed / spread)
            .goal(AtMost(2.0)),
        Metric::per_second("messages to one recipient, 16 each", found.messages_per_s),
    ];
    Ok(metrics.into_iter().chain(faults(&found.faults)).collect())
}

fn large<S: SystemUnderTest>(system: &System) -> Result<Vec<Metric>> {
    let sixteen =
        Throughput { body_bytes: 16 * 1024, in_flight: 4, ..Throughput::short(Layout::OneWay) };
    let sixteen = sixteen.run::<S::WireProtocol>(system)?;
    let found = Large::default().run::<S::WireProtocol>(system)?;
    let (alone, among) = (found.small_alone_us.p99, found.small_among_large_us.p99);
    let metrics = [
        Metric::per_second("messages of 16 KiB, 4 in flight each", sixteen.messages_per_s),
        Metric::us("server CPU per message of 16 KiB", sixteen.cpu_us.sum()),
        Metric::us("p99 of small ones alone, 2k/s", alone),
        Metric::us("p99 of small ones among 100/s of 60 KiB", among),
        Metric::us("  how much longer", among - alone).goal(AtMost(2_000.0)),
    ];
    Ok(metrics.into_iter().chain(faults(&sixteen.faults)).collect())
}

fn cold<S: SystemUnderTest>(system: &System) -> Result<Vec<Metric>> {
    let found = Cold::default().run::<S::WireProtocol>(system)?;
    let metrics = [
        Metric::per_second("first messages to each", found.cold_per_s),
        Metric::us("server CPU per first message", found.cold_cpu_us.sum()),
        Metric::per_second("second messages to each", found.warm_per_s),
        Metric::us("server CPU per second message", found.warm_cpu_us.sum()),
    ];
    Ok(metrics.into_iter().chain(faults(&found.faults)).collect())
}

/// Over links that lose packets. Messages to one recipient share a lane, which a lost packet blocks
/// like a TCP connection; messages to many recipients are spread over all lanes.
fn link<S: SystemUnderTest>(setup: &BenchSetup) -> Result<Vec<Metric>> {
    let (cluster, impaired_links) = S::start_over_impaired_links(setup)?;
    let system = cluster.system();
    let mut metrics = Vec::new();
    for loss in [0.0, 0.01, 0.05] {
        // A message crosses two links.
        impaired_links.set(NetworkConditions {
            loss,
            delay: Duration::from_millis(5),
            ..NetworkConditions::default()
        });
        for one_recipient in [false, true] {
            let measured = Duration::from_secs(4);
            let load =
                Latency { one_recipient, per_second: 2_000.0, measured, ..Latency::default() };
            let found = load.run::<S::WireProtocol>(&system)?;
            let lanes = if one_recipient { "one lane" } else { "all lanes" };
            let percent = loss * 100.0;
            let named = |quantile| format!("{quantile}, {lanes}, {percent} % lost on each link");
            metrics.push(Metric::us(named("p50"), found.latency_us.p50));
            metrics.push(Metric::us(named("p90"), found.latency_us.p90));
            metrics.push(Metric::us(named("p99"), found.latency_us.p99));
            metrics.extend(faults(&found.faults));
        }
    }
    Ok(metrics)
}
