//! The process of a hand-made node, and its lease.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task, time,
};
use trunkline_directory::{Acquired, Directory};
use trunkline_protocol::{Incarnation, Name, User};

/// A thread with a runtime. When it ends, its tasks are dropped where they are.
pub(super) struct NodeProcess {
    pub(super) handle: Handle,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl NodeProcess {
    pub(super) fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || drop(runtime.block_on(stopped)));
        Self { handle, stop, thread }
    }

    pub(super) async fn end(self) {
        drop(self.stop);
        let thread = self.thread;
        task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
    }
}

/// Takes the lease, renews it while `leased` is set, and registers users.
pub(super) async fn register(
    directory: Directory,
    node: Name,
    incarnation: Incarnation,
    users: Vec<User>,
    leased: Arc<AtomicBool>,
) {
    directory.list_incarnation(&node, incarnation).await.unwrap();
    let fence = loop {
        match directory.acquire(&node, incarnation).await.unwrap() {
            Acquired::Held(fence) => break fence,
            Acquired::Foreign { .. } => {
                time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    for user in &users {
        directory.register(user, (&node, incarnation), 1, fence).await.unwrap();
    }
    tokio::spawn(async move {
        while leased.load(Ordering::Relaxed) {
            let _ = directory.renew(&node, incarnation).await;
            time::sleep(Duration::from_millis(200)).await;
        }
    });
}
