//! The relay's only caller of Redis. It carries out what liveness asks, and replies.

use std::time::Duration;

use tokio::{sync::mpsc, task::JoinSet};
use tracing::debug;
use trunkline_directory::{CallError, Directory, Purged};
use trunkline_protocol::{Incarnation, Name};

use crate::{
    defaults::LEASES_IN_FLIGHT_MAX,
    liveness::{
        DirectoryCommand, DirectoryFailure, DirectoryListing, DirectoryReply, LeaseHolder,
        LeaseRevocation, PurgeProgress,
    },
    supervise::joined,
};

/// Carries out commands concurrently, until the data path has ended.
pub(super) async fn run(
    directory: Directory,
    mut commands: mpsc::Receiver<DirectoryCommand>,
    replies: mpsc::Sender<DirectoryReply>,
) {
    let worker = DirectoryWorker { directory, replies };
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => { running.spawn(worker.clone().carry_out(command)); }
                None => return,
            },
            Some(ended) = running.join_next() => joined(ended),
        }
    }
}

#[derive(Clone)]
struct DirectoryWorker {
    directory: Directory,
    replies: mpsc::Sender<DirectoryReply>,
}

impl DirectoryWorker {
    async fn carry_out(self, command: DirectoryCommand) {
        let reply = match command {
            DirectoryCommand::ReadListing => {
                DirectoryReply::Listing(self.read_listing().await.map_err(failure))
            }
            DirectoryCommand::ReadLeases(nodes) => {
                DirectoryReply::Leases(self.read_leases(nodes).await)
            }
            DirectoryCommand::RevokeLease { node, incarnation, unless_held } => {
                let result = self.revoke_lease(&node, incarnation, unless_held).await;
                DirectoryReply::LeaseRevoked(incarnation, result.map_err(failure))
            }
            DirectoryCommand::Purge { node, incarnation, late_window } => {
                let result = self.purge(&node, incarnation, late_window).await;
                if let Err(error) = &result {
                    debug!(%node, %incarnation, "purge interrupted, will be repeated: {error}");
                }
                DirectoryReply::PurgeEnded(incarnation, result.map_err(failure))
            }
        };
        // The data path may have ended.
        let _ = self.replies.send(reply).await;
    }

    async fn read_listing(&self) -> Result<DirectoryListing, CallError> {
        let incarnations = self.directory.incarnations().await?;
        let records = self.directory.nodes().await?;
        let records = records.into_iter().map(|(_, record)| record).collect();
        Ok(DirectoryListing { incarnations, records })
    }

    /// Reads leases, some at a time. One that Redis refuses to show is left out.
    async fn read_leases(
        &self,
        nodes: Vec<Name>,
    ) -> Result<Vec<(Name, Option<LeaseHolder>)>, DirectoryFailure> {
        let mut leases = Vec::with_capacity(nodes.len());
        let mut reads = JoinSet::new();
        for node in nodes {
            if reads.len() >= LEASES_IN_FLIGHT_MAX
                && let Some(read) = reads.join_next().await
            {
                leases.extend(joined(read)?);
            }
            reads.spawn(read_lease(self.directory.clone(), node));
        }
        while let Some(read) = reads.join_next().await {
            leases.extend(joined(read)?);
        }
        Ok(leases)
    }

    async fn revoke_lease(
        &self,
        node: &Name,
        incarnation: Incarnation,
        unless_held: bool,
    ) -> Result<LeaseRevocation, CallError> {
        if unless_held
            && let Some(lease) = self.directory.lease(node).await?
            && lease.holder == incarnation
        {
            return Ok(LeaseRevocation::Held { left: lease.left });
        }
        let revocation = self.directory.revoke_lease(node, incarnation).await?;
        Ok(LeaseRevocation::Revoked { late_window: revocation.late_window() })
    }

    async fn purge(
        &self,
        node: &Name,
        incarnation: Incarnation,
        late_window: Duration,
    ) -> Result<(), CallError> {
        let progressed =
            |purged| DirectoryReply::PurgeProgressed(incarnation, purge_progress(purged));
        let report = |purged: Purged| {
            // A full queue costs nothing: the next report includes this one.
            let _ = self.replies.try_send(progressed(purged));
        };
        let purged = self.directory.purge(node, incarnation, late_window, report).await?;
        self.directory.retract(node, incarnation).await?;
        let _ = self.replies.send(progressed(purged)).await;
        Ok(())
    }
}

async fn read_lease(
    directory: Directory,
    node: Name,
) -> Result<Option<(Name, Option<LeaseHolder>)>, DirectoryFailure> {
    match directory.lease(&node).await {
        Ok(lease) => Ok(Some((node, lease.map(|lease| (lease.holder, lease.left))))),
        Err(CallError::Refused(error)) => {
            debug!(%node, "Redis refuses to show a lease: {error}");
            Ok(None)
        }
        Err(error) => Err(failure(error)),
    }
}

fn purge_progress(purged: Purged) -> PurgeProgress {
    PurgeProgress { removed: purged.removed as u64, kept: purged.elsewhere as u64 }
}

fn failure(error: CallError) -> DirectoryFailure {
    match error {
        CallError::Refused(_) => DirectoryFailure::Refused,
        CallError::TimedOut | CallError::Away(_) => DirectoryFailure::Away,
    }
}
