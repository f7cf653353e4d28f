use std::time::Duration;

use thiserror::Error;
use tokio::{
    task::AbortHandle,
    time::{self, Instant},
};

use super::shared::RegistrarShared;
use crate::{
    defaults::{LATE_WINDOW, RETRY_PAUSE_MAX},
    error::CallError,
};

/// A shutdown timed out before all entries were removed. The relay purges the rest.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the node's entries were not removed within {} ms; the relay will purge them", .within.as_millis())]
pub struct ShutdownTimedOut {
    /// The time limit.
    pub within: Duration,
}

impl RegistrarShared {
    pub(super) async fn shutdown(
        &self,
        task: &AbortHandle,
        within: Duration,
    ) -> Result<(), ShutdownTimedOut> {
        {
            let mut state = self.lock();
            state.closing = true;
            state.waiters.clear();
        }
        let done = time::timeout(within, async {
            while self.lock().reconciler.in_flight() > 0 {
                self.finished.notified().await;
            }
            while let Err(error) = self.remove_all(task).await {
                tracing::debug!(%error, "removing the node's entries failed, retrying");
                time::sleep(RETRY_PAUSE_MAX).await;
            }
        });
        let done = done.await;
        task.abort();
        done.map_err(|_| ShutdownTimedOut { within })
    }

    /// The lease goes last: while it is held, no relay declares the node dead and purges
    /// concurrently, and no other process with this name acquires it.
    async fn remove_all(&self, task: &AbortHandle) -> Result<(), CallError> {
        let (incarnation, former, late_window) = {
            let state = self.lock();
            let indeterminate = state.reconciler.is_indeterminate(Instant::now());
            let late_window = if indeterminate { LATE_WINDOW } else { Duration::ZERO };
            (state.incarnation, state.former.clone(), late_window)
        };
        self.directory.retract(&self.node, incarnation).await?;
        for former in former {
            self.directory.purge(&self.node, former, late_window, |_| {}).await?;
        }
        self.directory.purge(&self.node, incarnation, late_window, |_| {}).await?;
        // The lease keeper must not acquire the lease again after it is removed.
        task.abort();
        self.directory.revoke_lease(&self.node, incarnation).await.map(drop)
    }
}
