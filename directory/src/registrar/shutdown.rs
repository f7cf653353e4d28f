//! Takes everything back in one go, when the node leaves.

use std::time::Duration;

use tokio::time::{self, Instant};

use super::{Task, Unfinished, shared::Shared};
use crate::{
    CallError,
    defaults::{DOUBT, RETRY_PAUSE_MAX},
};

impl Shared {
    pub(super) async fn shutdown(&self, task: &Task, within: Duration) -> Result<(), Unfinished> {
        let deadline = Instant::now() + within;
        {
            let mut state = self.lock();
            state.closing = true;
            state.waiters.clear();
        }
        let done = time::timeout_at(deadline, async {
            self.wait_for_operations().await;
            while let Err(error) = self.take_back(task).await {
                tracing::debug!(%error, "the directory will be cleared in another attempt");
                time::sleep(RETRY_PAUSE_MAX).await;
            }
        });
        let done = done.await;
        task.0.abort();
        done.map_err(|_| Unfinished { within })
    }

    async fn wait_for_operations(&self) {
        while self.lock().plan.in_flight() > 0 {
            self.settled.notified().await;
        }
    }

    /// The lease goes last: while it is held, nobody takes the node for dead.
    async fn take_back(&self, task: &Task) -> Result<(), CallError> {
        let (incarnation, former, settle) = {
            let state = self.lock();
            let settle = if state.plan.in_doubt(Instant::now()) { DOUBT } else { Duration::ZERO };
            (state.incarnation, state.former.clone(), settle)
        };
        self.directory.retract(&self.node, incarnation).await?;
        for former in former {
            self.directory.purge(&self.node, former, settle, |_| {}).await?;
        }
        self.directory.purge(&self.node, incarnation, settle, |_| {}).await?;
        // From here on nobody may take the lease again.
        task.0.abort();
        self.directory.release(&self.node, incarnation).await
    }
}
