//! Carries faults out on a cluster.

use std::{collections::HashMap, time::Duration};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    check::{Demand, Violation},
    history::Spell,
    look,
    schedule::{Fault, Schedule, Step},
};
use trunkline_bench::proxy::{Proxy, Weather};
use trunkline_cli::{
    defaults::{POLL_INTERVAL, READY_TIMEOUT},
    local_cluster::{Cluster, ClusterError, REDIS, RELAY, Rival, how_it_ended},
};

use crate::defaults::RIVAL_TIMEOUT;

/// A cluster whose nodes have a proxy each between themselves and the relay, and what was done to
/// it.
#[derive(Debug)]
pub struct Storm {
    /// The cluster.
    pub cluster: Cluster,
    /// The faults that are over.
    pub spells: Vec<Spell>,
    /// What did not go as it should.
    pub violations: Vec<Violation>,
    proxies: HashMap<String, Proxy>,
    rivals: HashMap<String, Rival>,
    begun: Vec<(Fault, Duration)>,
}

impl Storm {
    /// Gives each of `nodes`, which are not started yet, a proxy. What these do by chance is drawn
    /// from `seed`.
    ///
    /// # Errors
    /// If no socket can be had.
    pub async fn over(
        mut cluster: Cluster,
        nodes: &[String],
        seed: u64,
    ) -> Result<Self, ClusterError> {
        let mut proxies = HashMap::new();
        for (number, node) in nodes.iter().enumerate() {
            let relay = cluster.relay().address();
            let proxy = Proxy::start(relay, seed.wrapping_add(number as u64)).await;
            let proxy = proxy.map_err(ClusterError::Ports)?;
            cluster.dial_through(node, proxy.address())?;
            proxies.insert(node.clone(), proxy);
        }
        let (spells, violations) = (Vec::new(), Vec::new());
        let (rivals, begun) = (HashMap::new(), Vec::new());
        Ok(Self { cluster, spells, violations, proxies, rivals, begun })
    }

    /// Does what the schedule says, when it says it, and tells each step.
    ///
    /// # Errors
    /// If a process cannot be dealt with at all.
    pub async fn pass(
        &mut self,
        schedule: &Schedule,
        begin: Instant,
        mut say: impl FnMut(&Step, Duration),
    ) -> Result<(), ClusterError> {
        let start = Instant::now();
        for step in schedule.steps() {
            sleep_until(start + step.at).await;
            say(&step, start.elapsed());
            if step.begins {
                self.begun.push((step.fault.clone(), begin.elapsed()));
                self.begin(&step.fault).await?;
            } else {
                self.end(&step.fault).await?;
                self.over_now(&step.fault, begin.elapsed());
            }
        }
        sleep_until(start + schedule.lasting).await;
        Ok(())
    }

    /// Notes every process that has ended without having been told to.
    pub fn note_deaths(&mut self) {
        while let Some((name, status)) = self.cluster.next_death().now_or_never() {
            let text = format!("{name} {} by itself", how_it_ended(status));
            self.violations.push(Violation::new(Demand::Processes, text));
        }
    }

    fn over_now(&mut self, fault: &Fault, until: Duration) {
        if let Some(at) = self.begun.iter().position(|(begun, _)| begun == fault) {
            let (fault, from) = self.begun.swap_remove(at);
            self.spells.push(Spell { fault, from, until });
        }
    }

    async fn begin(&mut self, fault: &Fault) -> Result<(), ClusterError> {
        match fault {
            Fault::KillNode(node) => self.cluster.kill(node).await,
            Fault::DrainNode(node) => self.cluster.ask_to_leave(node),
            Fault::FreezeNode(node) => self.cluster.pause(node),
            Fault::CutLink(node, ways) => {
                for way in ways {
                    self.proxies[node].set(*way, Weather::CUT);
                }
                Ok(())
            }
            Fault::BadWeather(node, weather) => {
                self.proxies[node].set_both(*weather);
                Ok(())
            }
            Fault::Rival(node) => {
                self.is_linked(node).await;
                let rival = self.cluster.start_rival(node)?;
                self.rivals.insert(node.clone(), rival);
                Ok(())
            }
            Fault::KillRelay => self.cluster.kill(RELAY).await,
            Fault::LeaveRelay => self.cluster.ask_to_leave(RELAY),
            Fault::FreezeRelay => self.cluster.pause(RELAY),
            Fault::FreezeRedis => self.cluster.pause(REDIS),
            Fault::KillRedis => self.cluster.kill(REDIS).await,
            Fault::FlushRedis => self.flush().await,
        }
    }

    async fn end(&mut self, fault: &Fault) -> Result<(), ClusterError> {
        match fault {
            Fault::KillNode(node) => self.cluster.start(node).await,
            Fault::DrainNode(name) => self.come_back(name).await,
            Fault::FreezeNode(node) => self.cluster.resume(node),
            Fault::CutLink(node, _) | Fault::BadWeather(node, _) => {
                self.proxies[node].set_both(Weather::default());
                Ok(())
            }
            Fault::Rival(node) => {
                self.rival_is_gone(node).await;
                Ok(())
            }
            Fault::KillRelay => self.cluster.start(RELAY).await,
            Fault::LeaveRelay => self.come_back(RELAY).await,
            Fault::FreezeRelay => self.cluster.resume(RELAY),
            Fault::FreezeRedis => self.cluster.resume(REDIS),
            Fault::KillRedis => self.cluster.start(REDIS).await,
            Fault::FlushRedis => Ok(()),
        }
    }

    /// Waits until a member that was asked to leave has left, and starts it again.
    async fn come_back(&mut self, name: &str) -> Result<(), ClusterError> {
        let status = self.cluster.terminate(name).await?;
        if !status.success() {
            let text = format!("{name}, asked to leave, {}", how_it_ended(status));
            self.violations.push(Violation::new(Demand::Processes, text));
        }
        self.cluster.start(name).await
    }

    /// Waits until a node has its link: before that, its name is a newcomer's to take.
    async fn is_linked(&self, node: &str) {
        let linked = async {
            while !look::is_linked(&self.cluster, node).await.unwrap_or(false) {
                sleep(POLL_INTERVAL).await;
            }
        };
        let _ = timeout(READY_TIMEOUT, linked).await;
    }

    async fn rival_is_gone(&mut self, node: &str) {
        let Some(mut rival) = self.rivals.remove(node) else { return };
        let text = match timeout(RIVAL_TIMEOUT, rival.ended()).await {
            Ok(Ok(status)) if status.code() == Some(1) => return,
            Ok(Ok(status)) => format!("the second {node} {}", how_it_ended(status)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the second {node} is still there"),
        };
        self.violations.push(Violation::new(Demand::Processes, text));
    }

    async fn flush(&self) -> Result<(), ClusterError> {
        let redis = self.cluster.redis();
        let url = redis.url().to_owned();
        let failed = |source| ClusterError::Redis { url: url.clone(), source };
        let mut connection = redis.connect().await.map_err(failed)?;
        redis::cmd("FLUSHALL").query_async(&mut connection).await.map_err(failed)
    }
}
