//! Joining tasks. Each task belongs to a `JoinSet` that its owner polls, so that a panic in the task
//! is a panic of its owner, up to the process.

use std::panic::resume_unwind;

use tokio::task::JoinError;

/// The output of a task that nobody aborts; panics if the task panicked.
pub(crate) fn joined<T>(result: Result<T, JoinError>) -> T {
    result.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    #[should_panic(expected = "on purpose")]
    async fn panic_of_a_task_is_a_panic_of_its_owner() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("on purpose") });
        joined::<()>(tasks.join_next().await.unwrap());
    }
}
