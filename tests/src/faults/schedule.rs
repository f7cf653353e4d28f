//! Which faults come when: drawn from a seed, the same each time.

mod draw;

use std::{fmt, time::Duration};

use trunkline_bench::proxy::{Way, Weather};

/// One thing that goes wrong, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// SIGKILL for a node, which is started again after a while.
    KillNode(String),
    /// SIGTERM for a node, which is started again once it is gone and the time is over.
    DrainNode(String),
    /// A node's clock stands still.
    FreezeNode(String),
    /// Nothing passes between a node and the relay, in one direction or in both.
    CutLink(String, Vec<Way>),
    /// Datagrams between a node and the relay are lost, late, doubled and out of order.
    BadWeather(String, Weather),
    /// A second process comes up with the name of a living node.
    Rival(String),
    /// SIGKILL for the relay, which is started again.
    KillRelay,
    /// SIGTERM for the relay, which is started again.
    LeaveRelay,
    /// The relay's clock stands still.
    FreezeRelay,
    /// Redis' clock stands still.
    FreezeRedis,
    /// SIGKILL for Redis, which is started again, empty.
    KillRedis,
    /// Redis forgets everything at once.
    FlushRedis,
}

/// A part of the cluster that has at most one fault at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
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
    /// What it hurts.
    pub fn part(&self) -> Part {
        match self {
            Self::KillNode(node)
            | Self::DrainNode(node)
            | Self::FreezeNode(node)
            | Self::Rival(node) => Part::Node(node.clone()),
            Self::CutLink(node, _) | Self::BadWeather(node, _) => Part::Link(node.clone()),
            Self::KillRelay | Self::LeaveRelay | Self::FreezeRelay => Part::Relay,
            Self::FreezeRedis | Self::KillRedis | Self::FlushRedis => Part::Redis,
        }
    }

    /// Its kind in a few words, whomever it hurts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::KillNode(_) => "a node killed",
            Self::DrainNode(_) => "a node drained",
            Self::FreezeNode(_) => "a node frozen",
            Self::CutLink(..) => "a link cut",
            Self::BadWeather(..) => "bad weather on a link",
            Self::Rival(_) => "a second process of one name",
            Self::KillRelay => "the relay killed",
            Self::LeaveRelay => "the relay stopped",
            Self::FreezeRelay => "the relay frozen",
            Self::FreezeRedis => "Redis frozen",
            Self::KillRedis => "Redis killed",
            Self::FlushRedis => "Redis emptied",
        }
    }

    /// What must be well for as long as it lasts.
    fn needs(&self) -> Vec<Part> {
        match self {
            // A newcomer loses only if the relay hears the one whose name it has.
            Self::Rival(node) => vec![Part::Link(node.clone()), Part::Relay],
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
                [Way::ToRelay] => write!(f, "cut {node} -> relay"),
                [Way::ToNode] => write!(f, "cut relay -> {node}"),
                _ => write!(f, "cut {node} <-> relay"),
            },
            Self::BadWeather(node, weather) => write!(
                f,
                "bad weather for {node}: {:.0} % lost, {:.0} % twice, {} to {} ms late",
                weather.loss * 100.0,
                weather.twice * 100.0,
                weather.delay.as_millis(),
                (weather.delay + weather.jitter).as_millis(),
            ),
            Self::Rival(node) => write!(f, "a second {node}"),
            Self::KillRelay => f.write_str("kill the relay"),
            Self::LeaveRelay => f.write_str("stop the relay"),
            Self::FreezeRelay => f.write_str("freeze the relay"),
            Self::FreezeRedis => f.write_str("freeze Redis"),
            Self::KillRedis => f.write_str("kill Redis"),
            Self::FlushRedis => f.write_str("empty Redis"),
        }
    }
}

/// A fault with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// When it begins, counted from the start of the schedule.
    pub at: Duration,
    /// When it ends.
    pub until: Duration,
    /// What it is.
    pub fault: Fault,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, until) = (self.at.as_secs_f64(), self.until.as_secs_f64());
        write!(f, "{at:6.2} s  {}, until {until:.2} s", self.fault)
    }
}

/// One side of a fault: its begin or its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When it is due, counted from the start of the schedule.
    pub at: Duration,
    /// The fault.
    pub fault: Fault,
    /// Whether it begins.
    pub begins: bool,
}

/// The faults of one run, in the order in which they begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What it was drawn from.
    pub seed: u64,
    /// How long the faults go on.
    pub lasting: Duration,
    /// The faults.
    pub faults: Vec<Planned>,
}

impl Schedule {
    /// Draws a schedule for a cluster of nodes `node-1` to `node-<nodes>`. All faults are over when
    /// it is.
    pub fn drawn(seed: u64, lasting: Duration, nodes: usize) -> Self {
        draw::schedule(seed, lasting, nodes)
    }

    /// Begins and ends, in the order in which they are due.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<_> = self
            .faults
            .iter()
            .flat_map(|Planned { at, until, fault }| {
                [(*at, true), (*until, false)].map(|(at, begins)| Step {
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
