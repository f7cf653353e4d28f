//! Reads the directory page by page, for operators.

use redis::{Cmd, Value};
use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    defaults::{FIND_STEP_KEYS, PAGE_USERS_MAX},
    directory::{Directory, well_formed},
    error::CallError,
    users::indexed_user,
};

/// Where a search continues. Redis keeps no state for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindCursor(u64);

/// The result of one step of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindPage {
    /// Users that match. A step may find none, and two steps may find the same one.
    pub users: Vec<User>,
    /// Where the search continues; `None` at its end.
    pub next: Option<FindCursor>,
}

/// One node on which a user has a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLocation {
    /// The node.
    pub node: Name,
    /// Its incarnation that has the session.
    pub incarnation: Incarnation,
    /// When the first session began, in Unix milliseconds; `None` if the user is missing in the
    /// node's index.
    pub since_ms: Option<u64>,
}

impl Directory {
    /// How many users have a session on an incarnation of a node.
    pub async fn users_count(
        &self,
        node: &Name,
        incarnation: Incarnation,
    ) -> Result<usize, CallError> {
        self.client().query(&Cmd::zcard(self.keys().index(node, incarnation))).await
    }

    /// A page of an incarnation's users, longest online first, with the time of their first session
    /// (Unix milliseconds). It has `count` users, but at most [`PAGE_USERS_MAX`].
    pub async fn users_of(
        &self,
        node: &Name,
        incarnation: Incarnation,
        offset: usize,
        count: usize,
    ) -> Result<Vec<(User, u64)>, CallError> {
        let count = count.min(PAGE_USERS_MAX);
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys().index(node, incarnation));
        command.arg(offset).arg(offset.saturating_add(count) - 1).arg("WITHSCORES");
        let page = self.client().query(&command).await?;
        Ok(well_formed("a node's index", page, indexed_user))
    }

    /// Where a user has sessions, and since when.
    pub async fn user(&self, user: &User) -> Result<Vec<UserLocation>, CallError> {
        let mut locations = Vec::new();
        for (node, incarnation) in self.look_up(user).await? {
            let command = Cmd::zscore(self.keys().index(&node, incarnation), user.as_str());
            let since_ms: Option<f64> = self.client().query(&command).await?;
            let since_ms = since_ms.map(|ms| ms as u64);
            locations.push(UserLocation { node, incarnation, since_ms });
        }
        Ok(locations)
    }

    /// One step of a search for users whose key begins with `prefix` (case-sensitive). Scans about
    /// [`FIND_STEP_KEYS`] keys; begin with the default cursor.
    pub async fn find(&self, prefix: &str, cursor: FindCursor) -> Result<FindPage, CallError> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor.0).arg("MATCH").arg(self.keys().users_with_prefix(prefix));
        command.arg("COUNT").arg(FIND_STEP_KEYS);
        let (next, keys): (u64, Vec<Vec<u8>>) = self.client().query(&command).await?;
        let user = |key: Vec<u8>| self.keys().user_of(std::str::from_utf8(&key).ok()?);
        Ok(FindPage {
            users: keys.into_iter().filter_map(user).collect(),
            next: (next != 0).then_some(FindCursor(next)),
        })
    }

    /// Checks that Redis answers.
    pub async fn ping(&self) -> Result<(), CallError> {
        self.client().query::<Value>(&Cmd::ping()).await.map(drop)
    }
}
