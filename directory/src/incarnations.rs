//! The list of incarnations that may have entries. A node lists an incarnation before its first
//! entry, and a purge unlists it after the last, so that every entry can be found by its
//! incarnation.

use redis::Cmd;
use trunkline_protocol::{Incarnation, Name};

use crate::{
    directory::{Directory, well_formed},
    error::CallError,
};

impl Directory {
    /// Lists an incarnation of `node`. Idempotent.
    pub async fn list_incarnation(
        &self,
        node: &Name,
        incarnation: Incarnation,
    ) -> Result<(), CallError> {
        let field = incarnation.to_string();
        let command = Cmd::hset(self.keys().incarnations(), field, node.as_str());
        self.client().query(&command).await
    }

    /// Unlists an incarnation that has no entries left.
    pub(crate) async fn unlist_incarnation(
        &self,
        incarnation: Incarnation,
    ) -> Result<(), CallError> {
        let command = Cmd::hdel(self.keys().incarnations(), incarnation.to_string());
        self.client().query(&command).await
    }

    /// All listed incarnations with their nodes, in no order.
    pub async fn incarnations(&self) -> Result<Vec<(Incarnation, Name)>, CallError> {
        let fields = self.client().query(&Cmd::hgetall(self.keys().incarnations())).await?;
        Ok(well_formed("incarnations", fields, |incarnation, node| {
            Some((incarnation.parse().ok()?, node.parse().ok()?))
        }))
    }
}
