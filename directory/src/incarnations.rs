//! The list of incarnations that may have entries: written before an incarnation's first entry,
//! removed after its last, so that none is ever lost sight of.

use trunkline_protocol::{Incarnation, Name};

use crate::{Directory, error::CallError};

impl Directory {
    /// Lists an incarnation of `node`. Repeating it changes nothing.
    pub async fn list_incarnation(
        &self,
        node: &Name,
        incarnation: Incarnation,
    ) -> Result<(), CallError> {
        let mut command = redis::cmd("HSET");
        command.arg(self.keys().incarnations()).arg(incarnation.to_string()).arg(node.as_str());
        self.client().query(&command).await
    }

    /// Takes an incarnation off the list. Only [`Directory::purge`] does so, once nothing is left
    /// of it.
    pub(crate) async fn unlist_incarnation(
        &self,
        incarnation: Incarnation,
    ) -> Result<(), CallError> {
        let mut command = redis::cmd("HDEL");
        command.arg(self.keys().incarnations()).arg(incarnation.to_string());
        self.client().query(&command).await
    }

    /// All incarnations that may have entries, with their nodes, in no order.
    pub async fn incarnations(&self) -> Result<Vec<(Incarnation, Name)>, CallError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys().incarnations());
        let fields = self.client().query(&command).await?;
        Ok(self.well_formed("incarnations", fields, |incarnation, node| {
            Some((incarnation.parse().ok()?, node.parse().ok()?))
        }))
    }
}
