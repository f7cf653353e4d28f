//! Which user is on which node: the user's own entry, and the node's index of its users.
//!
//! An entry is added index first and removed index last, so that whatever is interrupted, an
//! entry of a user can be found from its node.

use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    Directory,
    error::{CallError, EntryError},
    lease::Fence,
    scripts::{INDEX_ENTER, INDEX_LEAVE, USER_ENTER, USER_LEAVE},
};

/// A node on which a user has a session, and the incarnation of it that said so.
pub type Location = (Name, Incarnation);

/// What became of removing a user's entry for one incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// There was such an entry.
    pub(crate) removed: bool,
    /// The user has an entry elsewhere: for another node, or for another incarnation of it.
    pub(crate) elsewhere: bool,
}

impl Directory {
    /// Says that `user` has a session on a node, since `since_ms` (Unix milliseconds; a later time
    /// that stands there is kept). Returns the user's other nodes.
    ///
    /// Repeating it changes nothing. The incarnation must be listed before.
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
        Ok(self.places(others))
    }

    /// Takes back what [`Directory::register`] said for this incarnation, up to this time; what
    /// other incarnations have said is left alone. Returns whether there was anything to take back.
    pub async fn unregister(
        &self,
        user: &User,
        (node, incarnation): (&Name, Incarnation),
        since_ms: u64,
        fence: Fence,
    ) -> Result<bool, EntryError> {
        let entry = self.leave(user, (node, incarnation), fence).await?;

        let index = self.keys().index(node, incarnation);
        let arguments = (fence.ends_at_ms(), since_ms, user.as_str());
        let (late_ms, indexed): (u64, bool) =
            self.client().run(&INDEX_LEAVE, &index, &arguments).await?;
        in_time(late_ms)?;
        Ok(entry.removed || indexed)
    }

    /// The nodes on which `user` has a session; empty if there is none. What is not well-formed
    /// is skipped and counted ([`Directory::bad_fields`]).
    pub async fn look_up(&self, user: &User) -> Result<Vec<Location>, CallError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys().user(user));
        Ok(self.places(self.client().query(&command).await?))
    }

    /// Removes a user's entry for one incarnation, and leaves the index alone.
    pub(crate) async fn leave(
        &self,
        user: &User,
        (node, incarnation): (&Name, Incarnation),
        fence: Fence,
    ) -> Result<Left, EntryError> {
        let arguments = (fence.ends_at_ms(), node.as_str(), incarnation.to_string());
        let (late_ms, removed, elsewhere) =
            self.client().run(&USER_LEAVE, &self.keys().user(user), &arguments).await?;
        in_time(late_ms)?;
        Ok(Left { removed, elsewhere })
    }

    /// The incarnation that the user's entry for `node` names, if any.
    pub(crate) async fn entry(
        &self,
        user: &User,
        node: &Name,
    ) -> Result<Option<Incarnation>, CallError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys().user(user)).arg(node.as_str());
        let field: Option<Vec<u8>> = self.client().query(&command).await?;
        Ok(field.and_then(|field| std::str::from_utf8(&field).ok()?.parse().ok()))
    }

    /// For each of the users, whether the index of an incarnation has it.
    pub(crate) async fn indexed_among(
        &self,
        (node, incarnation): (&Name, Incarnation),
        users: &[&User],
    ) -> Result<Vec<bool>, CallError> {
        let mut command = redis::cmd("ZMSCORE");
        command.arg(self.keys().index(node, incarnation));
        for user in users {
            command.arg(user.as_str());
        }
        let scores: Vec<Option<f64>> = self.client().query(&command).await?;
        Ok(scores.into_iter().map(|score| score.is_some()).collect())
    }

    /// Looks at some `count` users in the index of an incarnation. Returns where to go on (0: all
    /// were looked at) and the users with the time of their first session.
    pub(crate) async fn scan_users_of(
        &self,
        (node, incarnation): (&Name, Incarnation),
        cursor: u64,
        count: usize,
    ) -> Result<(u64, Vec<(User, u64)>), CallError> {
        let mut command = redis::cmd("ZSCAN");
        command.arg(self.keys().index(node, incarnation)).arg(cursor).arg("COUNT").arg(count);
        let (next, page) = self.client().query(&command).await?;
        Ok((next, self.well_formed("a node's index", page, scored)))
    }

    fn places(&self, fields: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Location> {
        self.well_formed("a user", fields, |node, incarnation| {
            Some((node.parse().ok()?, incarnation.parse().ok()?))
        })
    }
}

fn in_time(late_ms: u64) -> Result<(), EntryError> {
    match late_ms {
        0 => Ok(()),
        late_ms => Err(EntryError::LeaseOver { late_ms }),
    }
}

/// A member of an index with its score.
pub(crate) fn scored(user: &str, score: &str) -> Option<(User, u64)> {
    Some((user.parse().ok()?, score.parse::<f64>().ok()? as u64))
}
