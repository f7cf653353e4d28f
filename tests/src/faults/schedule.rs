//! Which faults happen when. A seed always gives the same schedule.

mod draw;

use std::{fmt, time::Duration};

use trunkline_bench::proxy::{Direction, NetworkConditions};

/// A fault.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A node gets SIGKILL and is started again.
    KillNode(String),
    /// A node gets SIGTERM and is started again once it has ended.
    DrainNode(String),
    /// A node is paused with SIGSTOP.
    FreezeNode(String),
    /// A node's link is cut, in one direction or both.
    CutLink(String, Vec<Direction>),
    /// Datagrams on a node's link are lost, delayed, duplicated and reordered.
    Impair(String, NetworkConditions),
    /// A second process is started with the name of a running node.
    DuplicateName(String),
    /// The relay gets SIGKILL and is started again.
    KillRelay,
    /// The relay gets SIGTERM and is started again.
    StopRelay,
    /// The relay is paused with SIGSTOP.
    FreezeRelay,
    /// Redis is paused with SIGSTOP.
    FreezeRedis,
    /// Redis gets SIGKILL and is started again, empty.
    KillRedis,
    /// Redis is emptied with `FLUSHALL`.
    FlushRedis,
}

/// A component that has at most one fault at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// A node's process.
    Node(String),
    /// A node's link.
    Link(String),
    /// The relay's process.
    Relay,
    /// Redis.
    Redis,
}

impl Fault {
    /// The component that it affects.
    pub fn component(&self) -> Component {
        match self {
            Self::KillNode(node)
            | Self::DrainNode(node)
            | Self::FreezeNode(node)
            | Self::DuplicateName(node) => Component::Node(node.clone()),
            Self::CutLink(node, _) | Self::Impair(node, _) => Component::Link(node.clone()),
            Self::KillRelay | Self::StopRelay | Self::FreezeRelay => Component::Relay,
            Self::FreezeRedis | Self::KillRedis | Self::FlushRedis => Component::Redis,
        }
    }

    /// Its kind, without the node.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::KillNode(_) => "a node killed",
            Self::DrainNode(_) => "a node drained",
            Self::FreezeNode(_) => "a node frozen",
            Self::CutLink(..) => "a link cut",
            Self::Impair(..) => "a link impaired",
            Self::DuplicateName(_) => "a duplicate node name",
            Self::KillRelay => "the relay killed",
            Self::StopRelay => "the relay stopped",
            Self::FreezeRelay => "the relay frozen",
            Self::FreezeRedis => "Redis frozen",
            Self::KillRedis => "Redis killed",
            Self::FlushRedis => "Redis emptied",
        }
    }

    /// Components that must have no fault while it lasts.
    fn needs(&self) -> Vec<Component> {
        match self {
            // The relay rejects the second process only if it hears the first one.
            Self::DuplicateName(node) => vec![Component::Link(node.clone()), Component::Relay],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillNode(node) => write!(f, "kill {node}"),
            Self::DrainNode(node) => write!(f, "drain {node}"),
            Self::FreezeNode(node) => write!(f, "freeze {node}"),
            Self::CutLink(node, ways) => match ways.as_slice() {
                [Direction::ToRelay] => write!(f, "cut {node} -> relay"),
                [Direction::ToNode] => write!(f, "cut relay -> {node}"),
                _ => write!(f, "cut {node} <-> relay"),
            },
            Self::Impair(node, conditions) => write!(
                f,
                "impair {node}: {:.0} % lost, {:.0} % duplicated, {} to {} ms late",
                conditions.loss * 100.0,
                conditions.duplication * 100.0,
                conditions.delay.as_millis(),
                (conditions.delay + conditions.jitter).as_millis(),
            ),
            Self::DuplicateName(node) => write!(f, "start a second {node}"),
            Self::KillRelay => f.write_str("kill the relay"),
            Self::StopRelay => f.write_str("stop the relay"),
            Self::FreezeRelay => f.write_str("freeze the relay"),
            Self::FreezeRedis => f.write_str("freeze Redis"),
            Self::KillRedis => f.write_str("kill Redis"),
            Self::FlushRedis => f.write_str("empty Redis"),
        }
    }
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault {
    /// When it begins, counted from the start of the schedule.
    pub at: Duration,
    /// When it ends.
    pub until: Duration,
    /// What it is.
    pub fault: Fault,
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, until) = (self.at.as_secs_f64(), self.until.as_secs_f64());
        write!(f, "{at:6.2} s  {}, until {until:.2} s", self.fault)
    }
}

/// The begin or the end of a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleStep {
    /// When it is due, counted from the start of the schedule.
    pub at: Duration,
    /// The fault.
    pub fault: Fault,
    /// Whether it begins.
    pub begins: bool,
}

/// The faults of one run, in order of their begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The seed.
    pub seed: u64,
    /// How long the schedule takes.
    pub lasting: Duration,
    /// The faults.
    pub faults: Vec<PlannedFault>,
}

impl Schedule {
    /// Draws a schedule for the nodes `node-1` to `node-<nodes>`. No fault outlasts it.
    pub fn draw(seed: u64, lasting: Duration, nodes: usize) -> Self {
        draw::schedule(seed, lasting, nodes)
    }

    /// Begins and ends of all faults, in order.
    pub fn steps(&self) -> Vec<ScheduleStep> {
        let mut steps: Vec<_> = self
            .faults
            .iter()
            .flat_map(|PlannedFault { at, until, fault }| {
                [(*at, true), (*until, false)].map(|(at, begins)| ScheduleStep {
                    at,
                    fault: fault.clone(),
                    begins,
                })
            })
            .collect();
        steps.sort_by_key(|step| step.at);
        steps
    }
}
