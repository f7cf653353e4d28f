//! Removes the orphaned entries of a dead incarnation: from the node to its users, in bounded
//! batches.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use redis::Cmd;
use tokio::time::{self, Instant};
use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    defaults::{PURGE_BATCH, PURGE_IN_FLIGHT_MAX},
    directory::Directory,
    error::{CallError, EntryError},
    lease::Fence,
};

/// The progress of a purge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Users whose entry for the incarnation was removed.
    pub removed: usize,
    /// Users who are still online: on another node, or on a newer incarnation of the same one.
    /// Their other entries stay.
    pub elsewhere: usize,
}

impl Directory {
    /// Removes everything that a dead incarnation of `node` has left: its users' entries, its
    /// index, and last its listing. Calls `progress` after each batch.
    ///
    /// Entries of other nodes and incarnations stay. A purge that failed or was dropped can be
    /// repeated by any process and continues; concurrent purges do no harm. No command occupies
    /// Redis for more than about a millisecond.
    ///
    /// Redis may still execute commands of the incarnation for the `late_window`, see
    /// [`crate::Revocation::late_window`]. Users must go offline at once, so the entries that exist
    /// now are removed first. The index and the listing have to stay until the window has passed: a
    /// late registration writes the index before the entry, so a second pass over the index then
    /// finds every entry that came late.
    pub async fn purge(
        &self,
        node: &Name,
        incarnation: Incarnation,
        late_window: Duration,
        mut progress: impl FnMut(Purged),
    ) -> Result<Purged, CallError> {
        let no_late_commands = Instant::now() + late_window;
        let index = self.keys().index(node, incarnation);
        let mut purge =
            Purge { directory: self, node, incarnation, index, purged: Purged::default() };
        if !late_window.is_zero() {
            purge.remove_entries(&mut progress).await?;
            time::sleep_until(no_late_commands).await;
        }
        purge.drain_index(&mut progress).await?;
        self.unlist_incarnation(incarnation).await?;
        Ok(purge.purged)
    }
}

struct Purge<'a> {
    directory: &'a Directory,
    node: &'a Name,
    incarnation: Incarnation,
    index: String,
    purged: Purged,
}

impl Purge<'_> {
    /// Removes the users' entries, but not the index.
    async fn remove_entries(&mut self, progress: &mut impl FnMut(Purged)) -> Result<(), CallError> {
        for offset in (0..).step_by(PURGE_BATCH) {
            let batch = self.indexed(offset).await?;
            if batch.is_empty() {
                break;
            }
            self.purged.removed += self.remove_batch(&batch).await?.removed;
            progress(self.purged);
        }
        Ok(())
    }

    /// Removes the users' entries, and each batch of users from the index after their entries.
    async fn drain_index(&mut self, progress: &mut impl FnMut(Purged)) -> Result<(), CallError> {
        loop {
            let batch = self.indexed(0).await?;
            if batch.is_empty() {
                return Ok(());
            }
            let step = self.remove_batch(&batch).await?;
            let () = self.directory.client().query(&Cmd::zrem(&self.index, &batch)).await?;
            self.purged.removed += step.removed;
            self.purged.elsewhere += step.elsewhere;
            progress(self.purged);
        }
    }

    /// A batch of the index's members from `offset` on: users, unless another program writes there.
    async fn indexed(&self, offset: usize) -> Result<Vec<Vec<u8>>, CallError> {
        let range = (offset as isize, (offset + PURGE_BATCH - 1) as isize);
        self.directory.client().query(&Cmd::zrange(&self.index, range.0, range.1)).await
    }

    async fn remove_batch(&self, batch: &[Vec<u8>]) -> Result<Purged, CallError> {
        let location = (self.node, self.incarnation);
        let users: Vec<User> = batch.iter().filter_map(|member| user(member)).collect();
        // A removal names the incarnation, so it is right at any time and needs no fence.
        let removals: Vec<_> = users
            .iter()
            .map(|user| self.directory.remove_entry(user, location, Fence::NONE))
            .collect();
        let mut removals = stream::iter(removals).buffer_unordered(PURGE_IN_FLIGHT_MAX);
        let mut removed = Purged::default();
        while let Some(entry) = removals.next().await {
            let entry = entry.map_err(without_lease)?;
            removed.removed += usize::from(entry.removed);
            removed.elsewhere += usize::from(entry.elsewhere);
        }
        Ok(removed)
    }
}

fn user(member: &[u8]) -> Option<User> {
    std::str::from_utf8(member).ok()?.parse().ok()
}

fn without_lease(error: EntryError) -> CallError {
    match error {
        EntryError::Call(error) => error,
        EntryError::LeaseOver { .. } => unreachable!("a purge has no fence"),
    }
}
