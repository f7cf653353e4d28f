//! How long what the contract bounds takes: the figures of `docs/benchmarks.md`.

mod death;
mod rebuild;
mod strain;
mod users;

use std::{fmt, time::Duration};

use redis::RedisError;
use thiserror::Error;

pub use self::{
    death::{Blow, deaths},
    rebuild::{Loss, rebuilds},
    strain::{Strain, strain},
};
use trunkline_cli::{local_cluster::ClusterError, status_stream::StatusError};
use trunkline_client::ClientError;

/// Why something could not be measured.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// The cluster cannot be run.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A client could not log in.
    #[error("a client: {0}")]
    Client(#[from] ClientError),
    /// Redis does not answer.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// The relay's status stream is not to be had.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// What was to happen has not.
    #[error("{0}: not within {1:?}")]
    Late(&'static str, Duration),
}

/// How long something took, each time.
#[derive(Clone, Debug)]
pub struct Timing {
    /// What.
    pub what: String,
    /// How long, shortest first.
    runs: Vec<Duration>,
}

impl Timing {
    fn new(what: impl Into<String>, mut runs: Vec<Duration>) -> Self {
        runs.sort_unstable();
        Self { what: what.into(), runs }
    }

    /// Half of the runs were not longer.
    pub fn median(&self) -> Duration {
        self.runs.get(self.runs.len() / 2).copied().unwrap_or_default()
    }

    /// The longest.
    pub fn worst(&self) -> Duration {
        self.runs.last().copied().unwrap_or_default()
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.runs.len()
    }
}

/// A row of a Markdown table: what, median, worst, how often.
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
    fn a_row_has_median_and_worst() {
        let runs = [30, 10, 20].map(Duration::from_millis).to_vec();
        assert_eq!(Timing::new("it", runs).to_string(), "| it | 20 ms | 30 ms | 3 |");
    }
}
