//! Directory entries without sessions, to make a directory large.

use std::{
    cell::Cell,
    io,
    sync::mpsc,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use thiserror::Error;
use tokio::{runtime::Builder, sync::oneshot, time::sleep};
use trunkline_directory::{
    Acquired, CallError, ConfigError, Directory, EntryError, Fence, Renewed,
    defaults::{KEY_PREFIX, LEASE_RENEW_EVERY},
};
use trunkline_protocol::{Incarnation, Name};

use crate::defaults::LOAD_FILLS_AT_ONCE;

/// The node of the entries.
const NODE: &str = "nowhere";

/// Why a directory could not be filled.
#[derive(Debug, Error)]
pub enum FillError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] ConfigError),
    /// A call to Redis failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An entry could not be registered.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Another filler uses the same directory, or the lease has expired.
    #[error("another process has the lease of the filler's node")]
    Lease,
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Entries in a directory until this is dropped. Their node has a lease: without one, the relay would
/// purge them.
#[derive(Debug)]
pub struct DirectoryFiller {
    /// The thread that renews the lease ends when this does.
    _stop: oneshot::Sender<()>,
}

impl DirectoryFiller {
    /// Registers `users` users in the directory at `redis`, and waits until all are.
    pub fn fill(redis: &str, users: usize) -> Result<Self, FillError> {
        let directory = Directory::open(redis, KEY_PREFIX)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let node = PhantomNode {
            directory,
            name: NODE.parse().expect("it is a DNS label"),
            incarnation: Incarnation::fresh(),
            fence: Cell::new(None),
        };
        let (filled, outcome) = mpsc::channel();
        let (stop, mut stopped) = oneshot::channel();
        thread::spawn(move || {
            runtime.block_on(async {
                let result = node.fill(users).await;
                let is_filled = result.is_ok();
                // The caller waits for this.
                let _ = filled.send(result);
                if is_filled {
                    tokio::select! {
                        _ = &mut stopped => {}
                        // A lost lease does not come back; the purge shows in the measurement.
                        _ = node.keep_lease() => {}
                    }
                }
            });
        });
        outcome.recv().expect("the thread sends before it ends")?;
        Ok(Self { _stop: stop })
    }
}

/// The node of the entries, which has a lease and no process.
struct PhantomNode {
    directory: Directory,
    name: Name,
    incarnation: Incarnation,
    fence: Cell<Option<Fence>>,
}

impl PhantomNode {
    async fn fill(&self, users: usize) -> Result<(), FillError> {
        let acquired = self.directory.acquire(&self.name, self.incarnation).await?;
        let Acquired::Held(fence) = acquired else { return Err(FillError::Lease) };
        self.fence.set(Some(fence));
        self.directory.list_incarnation(&self.name, self.incarnation).await?;
        let entries = stream::iter(0..users).map(|number| self.register(number));
        let filling = entries.buffer_unordered(LOAD_FILLS_AT_ONCE).try_collect::<()>();
        tokio::select! {
            filled = filling => filled,
            lost = self.keep_lease() => Err(lost),
        }
    }

    async fn register(&self, number: usize) -> Result<(), FillError> {
        let user = format!("nobody-{number}").parse().expect("it is a user's key");
        let fence = self.fence.get().ok_or(FillError::Lease)?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let location = (&self.name, self.incarnation);
        self.directory.register(&user, location, now_ms as u64, fence).await?;
        Ok(())
    }

    /// Renews the lease until it is lost.
    async fn keep_lease(&self) -> FillError {
        loop {
            sleep(LEASE_RENEW_EVERY).await;
            match self.directory.renew(&self.name, self.incarnation).await {
                Ok(Renewed::Held(fence)) => self.fence.set(Some(fence)),
                Ok(Renewed::Lost { .. }) => return FillError::Lease,
                Err(error) => return error.into(),
            }
        }
    }
}
