//! Carries out faults on a cluster.

use std::{collections::HashMap, time::Duration};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    check::{Guarantee, GuaranteeViolation},
    history::FaultInterval,
    observe,
    schedule::{Fault, Schedule, ScheduleStep},
};
use trunkline_bench::proxy::{NetworkConditions, UdpProxy};
use trunkline_cli::{
    defaults::{POLL_INTERVAL, READY_TIMEOUT},
    local_cluster::{ClusterError, LocalCluster, Process, REDIS, RELAY, describe_exit},
};

use crate::defaults::DUPLICATE_NODE_TIMEOUT;

/// A cluster with a proxy between each node and the relay, and the faults of it so far.
#[derive(Debug)]
pub struct FaultInjector {
    /// The cluster.
    pub cluster: LocalCluster,
    /// The faults that have ended.
    pub intervals: Vec<FaultInterval>,
    /// Guarantees that the processes broke.
    pub violations: Vec<GuaranteeViolation>,
    proxies: HashMap<String, UdpProxy>,
    duplicates: HashMap<String, Process>,
    begun: Vec<(Fault, Duration)>,
}

impl FaultInjector {
    /// Puts a proxy in front of each of `nodes`, which must not be started yet. `seed` is for the
    /// proxies' random numbers.
    pub async fn new(
        mut cluster: LocalCluster,
        nodes: &[String],
        seed: u64,
    ) -> Result<Self, ClusterError> {
        let mut proxies = HashMap::new();
        for (number, node) in nodes.iter().enumerate() {
            let relay = cluster.relay().address();
            let proxy = UdpProxy::start(relay, seed.wrapping_add(number as u64)).await;
            let proxy = proxy.map_err(ClusterError::Ports)?;
            cluster.dial_through(node, proxy.address())?;
            proxies.insert(node.clone(), proxy);
        }
        let (intervals, violations) = (Vec::new(), Vec::new());
        let (duplicates, begun) = (HashMap::new(), Vec::new());
        Ok(Self { cluster, intervals, violations, proxies, duplicates, begun })
    }

    /// Carries out the schedule, and reports each step.
    pub async fn run_schedule(
        &mut self,
        schedule: &Schedule,
        begin: Instant,
        mut report: impl FnMut(&ScheduleStep, Duration),
    ) -> Result<(), ClusterError> {
        let start = Instant::now();
        for step in schedule.steps() {
            sleep_until(start + step.at).await;
            report(&step, start.elapsed());
            if step.begins {
                self.begun.push((step.fault.clone(), begin.elapsed()));
                self.begin(&step.fault).await?;
            } else {
                self.end(&step.fault).await?;
                self.note_end(&step.fault, begin.elapsed());
            }
        }
        sleep_until(start + schedule.lasting).await;
        Ok(())
    }

    /// Records every process that ended although nobody stopped it.
    pub fn note_unexpected_exits(&mut self) {
        while let Some((name, status)) = self.cluster.next_exit().now_or_never() {
            let text = format!("{name} {} on its own", describe_exit(status));
            self.violations.push(GuaranteeViolation::new(Guarantee::Processes, text));
        }
    }

    fn note_end(&mut self, fault: &Fault, until: Duration) {
        if let Some(at) = self.begun.iter().position(|(begun, _)| begun == fault) {
            let (fault, from) = self.begun.swap_remove(at);
            self.intervals.push(FaultInterval { fault, from, until });
        }
    }

    async fn begin(&mut self, fault: &Fault) -> Result<(), ClusterError> {
        match fault {
            Fault::KillNode(node) => self.cluster.kill(node).await,
            Fault::DrainNode(node) => self.cluster.request_stop(node),
            Fault::FreezeNode(node) => self.cluster.pause(node),
            Fault::CutLink(node, directions) => {
                for direction in directions {
                    self.proxies[node].set(*direction, NetworkConditions::CUT);
                }
                Ok(())
            }
            Fault::Impair(node, conditions) => {
                self.proxies[node].set_both(*conditions);
                Ok(())
            }
            Fault::DuplicateName(node) => {
                self.is_linked(node).await;
                let duplicate = self.cluster.start_duplicate(node)?;
                self.duplicates.insert(node.clone(), duplicate);
                Ok(())
            }
            Fault::KillRelay => self.cluster.kill(RELAY).await,
            Fault::StopRelay => self.cluster.request_stop(RELAY),
            Fault::FreezeRelay => self.cluster.pause(RELAY),
            Fault::FreezeRedis => self.cluster.pause(REDIS),
            Fault::KillRedis => self.cluster.kill(REDIS).await,
            Fault::FlushRedis => self.flush().await,
        }
    }

    async fn end(&mut self, fault: &Fault) -> Result<(), ClusterError> {
        match fault {
            Fault::KillNode(node) => self.cluster.start(node).await,
            Fault::DrainNode(name) => self.restart_after_drain(name).await,
            Fault::FreezeNode(node) => self.cluster.resume(node),
            Fault::CutLink(node, _) | Fault::Impair(node, _) => {
                self.proxies[node].set_both(NetworkConditions::default());
                Ok(())
            }
            Fault::DuplicateName(node) => {
                self.await_duplicate_exit(node).await;
                Ok(())
            }
            Fault::KillRelay => self.cluster.start(RELAY).await,
            Fault::StopRelay => self.restart_after_drain(RELAY).await,
            Fault::FreezeRelay => self.cluster.resume(RELAY),
            Fault::FreezeRedis => self.cluster.resume(REDIS),
            Fault::KillRedis => self.cluster.start(REDIS).await,
            Fault::FlushRedis => Ok(()),
        }
    }

    /// Waits until a member that got SIGTERM has ended, and starts it again.
    async fn restart_after_drain(&mut self, name: &str) -> Result<(), ClusterError> {
        let status = self.cluster.terminate(name).await?;
        if !status.success() {
            let text = format!("{name}, after SIGTERM, {}", describe_exit(status));
            self.violations.push(GuaranteeViolation::new(Guarantee::Processes, text));
        }
        self.cluster.start(name).await
    }

    /// Waits until a node has its link: before that, a second process may take its name.
    async fn is_linked(&self, node: &str) {
        let linked = async {
            while !observe::is_linked(&self.cluster, node).await.unwrap_or(false) {
                sleep(POLL_INTERVAL).await;
            }
        };
        let _ = timeout(READY_TIMEOUT, linked).await;
    }

    async fn await_duplicate_exit(&mut self, node: &str) {
        let Some(mut duplicate) = self.duplicates.remove(node) else { return };
        let text = match timeout(DUPLICATE_NODE_TIMEOUT, duplicate.exited()).await {
            Ok(Ok(status)) if status.code() == Some(1) => return,
            Ok(Ok(status)) => format!("the second {node} {}", describe_exit(status)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the second {node} is still running"),
        };
        self.violations.push(GuaranteeViolation::new(Guarantee::Processes, text));
    }

    async fn flush(&self) -> Result<(), ClusterError> {
        let redis = self.cluster.redis();
        let url = redis.url().to_owned();
        let failed = |source| ClusterError::Redis { url: url.clone(), source };
        let mut connection = redis.connect().await.map_err(failed)?;
        redis::cmd("FLUSHALL").query_async(&mut connection).await.map_err(failed)
    }
}
