//! The relay's hand in Redis. It runs beside the data path, so that a slow Redis costs time only
//! here: liveness asks, and is told what became of it.

use std::time::Duration;

use tokio::{sync::mpsc, task::JoinSet};
use tracing::debug;
use trunkline_directory::{CallError, Directory, NodeRecord, Purged};
use trunkline_protocol::{Incarnation, Name};

use crate::{
    defaults::LEASES_IN_FLIGHT_MAX,
    liveness::{Cleared, Condemnation, Failed, Holder},
};

/// What liveness wants of Redis.
#[derive(Debug)]
pub(crate) enum Request {
    /// Read who is listed.
    Listing,
    /// Read the leases of these nodes.
    Leases(Vec<Name>),
    /// Remove an incarnation's lease; `unless_held`: only find out that it has none.
    Condemn {
        /// The node.
        node: Name,
        /// Which life of it.
        incarnation: Incarnation,
        /// Leave a lease alone that it has.
        unless_held: bool,
    },
    /// Remove what is left of an incarnation.
    Purge {
        /// The node.
        node: Name,
        /// Which life of it.
        incarnation: Incarnation,
        /// How long its commands may still take effect.
        settle: Duration,
    },
}

/// What became of a [`Request`].
#[derive(Debug)]
pub(crate) enum Report {
    /// Who is listed.
    Listed(Result<Listing, Failed>),
    /// Who has the leases.
    Leases(Result<Vec<(Name, Option<Holder>)>, Failed>),
    /// What became of removing a lease.
    Condemned(Incarnation, Result<Condemnation, Failed>),
    /// How far a purge has come.
    Purging(Incarnation, Cleared),
    /// A purge has ended.
    Purged(Incarnation, Result<(), Failed>),
}

/// Who is listed in the directory.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The incarnations that may have entries.
    pub(crate) incarnations: Vec<(Incarnation, Name)>,
    /// What nodes say of themselves.
    pub(crate) cards: Vec<(Name, NodeRecord)>,
}

/// Does what is asked, side by side, until nobody asks any more.
pub(crate) async fn run(
    directory: Directory,
    mut requests: mpsc::Receiver<Request>,
    reports: mpsc::Sender<Report>,
) {
    let cleaner = Cleaner { directory, reports };
    let mut jobs = JoinSet::new();
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => { jobs.spawn(cleaner.clone().work(request)); }
                None => return,
            },
            Some(done) = jobs.join_next() => done.expect("a job ends by itself"),
        }
    }
}

#[derive(Clone)]
struct Cleaner {
    directory: Directory,
    reports: mpsc::Sender<Report>,
}

impl Cleaner {
    async fn work(self, request: Request) {
        let report = match request {
            Request::Listing => Report::Listed(self.listing().await.map_err(failed)),
            Request::Leases(nodes) => Report::Leases(self.leases(nodes).await),
            Request::Condemn { node, incarnation, unless_held } => {
                let result = self.condemn(&node, incarnation, unless_held).await;
                Report::Condemned(incarnation, result.map_err(failed))
            }
            Request::Purge { node, incarnation, settle } => {
                let result = self.purge(&node, incarnation, settle).await;
                if let Err(error) = &result {
                    debug!(%node, %incarnation, "a purge was interrupted and will go on: {error}");
                }
                Report::Purged(incarnation, result.map_err(failed))
            }
        };
        // Nobody listens when the relay stops.
        let _ = self.reports.send(report).await;
    }

    async fn listing(&self) -> Result<Listing, CallError> {
        let incarnations = self.directory.incarnations().await?;
        let cards = self.directory.nodes().await?;
        Ok(Listing { incarnations, cards })
    }

    /// Reads leases, some at a time. One that Redis refuses to show is left out.
    async fn leases(&self, nodes: Vec<Name>) -> Result<Vec<(Name, Option<Holder>)>, Failed> {
        let mut leases = Vec::with_capacity(nodes.len());
        let mut reads = JoinSet::new();
        for node in nodes {
            if reads.len() >= LEASES_IN_FLIGHT_MAX {
                leases.extend(next(&mut reads).await?);
            }
            reads.spawn(read_lease(self.directory.clone(), node));
        }
        while !reads.is_empty() {
            leases.extend(next(&mut reads).await?);
        }
        Ok(leases)
    }

    async fn condemn(
        &self,
        node: &Name,
        incarnation: Incarnation,
        unless_held: bool,
    ) -> Result<Condemnation, CallError> {
        if unless_held
            && let Some(lease) = self.directory.lease(node).await?
            && lease.holder == incarnation
        {
            return Ok(Condemnation::Held { left: lease.left });
        }
        let condemned = self.directory.revoke_lease(node, incarnation).await?;
        Ok(Condemnation::Done { settle: condemned.late_window() })
    }

    async fn purge(
        &self,
        node: &Name,
        incarnation: Incarnation,
        settle: Duration,
    ) -> Result<(), CallError> {
        let progress = |purged: Purged| {
            // The next report says all that this one would have.
            let _ = self.reports.try_send(Report::Purging(incarnation, cleared(purged)));
        };
        let purged = self.directory.purge(node, incarnation, settle, progress).await?;
        self.directory.retract(node, incarnation).await?;
        let _ = self.reports.send(Report::Purging(incarnation, cleared(purged))).await;
        Ok(())
    }
}

type LeaseRead = Result<Option<(Name, Option<Holder>)>, Failed>;

async fn read_lease(directory: Directory, node: Name) -> LeaseRead {
    match directory.lease(&node).await {
        Ok(lease) => Ok(Some((node, lease.map(|lease| (lease.holder, lease.left))))),
        Err(CallError::Refused(error)) => {
            debug!(%node, "Redis does not show a lease: {error}");
            Ok(None)
        }
        Err(error) => Err(failed(error)),
    }
}

async fn next(reads: &mut JoinSet<LeaseRead>) -> LeaseRead {
    match reads.join_next().await {
        Some(Ok(read)) => read,
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => Ok(None),
    }
}

fn cleared(purged: Purged) -> Cleared {
    Cleared { removed: purged.removed as u64, kept: purged.elsewhere as u64 }
}

fn failed(error: CallError) -> Failed {
    match error {
        CallError::Refused(_) => Failed::Refused,
        CallError::TimedOut | CallError::Away(_) => Failed::Away,
    }
}
