//! The workloads, and which figures of each are reported.

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use trunkline_bench::{
    Parts, System,
    proxy::Weather,
    workload::{
        Cold, Faults, Idle, Large, Latency, Layout, LoginFigures, Logins, Quantiles, Skew,
        Throughput, ThroughputFigures,
    },
};

use crate::{
    figure::{
        Figure,
        Goal::{AtLeast, AtMost},
        Unit,
    },
    growth,
    stand::{Setup, Stand},
};

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Throughput: 200 pairs over two nodes, 128-byte bodies, 16 on their way each
    W1,
    /// Latency at a steady 2,000 and 10,000 messages a second
    W2,
    /// 10,000 logins, and the memory of 10,000 sessions
    W3Logins,
    /// What 10,000 sessions cost while they do nothing
    W3Idle,
    /// All senders to one recipient
    W4Skew,
    /// Bodies of 16 KiB, and of 60 KiB among small ones
    W4Large,
    /// 10,000 recipients that nobody has written to yet
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
    /// Those that are run unasked.
    pub(crate) const USUAL: &[Self] = &[
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

    /// Those that say something about another system.
    pub(crate) const FOR_PEERS: &[Self] = &[Self::W1, Self::W2, Self::W3Logins];

    /// What stands above its figures.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::W1 => "W1 throughput: 200 pairs, A to B, 128 B, 16 on their way each",
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

    /// How long it takes, about.
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

    /// Runs it: on `usual`, which has two nodes, or on systems of its own.
    pub(crate) fn run<S: Stand>(self, setup: &Setup, usual: &System) -> Result<Vec<Figure>> {
        match self {
            Self::W1 => Ok(throughput(&Throughput::default().run::<S::Peer>(usual)?)),
            Self::W2 => latencies::<S>(usual),
            Self::W3Logins => {
                // Only a system that is fresh shows what sessions add to it.
                let fresh = S::start(setup, 2)?;
                Ok(logins(&Logins::default().run::<S::Peer>(&fresh.system())?))
            }
            Self::W3Idle => Ok(idle(Idle::default().run::<S::Peer>(usual)?)),
            Self::W4Skew => skew::<S>(usual),
            Self::W4Large => large::<S>(usual),
            Self::W4Cold => cold::<S>(usual),
            Self::W5Nodes => growth::nodes::<S>(setup),
            Self::W5Directory => growth::directory::<S>(setup),
            Self::W5Idle => growth::idle::<S>(setup),
            Self::Link => link::<S>(setup),
        }
    }
}

fn throughput(found: &ThroughputFigures) -> Vec<Figure> {
    let messages = Figure::per_second("messages", found.messages_per_s).goal_beside(AtLeast(1.25));
    let cpu = Figure::us("server CPU a message", found.cpu_us.sum()).goal_beside(AtMost(0.67));
    let parts = Figure::parts(cpu, Unit::Microseconds, found.cpu_us, Some(AtMost(0.6)));
    let generator = Figure::us("load generator's CPU a message", found.generator_us);
    [messages].into_iter().chain(parts).chain([generator]).chain(faults(&found.faults)).collect()
}

fn faults(faults: &Faults) -> [Figure; 2] {
    let wrong = faults.lost + faults.repeated + faults.disordered;
    [
        Figure::count("refused", faults.refused),
        Figure::count("lost, repeated or out of order", wrong).goal(AtMost(0.0)),
    ]
}

fn latencies<S: Stand>(system: &System) -> Result<Vec<Figure>> {
    let (mut figures, mut wrong) = (Vec::new(), Vec::new());
    for (rate, per_second, seconds) in [("2k", 2_000.0, 5), ("10k", 10_000.0, 10)] {
        let measured = Duration::from_secs(seconds);
        let found =
            Latency { per_second, measured, ..Latency::default() }.run::<S::Peer>(system)?;
        // The goals are for the higher rate.
        let goal = (rate == "10k").then_some(AtMost(1.0));
        let beside = |figure: Figure| match goal {
            Some(goal) => figure.goal_beside(goal),
            None => figure,
        };
        let Quantiles { p50, p90, p99, p999 } = found.latency_us;
        let named = |name: &str, value| Figure::us(format!("{name} at {rate}/s"), value);
        figures.extend([
            beside(named("p50", p50)),
            named("p90", p90),
            beside(named("p99", p99)),
            named("p99.9", p999),
            beside(named("server CPU a message", found.cpu_us.sum())),
        ]);
        wrong.push(found.faults);
    }
    figures.extend(faults(&wrong.into_iter().sum()));
    Ok(figures)
}

fn logins(found: &LoginFigures) -> Vec<Figure> {
    let logins = Figure::per_second("logins", found.logins_per_s);
    let login = Figure::us("server CPU a login", found.login_cpu_us.sum());
    let login = login.goal_beside(AtMost(0.5));
    let memory = Figure::new("memory a session", Unit::Bytes, found.session_bytes.sum());
    let memory = memory.goal(AtMost(8192.0));
    let login = Figure::parts(login, Unit::Microseconds, found.login_cpu_us, None);
    let memory = Figure::parts(memory, Unit::Bytes, found.session_bytes, None);
    [logins].into_iter().chain(login).chain(memory).collect()
}

fn idle(cpu_percent: Parts) -> Vec<Figure> {
    let idle = Figure::new("idle CPU", Unit::PercentOfACore, cpu_percent.sum());
    let idle = idle.goal(AtMost(1.0));
    Figure::parts(idle, Unit::PercentOfACore, cpu_percent, None).into()
}

fn skew<S: Stand>(system: &System) -> Result<Vec<Figure>> {
    let found = Skew::default().run::<S::Peer>(system)?;
    let (spread, skewed) = (found.others_spread_us.p99, found.others_skewed_us.p99);
    let figures = [
        Figure::us("others' p99, 5k/s to 200 recipients", spread),
        Figure::us("others' p99, 5k/s to one recipient", skewed),
        Figure::new("  the second by the first", Unit::Times, skewed / spread).goal(AtMost(2.0)),
        Figure::per_second("messages to one recipient, 16 each", found.messages_per_s),
    ];
    Ok(figures.into_iter().chain(faults(&found.faults)).collect())
}

fn large<S: Stand>(system: &System) -> Result<Vec<Figure>> {
    let sixteen = Throughput { body_bytes: 16 * 1024, in_flight: 4, ..short(Layout::OneWay) };
    let sixteen = sixteen.run::<S::Peer>(system)?;
    let found = Large::default().run::<S::Peer>(system)?;
    let (alone, among) = (found.small_alone_us.p99, found.small_among_large_us.p99);
    let figures = [
        Figure::per_second("messages of 16 KiB, 4 on their way each", sixteen.messages_per_s),
        Figure::us("server CPU a message of 16 KiB", sixteen.cpu_us.sum()),
        Figure::us("p99 of small ones alone, 2k/s", alone),
        Figure::us("p99 of small ones among 100/s of 60 KiB", among),
        Figure::us("  how much longer", among - alone).goal(AtMost(2_000.0)),
    ];
    Ok(figures.into_iter().chain(faults(&sixteen.faults)).collect())
}

fn cold<S: Stand>(system: &System) -> Result<Vec<Figure>> {
    let found = Cold::default().run::<S::Peer>(system)?;
    let figures = [
        Figure::per_second("first messages to each", found.cold_per_s),
        Figure::us("server CPU a first message", found.cold_cpu_us.sum()),
        Figure::per_second("second messages to each", found.warm_per_s),
        Figure::us("server CPU a second message", found.warm_cpu_us.sum()),
    ];
    Ok(figures.into_iter().chain(faults(&found.faults)).collect())
}

/// Over links that lose packets. What goes to one recipient goes over one lane, which a lost packet
/// holds up as it would a TCP connection; what goes to many has the others.
fn link<S: Stand>(setup: &Setup) -> Result<Vec<Figure>> {
    let (stand, paths) = S::start_over_paths(setup)?;
    let system = stand.system();
    let mut figures = Vec::new();
    for loss in [0.0, 0.01, 0.05] {
        // Each way leads over two links.
        paths.set(Weather { loss, delay: Duration::from_millis(5), ..Weather::default() });
        for one_recipient in [false, true] {
            let measured = Duration::from_secs(4);
            let load =
                Latency { one_recipient, per_second: 2_000.0, measured, ..Latency::default() };
            let found = load.run::<S::Peer>(&system)?;
            let lanes = if one_recipient { "one lane" } else { "all lanes" };
            let percent = loss * 100.0;
            let named = |quantile| format!("{quantile}, {lanes}, {percent} % lost on each link");
            figures.push(Figure::us(named("p50"), found.latency_us.p50));
            figures.push(Figure::us(named("p90"), found.latency_us.p90));
            figures.push(Figure::us(named("p99"), found.latency_us.p99));
            figures.extend(faults(&found.faults));
        }
    }
    Ok(figures)
}

/// W1 for where many of it are needed.
pub(crate) fn short(layout: Layout) -> Throughput {
    let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(3));
    Throughput { layout, warm_up, measured, ..Throughput::default() }
}
