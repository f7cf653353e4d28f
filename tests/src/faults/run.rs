//! One run: a cluster, its clients, a schedule of faults, and the verdict.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    check::{self, Demand, Expected, Violation},
    history::History,
    inflict::Storm,
    look,
    schedule::{Schedule, Step},
    workload::{Door, Phase, Recorder, Workload},
};
use trunkline_cli::{
    defaults::POLL_INTERVAL,
    local_cluster::{Cluster, ClusterError, Kind, how_it_ended},
};

use crate::defaults::{FAULT_CLOSE_TIMEOUT, FAULT_SLACK, SEND_DEADLINE, SETTLE_TIMEOUT};

/// How many nodes a run has.
const NODES: usize = 3;

/// How long clients talk before the first fault.
const WARM_UP: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What everything that happens by chance is drawn from.
    pub seed: u64,
    /// How long the faults go on.
    pub lasting: Duration,
    /// Where certificates and logs are to be kept; nowhere, if not said.
    pub home: Option<PathBuf>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Verdict {
    /// The faults that were planned.
    pub schedule: Schedule,
    /// Everything that was seen.
    pub history: History,
    /// Everything that was not as it should be.
    pub violations: Vec<Violation>,
    /// From the last fault until the cluster was whole again.
    pub settled: Duration,
}

impl Plan {
    /// The schedule that this run will follow.
    pub fn schedule(&self) -> Schedule {
        Schedule::drawn(self.seed, self.lasting, NODES)
    }

    /// Runs it. Needs a runtime whose thread lives on: the kernel kills children with the thread
    /// that started them.
    ///
    /// # Errors
    /// If the cluster cannot be run at all.
    pub async fn run(&self, say: impl FnMut(&Step, Duration)) -> Result<Verdict, ClusterError> {
        let schedule = self.schedule();
        let mut stage = self.set_up().await?;
        sleep(WARM_UP).await;
        stage.storm.pass(&schedule, stage.recorder.begin(), say).await?;
        stage.workload.enter(Phase::Quiet);
        let over = Instant::now();
        stage.outcomes_are_told().await;
        stage.storm.note_deaths();
        stage.settles().await;
        let settled = over.elapsed();
        let last_round = stage.last_round().await;
        let (recorder, mut storm) = stage.leave().await?;
        let spells = std::mem::take(&mut storm.spells);
        let history = recorder.history(spells, Some(last_round));
        let mut violations = std::mem::take(&mut storm.violations);
        violations.extend(check::history(&history));
        Ok(Verdict { schedule, history, violations, settled })
    }

    async fn set_up(&self) -> Result<Stage, ClusterError> {
        let mut builder = Cluster::builder().nodes(NODES).node_args(self.node_args());
        if let Some(home) = &self.home {
            builder = builder.home(home);
        }
        let cluster = builder.prepare()?;
        let nodes: Vec<_> = (1..=NODES).map(|number| format!("node-{number}")).collect();
        let mut storm = Storm::over(cluster, &nodes, self.seed).await?;
        let members: Vec<_> =
            storm.cluster.members().map(|member| member.name().to_owned()).collect();
        for name in &members {
            storm.cluster.start(name).await?;
        }
        for name in &members {
            storm.cluster.ready(name).await?;
        }
        let recorder = Recorder::start();
        let doors = nodes.iter().map(|node| door(&storm.cluster, node)).collect();
        let workload = Workload::start(doors, self.seed, &recorder);
        Ok(Stage { storm, workload, recorder, nodes: nodes.into_iter().collect() })
    }

    /// In one run of four, a user has one session in all the cluster.
    fn node_args(&self) -> [String; 2] {
        let sessions = if self.seed % 4 == 3 { 1 } else { 3 };
        ["--sessions-per-user".to_owned(), sessions.to_string()]
    }
}

fn door(cluster: &Cluster, node: &str) -> Door {
    let member = cluster.node(node);
    Door { node: node.to_owned(), url: member.ws_url(), address: member.address() }
}

/// A run under way.
struct Stage {
    storm: Storm,
    workload: Workload,
    recorder: Recorder,
    nodes: BTreeSet<String>,
}

impl Stage {
    /// Waits until no send of an open session waits for its receipt any more, or none should.
    async fn outcomes_are_told(&self) {
        self.until(|| self.recorder.waiting() == 0).await;
    }

    /// Has everyone write to everyone. Returns when that began.
    async fn last_round(&mut self) -> Duration {
        let begin = self.recorder.now();
        self.workload.enter(Phase::LastRound);
        if !self.until(|| self.recorder.all_have_sent_since(begin)).await {
            let text = "a session that is open cannot write";
            self.storm.violations.push(Violation::new(Demand::Reach, text));
        }
        self.outcomes_are_told().await;
        begin
    }

    /// Waits for what has to come within the time that a send has. Returns whether it has come.
    async fn until(&self, holds: impl Fn() -> bool) -> bool {
        let held = async {
            while !holds() {
                sleep(POLL_INTERVAL).await;
            }
        };
        timeout(SEND_DEADLINE + FAULT_SLACK + POLL_INTERVAL, held).await.is_ok()
    }

    /// Waits until everyone is there and the directory and the membership say so.
    async fn settles(&mut self) {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let users = self.recorder.open();
            let absent = Workload::users().find(|user| !users.contains_key(*user));
            let mut differences = self.differences(users).await;
            differences.extend(absent.map(|user| {
                Violation::new(Demand::Reach, format!("{user} finds no node to log in at"))
            }));
            if differences.is_empty() {
                return;
            }
            if Instant::now() > deadline {
                return self.storm.violations.extend(differences);
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn differences(&self, users: BTreeMap<String, BTreeSet<String>>) -> Vec<Violation> {
        let expected = Expected { nodes: self.nodes.clone(), users };
        let found = look::differences(&self.storm.cluster, &expected).await;
        found.unwrap_or_else(|error| vec![Violation::new(Demand::Membership, error.to_string())])
    }

    /// Has everyone leave: first the clients, then the nodes, then the relay. Each leaves nothing
    /// behind.
    async fn leave(mut self) -> Result<(Recorder, Storm), ClusterError> {
        self.workload.enter(Phase::Leave);
        let all_left = timeout(2 * FAULT_CLOSE_TIMEOUT, self.workload.left()).await;
        if all_left.is_err() {
            let text = "clients still wait for the answer to their close";
            self.storm.violations.push(Violation::new(Demand::Processes, text));
        }
        for kind in [Kind::Node, Kind::Relay] {
            for (name, status) in self.storm.cluster.stop(kind).await? {
                if !status.success() {
                    let text = format!("{name}, asked to leave, {}", how_it_ended(status));
                    self.storm.violations.push(Violation::new(Demand::Processes, text));
                }
            }
        }
        let left = look::redis(&self.storm.cluster).await.map_err(|error| error.to_string());
        let nothing = Expected::default();
        let found = left.map(|left| check::directory(&left, &nothing));
        let found = found.unwrap_or_else(|text| vec![Violation::new(Demand::Directory, text)]);
        self.storm.violations.extend(found);
        Ok((self.recorder, self.storm))
    }
}
