//! Load on a Trunkline cluster, and figures.

use anyhow::Result;
use clap::Parser;
use trunkline_tests::{
    cluster::Cluster,
    load::{
        Nats, NatsCluster, Peer, System, Trunkline,
        workload::{Latency, Throughput},
    },
};

/// Load on a Trunkline cluster
#[derive(Debug, Parser)]
struct Cli {
    /// How often to run each
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// w1, w2
    workloads: Vec<String>,
    /// Only this system
    #[arg(long)]
    only: Option<String>,
    /// Seconds of W1 and W2
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let only = |name: &str| cli.only.as_deref().is_none_or(|only| only == name);
    let cluster = Cluster::builder().nodes(2).start();
    let cluster = only("trunkline").then(|| runtime.block_on(cluster)).transpose()?;
    let nats = only("nats").then(|| runtime.block_on(NatsCluster::start(2))).transpose()?;
    let ours = cluster.as_ref().map(System::from);
    let theirs = nats.as_ref().map(System::from);
    eprintln!("ours {ours:?}\ntheirs {theirs:?}");
    for _ in 0..cli.runs {
        for workload in &cli.workloads {
            if let Some(ours) = &ours {
                run::<Trunkline>(&cli, workload, ours)?;
            }
            if let Some(theirs) = &theirs {
                run::<Nats>(&cli, workload, theirs)?;
            }
        }
    }
    Ok(())
}

fn run<P: Peer>(cli: &Cli, workload: &str, system: &System) -> Result<()> {
    let measured = std::time::Duration::from_secs(cli.seconds);
    match workload {
        "w1" => {
            let f = Throughput { measured, ..Throughput::default() }.run::<P>(system)?;
            println!(
                "{:<10} w1 {:>8.0}/s cpu {:.2} us (nodes {:.2} relay {:.2} redis {:.2}) gen {:.2} us refused {} lost {} repeated {} disordered {}",
                P::NAME,
                f.messages_per_s,
                f.cpu_us.sum(),
                f.cpu_us.nodes,
                f.cpu_us.relay,
                f.cpu_us.redis,
                f.generator_us,
                f.refused,
                f.lost,
                f.repeated,
                f.disordered
            );
        }
        _ => {
            for per_second in [2_000.0, 10_000.0] {
                let f = Latency { per_second, measured, ..Latency::default() }.run::<P>(system)?;
                let q = f.latency_us;
                println!(
                    "{:<10} w2@{:<6} p50 {:.0} p90 {:.0} p99 {:.0} p99.9 {:.0} max {:.0} us; cpu {:.2} us (nodes {:.2} relay {:.2} redis {:.2}) refused {} lost {}",
                    P::NAME,
                    per_second,
                    q.p50,
                    q.p90,
                    q.p99,
                    q.p999,
                    q.max,
                    f.cpu_us.sum(),
                    f.cpu_us.nodes,
                    f.cpu_us.relay,
                    f.cpu_us.redis,
                    f.refused,
                    f.lost
                );
            }
        }
    }
    Ok(())
}
