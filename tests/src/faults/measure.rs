//! How long clean-up and rebuild take: the tables of `docs/benchmarks.md`.

mod cpu_load;
mod directory_entries;
mod node_failure;
mod rebuild;

use std::{fmt, time::Duration};

use redis::RedisError;
use thiserror::Error;

pub use self::{
    cpu_load::{FalseVerdicts, measure_false_verdicts},
    node_failure::{NodeFailure, measure_cleanup},
    rebuild::{DataLoss, measure_rebuild},
};
use trunkline_cli::{local_cluster::ClusterError, status_stream::StatusStreamError};
use trunkline_client::ClientError;

/// Why a measurement failed.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// The cluster cannot be started or stopped.
    #[error(transparent)]
    LocalCluster(#[from] ClusterError),
    /// A client could not log in.
    #[error("a client: {0}")]
    Client(#[from] ClientError),
    /// Redis does not answer.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// The relay's status stream cannot be read.
    #[error(transparent)]
    Status(#[from] StatusStreamError),
    /// A condition did not hold in time.
    #[error("{0}: not within {1:?}")]
    Timeout(&'static str, Duration),
}

/// The durations of several runs.
#[derive(Clone, Debug)]
pub struct Timing {
    /// What was measured.
    pub what: String,
    /// Sorted.
    runs: Vec<Duration>,
}

impl Timing {
    fn new(what: impl Into<String>, mut runs: Vec<Duration>) -> Self {
        runs.sort_unstable();
        Self { what: what.into(), runs }
    }

    /// The median.
    pub fn median(&self) -> Duration {
        self.runs.get(self.runs.len() / 2).copied().unwrap_or_default()
    }

    /// The longest run.
    pub fn worst(&self) -> Duration {
        self.runs.last().copied().unwrap_or_default()
    }

    /// The number of runs.
    pub fn count(&self) -> usize {
        self.runs.len()
    }
}

/// A row of a Markdown table: what, median, worst, runs.
impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, worst) = (self.median().as_millis(), self.worst().as_millis());
        write!(f, "| {} | {median} ms | {worst} ms | {} |", self.what, self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_has_median_and_worst() {
        let runs = [30, 10, 20].map(Duration::from_millis).to_vec();
        assert_eq!(Timing::new("it", runs).to_string(), "| it | 20 ms | 30 ms | 3 |");
    }
}
