//! Removing what a dead incarnation left behind: from the node to its users, in bounded batches.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{self, Instant};
use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    Directory,
    defaults::{PURGE_BATCH, PURGE_IN_FLIGHT_MAX},
    error::{CallError, EntryError},
    lease::Fence,
};

/// How far a purge has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Users whose entry for the incarnation was removed.
    pub removed: usize,
    /// Users of the incarnation who are still online: by a session on another node, or on a
    /// newer incarnation of the same one. Those entries were left alone.
    pub elsewhere: usize,
}

impl Directory {
    /// Removes all that is left of a dead incarnation of `node`: its users' entries, its index,
    /// and last its place on the list of incarnations. `progress` is told after each batch.
    ///
    /// The users' entries go at once. The index and the listing go once nothing more can come
    /// from the incarnation: `late_window` after the start, see [`crate::Revocation::late_window`].
    ///
    /// Nothing that belongs to other nodes or incarnations is touched. A purge that failed or was
    /// dropped can be repeated, by anyone, and goes on where it ended; two at a time do no harm.
    /// No command keeps Redis for more than a millisecond or so.
    pub async fn purge(
        &self,
        node: &Name,
        incarnation: Incarnation,
        late_window: Duration,
        mut progress: impl FnMut(Purged),
    ) -> Result<Purged, CallError> {
        let settled = Instant::now() + late_window;
        let mut purged = Purged::default();
        if !late_window.is_zero() {
            self.remove_entries(node, incarnation, &mut purged, &mut progress).await?;
            time::sleep_until(settled).await;
        }
        self.drain_index(node, incarnation, &mut purged, &mut progress).await?;
        self.unlist_incarnation(incarnation).await?;
        Ok(purged)
    }

    /// Removes the users' entries, and leaves the index for those that may still come.
    async fn remove_entries(
        &self,
        node: &Name,
        incarnation: Incarnation,
        purged: &mut Purged,
        progress: &mut impl FnMut(Purged),
    ) -> Result<(), CallError> {
        for offset in (0..).step_by(PURGE_BATCH) {
            let batch = self.indexed(node, incarnation, offset).await?;
            if batch.is_empty() {
                break;
            }
            purged.removed += self.remove_batch(node, incarnation, &batch).await?.removed;
            progress(*purged);
        }
        Ok(())
    }

    async fn drain_index(
        &self,
        node: &Name,
        incarnation: Incarnation,
        purged: &mut Purged,
        progress: &mut impl FnMut(Purged),
    ) -> Result<(), CallError> {
        loop {
            let batch = self.indexed(node, incarnation, 0).await?;
            if batch.is_empty() {
                return Ok(());
            }
            let step = self.remove_batch(node, incarnation, &batch).await?;
            self.forget_indexed(node, incarnation, &batch).await?;
            purged.removed += step.removed;
            purged.elsewhere += step.elsewhere;
            progress(*purged);
        }
    }

    /// The members of the index from `offset` on: users, unless someone else has written there.
    async fn indexed(
        &self,
        node: &Name,
        incarnation: Incarnation,
        offset: usize,
    ) -> Result<Vec<Vec<u8>>, CallError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys().index(node, incarnation));
        command.arg(offset).arg(offset + PURGE_BATCH - 1);
        self.client().query(&command).await
    }

    async fn remove_batch(
        &self,
        node: &Name,
        incarnation: Incarnation,
        batch: &[Vec<u8>],
    ) -> Result<Purged, CallError> {
        let users: Vec<User> = batch.iter().filter_map(|member| user(member)).collect();
        let place = (node, incarnation);
        let removals: Vec<_> =
            users.iter().map(|user| self.leave(user, place, Fence::NONE)).collect();
        let mut removals = stream::iter(removals).buffer_unordered(PURGE_IN_FLIGHT_MAX);
        let mut purged = Purged::default();
        while let Some(left) = removals.next().await {
            let left = left.map_err(without_lease)?;
            purged.removed += usize::from(left.removed);
            purged.elsewhere += usize::from(left.elsewhere);
        }
        Ok(purged)
    }

    async fn forget_indexed(
        &self,
        node: &Name,
        incarnation: Incarnation,
        batch: &[Vec<u8>],
    ) -> Result<(), CallError> {
        let mut command = redis::cmd("ZREM");
        command.arg(self.keys().index(node, incarnation)).arg(batch);
        self.client().query(&command).await
    }
}

fn user(member: &[u8]) -> Option<User> {
    std::str::from_utf8(member).ok()?.parse().ok()
}

fn without_lease(error: EntryError) -> CallError {
    match error {
        EntryError::Call(error) => error,
        EntryError::LeaseOver { .. } => unreachable!("a purge is under no lease"),
    }
}
