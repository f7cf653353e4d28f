//! Reading the directory page by page, for people who look at it.

use redis::Value;
use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    Directory,
    defaults::{FIND_STEP_KEYS, PAGE_USERS_MAX},
    error::CallError,
    users::scored,
};

/// Where a search goes on. A search that nobody continues costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindCursor(u64);

/// One step of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Users that match; there may be none in this step, and a user may turn up twice.
    pub users: Vec<User>,
    /// Where to go on; `None` when all users were looked at.
    pub next: Option<FindCursor>,
}

/// One node on which a user has a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLocation {
    /// The node.
    pub node: Name,
    /// The incarnation of it that has the session.
    pub incarnation: Incarnation,
    /// Since when, in Unix milliseconds; `None` if the node's index does not have the user.
    pub since_ms: Option<u64>,
}

impl Directory {
    /// How many users have a session on an incarnation of a node.
    pub async fn users_count(
        &self,
        node: &Name,
        incarnation: Incarnation,
    ) -> Result<usize, CallError> {
        let mut command = redis::cmd("ZCARD");
        command.arg(self.keys().index(node, incarnation));
        self.client().query(&command).await
    }

    /// A page of the users of an incarnation, the longest online first, with the time of their
    /// first session (Unix milliseconds). At most [`PAGE_USERS_MAX`], whatever `count` says.
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
        Ok(self.well_formed("a node's index", page, scored))
    }

    /// Where a user has sessions, and since when.
    pub async fn user(&self, user: &User) -> Result<Vec<UserLocation>, CallError> {
        let mut places = Vec::new();
        for (node, incarnation) in self.look_up(user).await? {
            let mut command = redis::cmd("ZSCORE");
            command.arg(self.keys().index(&node, incarnation)).arg(user.as_str());
            let since_ms: Option<f64> = self.client().query(&command).await?;
            places.push(UserLocation { node, incarnation, since_ms: since_ms.map(|ms| ms as u64) });
        }
        Ok(places)
    }

    /// One step of a search for users whose key begins with `start` (as written, upper and lower
    /// case differ). Looks at some [`FIND_STEP_KEYS`] keys; begin with the default cursor.
    pub async fn find(&self, start: &str, cursor: FindCursor) -> Result<Found, CallError> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor.0).arg("MATCH").arg(self.keys().users_that_begin(start));
        command.arg("COUNT").arg(FIND_STEP_KEYS);
        let (next, keys): (u64, Vec<Vec<u8>>) = self.client().query(&command).await?;
        let user = |key: Vec<u8>| self.keys().user_of(std::str::from_utf8(&key).ok()?);
        Ok(Found {
            users: keys.into_iter().filter_map(user).collect(),
            next: (next != 0).then_some(FindCursor(next)),
        })
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), CallError> {
        self.client().query::<Value>(&redis::cmd("PING")).await.map(drop)
    }
}
