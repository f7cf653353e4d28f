//! Which user is on which node: the user's own entry, and the node's index of its users.
//!
//! A registration writes the index first and the entry second, a removal the other way round. So
//! after any interruption an entry can still be found through its node's index.

use redis::Cmd;
use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    directory::{Directory, well_formed},
    error::{CallError, EntryError},
    lease::Fence,
    scripts::{INDEX_ENTER, INDEX_LEAVE, USER_ENTER, USER_LEAVE},
};

/// A node on which a user has a session, and the incarnation that has registered it.
pub type Location = (Name, Incarnation);

/// The result of removing a user's entry for one incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemovedEntry {
    /// There was such an entry.
    pub(crate) removed: bool,
    /// The user has another entry: for another node, or for another incarnation of this one.
    pub(crate) elsewhere: bool,
}

impl Directory {
    /// Writes that `user` has a session on a node, since `since_ms` (Unix milliseconds; a later
    /// time in the index stays). Returns the user's other nodes.
    ///
    /// Idempotent. List the incarnation first.
    pub async fn register(
        &self,
        user: &User,
        (node, incarnation): (&Name, Incarnation),
        since_ms: u64,
        fence: Fence,
    ) -> Result<Vec<Location>, EntryError> {
        let index = self.keys().index(node, incarnation);
        let arguments = (fence.ends_at_ms(), since_ms, user.as_str());
        in_time(self.client().run(&INDEX_ENTER, &index, &arguments).await?)?;

        let arguments = (fence.ends_at_ms(), node.as_str(), incarnation.to_string());
        let (late_ms, others) =
            self.client().run(&USER_ENTER, &self.keys().user(user), &arguments).await?;
        in_time(late_ms)?;
        Ok(locations(others))
    }

    /// Reverts each [`Directory::register`] of this incarnation up to `since_ms`; entries of other
    /// incarnations stay. Returns whether there was anything to remove.
    pub async fn unregister(
        &self,
        user: &User,
        (node, incarnation): (&Name, Incarnation),
        since_ms: u64,
        fence: Fence,
    ) -> Result<bool, EntryError> {
        let entry = self.remove_entry(user, (node, incarnation), fence).await?;

        let index = self.keys().index(node, incarnation);
        let arguments = (fence.ends_at_ms(), since_ms, user.as_str());
        let (late_ms, indexed): (u64, bool) =
            self.client().run(&INDEX_LEAVE, &index, &arguments).await?;
        in_time(late_ms)?;
        Ok(entry.removed || indexed)
    }

    /// The nodes on which `user` has a session. Malformed fields are skipped.
    pub async fn look_up(&self, user: &User) -> Result<Vec<Location>, CallError> {
        Ok(locations(self.client().query(&Cmd::hgetall(self.keys().user(user))).await?))
    }

    /// Removes a user's entry for one incarnation, but not from the index.
    pub(crate) async fn remove_entry(
        &self,
        user: &User,
        (node, incarnation): (&Name, Incarnation),
        fence: Fence,
    ) -> Result<RemovedEntry, EntryError> {
        let arguments = (fence.ends_at_ms(), node.as_str(), incarnation.to_string());
        let (late_ms, removed, elsewhere) =
            self.client().run(&USER_LEAVE, &self.keys().user(user), &arguments).await?;
        in_time(late_ms)?;
        Ok(RemovedEntry { removed, elsewhere })
    }

    /// The incarnation in the user's entry for `node`, if any.
    pub(crate) async fn entry(
        &self,
        user: &User,
        node: &Name,
    ) -> Result<Option<Incarnation>, CallError> {
        let command = Cmd::hget(self.keys().user(user), node.as_str());
        let field: Option<Vec<u8>> = self.client().query(&command).await?;
        Ok(field.and_then(|field| std::str::from_utf8(&field).ok()?.parse().ok()))
    }

    /// For each of the users, whether the index of an incarnation has it.
    pub(crate) async fn indexed_among(
        &self,
        (node, incarnation): (&Name, Incarnation),
        users: &[&User],
    ) -> Result<Vec<bool>, CallError> {
        let users: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
        let command = Cmd::zscore_multiple(self.keys().index(node, incarnation), &users);
        let scores: Vec<Option<f64>> = self.client().query(&command).await?;
        Ok(scores.into_iter().map(|score| score.is_some()).collect())
    }

    /// Scans about `count` users in the index of an incarnation. Returns the next cursor (0 at the
    /// end) and the users with the time of their first session.
    pub(crate) async fn scan_users_of(
        &self,
        (node, incarnation): (&Name, Incarnation),
        cursor: u64,
        count: usize,
    ) -> Result<(u64, Vec<(User, u64)>), CallError> {
        let mut command = redis::cmd("ZSCAN");
        command.arg(self.keys().index(node, incarnation)).arg(cursor).arg("COUNT").arg(count);
        let (next, page) = self.client().query(&command).await?;
        Ok((next, well_formed("a node's index", page, indexed_user)))
    }
}

/// Parses a member of an index and its score.
pub(crate) fn indexed_user(user: &str, score: &str) -> Option<(User, u64)> {
    Some((user.parse().ok()?, score.parse::<f64>().ok()? as u64))
}

fn locations(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Location> {
    well_formed("a user", fields, |node, incarnation| {
        Some((node.parse().ok()?, incarnation.parse().ok()?))
    })
}

fn in_time(late_ms: u64) -> Result<(), EntryError> {
    match late_ms {
        0 => Ok(()),
        late_ms => Err(EntryError::LeaseOver { late_ms }),
    }
}
