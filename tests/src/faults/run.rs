//! One run: a cluster, its clients, a schedule of faults, and the result.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    check::{self, ExpectedState, Guarantee, GuaranteeViolation},
    history::RunHistory,
    inject::FaultInjector,
    observe,
    schedule::{Schedule, ScheduleStep},
    workload::{NodeEndpoint, Recorder, Workload, WorkloadPhase},
};
use trunkline_cli::{
    defaults::POLL_INTERVAL,
    local_cluster::{ClusterError, LocalCluster, MemberKind, describe_exit},
};

use crate::defaults::{CONVERGENCE_TIMEOUT, FAULT_CLOSE_TIMEOUT, FAULT_SLACK, SEND_DEADLINE};

/// How many nodes a run has.
const NODES: usize = 3;

/// How long clients run before the first fault.
const WARM_UP: Duration = Duration::from_millis(500);

/// The parameters of a run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The seed of all random numbers.
    pub seed: u64,
    /// How long the schedule takes.
    pub lasting: Duration,
    /// The folder for certificates and logs; without one, they are not kept.
    pub home: Option<PathBuf>,
}

/// The result of a run.
#[derive(Debug)]
pub struct RunResult {
    /// The schedule.
    pub schedule: Schedule,
    /// What was observed.
    pub history: RunHistory,
    /// The broken guarantees.
    pub violations: Vec<GuaranteeViolation>,
    /// How long the cluster took to converge after the last fault.
    pub converged_after: Duration,
}

impl RunPlan {
    /// The schedule of this run.
    pub fn schedule(&self) -> Schedule {
        Schedule::draw(self.seed, self.lasting, NODES)
    }

    /// Runs it. Needs a runtime whose thread outlives it: the kernel kills children with the thread
    /// that started them.
    pub async fn run(
        &self,
        report: impl FnMut(&ScheduleStep, Duration),
    ) -> Result<RunResult, ClusterError> {
        let schedule = self.schedule();
        let mut run = self.set_up().await?;
        sleep(WARM_UP).await;
        run.injector.run_schedule(&schedule, run.recorder.begin(), report).await?;
        run.workload.enter(WorkloadPhase::Quiet);
        let over = Instant::now();
        run.await_receipts().await;
        run.injector.note_unexpected_exits();
        run.await_convergence().await;
        let converged_after = over.elapsed();
        let final_round = run.final_round().await;
        let (recorder, mut injector) = run.stop().await?;
        let intervals = std::mem::take(&mut injector.intervals);
        let history = recorder.history(intervals, Some(final_round));
        let mut violations = std::mem::take(&mut injector.violations);
        violations.extend(check::history(&history));
        Ok(RunResult { schedule, history, violations, converged_after })
    }

    async fn set_up(&self) -> Result<LiveRun, ClusterError> {
        let mut builder = LocalCluster::builder().nodes(NODES).node_args(self.node_args());
        if let Some(home) = &self.home {
            builder = builder.home(home);
        }
        let cluster = builder.prepare()?;
        let nodes: Vec<_> = (1..=NODES).map(|number| format!("node-{number}")).collect();
        let mut injector = FaultInjector::new(cluster, &nodes, self.seed).await?;
        injector.cluster.start_all().await?;
        let recorder = Recorder::start();
        let endpoints = nodes.iter().map(|node| endpoint(&injector.cluster, node)).collect();
        let workload = Workload::start(endpoints, self.seed, &recorder);
        Ok(LiveRun { injector, workload, recorder, nodes: nodes.into_iter().collect() })
    }

    /// In one run of four, a user may have one session only. No session has a rate limit: the floods of
    /// the workload are meant to fill queues.
    fn node_args(&self) -> [&'static str; 6] {
        let sessions = if self.seed % 4 == 3 { "1" } else { "3" };
        ["--sessions-per-user", sessions, "--messages-per-second", "0", "--bytes-per-second", "0"]
    }
}

fn endpoint(cluster: &LocalCluster, node: &str) -> NodeEndpoint {
    let member = cluster.node(node);
    NodeEndpoint { node: node.to_owned(), url: member.ws_url(), address: member.address() }
}

/// A run in progress.
struct LiveRun {
    injector: FaultInjector,
    workload: Workload,
    recorder: Recorder,
    nodes: BTreeSet<String>,
}

impl LiveRun {
    /// Waits until every send of an open session has its receipt, or is overdue.
    async fn await_receipts(&self) {
        self.until(|| self.recorder.waiting() == 0).await;
    }

    /// Lets everyone send to everyone. Returns when that began.
    async fn final_round(&mut self) -> Duration {
        let begin = self.recorder.now();
        self.workload.enter(WorkloadPhase::FinalRound);
        if !self.until(|| self.recorder.all_have_sent_since(begin)).await {
            let text = "an open session cannot send";
            self.injector.violations.push(GuaranteeViolation::new(Guarantee::Reach, text));
        }
        self.await_receipts().await;
        begin
    }

    /// Waits for a condition for as long as a send may take. Returns whether it holds.
    async fn until(&self, holds: impl Fn() -> bool) -> bool {
        let held = async {
            while !holds() {
                sleep(POLL_INTERVAL).await;
            }
        };
        timeout(SEND_DEADLINE + FAULT_SLACK + POLL_INTERVAL, held).await.is_ok()
    }

    /// Waits until every user is logged in and the directory and the membership are exact.
    async fn await_convergence(&mut self) {
        let deadline = Instant::now() + CONVERGENCE_TIMEOUT;
        loop {
            let users = self.recorder.open();
            let absent = Workload::users().find(|user| !users.contains_key(*user));
            let mut differences = self.differences(users).await;
            differences.extend(absent.map(|user| {
                GuaranteeViolation::new(
                    Guarantee::Reach,
                    format!("{user} cannot log in at any node"),
                )
            }));
            if differences.is_empty() {
                return;
            }
            if Instant::now() > deadline {
                return self.injector.violations.extend(differences);
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn differences(
        &self,
        users: BTreeMap<String, BTreeSet<String>>,
    ) -> Vec<GuaranteeViolation> {
        let expected = ExpectedState { nodes: self.nodes.clone(), users };
        let found = observe::differences(&self.injector.cluster, &expected).await;
        found.unwrap_or_else(|error| {
            vec![GuaranteeViolation::new(Guarantee::Membership, error.to_string())]
        })
    }

    /// Stops the clients, then the nodes, then the relay. After that, the directory must be empty.
    async fn stop(mut self) -> Result<(Recorder, FaultInjector), ClusterError> {
        self.workload.enter(WorkloadPhase::Stop);
        let all_ended = timeout(2 * FAULT_CLOSE_TIMEOUT, self.workload.ended()).await;
        if all_ended.is_err() {
            let text = "clients still wait for the close of their nodes";
            self.injector.violations.push(GuaranteeViolation::new(Guarantee::Processes, text));
        }
        for kind in [MemberKind::Node, MemberKind::Relay] {
            for (name, status) in self.injector.cluster.stop(kind).await? {
                if !status.success() {
                    let text = format!("{name}, after SIGTERM, {}", describe_exit(status));
                    self.injector
                        .violations
                        .push(GuaranteeViolation::new(Guarantee::Processes, text));
                }
            }
        }
        let left = observe::redis(&self.injector.cluster).await.map_err(|error| error.to_string());
        let empty = ExpectedState::default();
        let found = left.map(|left| check::directory(&left, &empty));
        let found =
            found.unwrap_or_else(|text| vec![GuaranteeViolation::new(Guarantee::Directory, text)]);
        self.injector.violations.extend(found);
        Ok((self.recorder, self.injector))
    }
}
