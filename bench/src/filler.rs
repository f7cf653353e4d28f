//! Users in a directory who are nowhere: they only make it large.

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

/// The node that the users are said to be on.
const NODE: &str = "nowhere";

/// Why a directory could not be filled.
#[derive(Debug, Error)]
pub enum FillError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] ConfigError),
    /// Redis did not do what it was asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An entry could not be made.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Another one fills the same directory, or our lease ran out.
    #[error("the lease of the filled node is another's")]
    Lease,
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Users in a directory, kept there until this is dropped: their node has a lease, or the relay
/// would sweep them.
#[derive(Debug)]
pub struct Filler {
    /// The thread that renews the lease ends when this does.
    _stop: oneshot::Sender<()>,
}

impl Filler {
    /// Registers so many users in the directory at `redis`, and waits until they are.
    ///
    /// # Errors
    /// If one of them cannot be.
    pub fn fill(redis: &str, users: usize) -> Result<Self, FillError> {
        let directory = Directory::open(redis, KEY_PREFIX)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let node = Nowhere {
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
                // Whoever asked waits for it.
                let _ = filled.send(result);
                if is_filled {
                    tokio::select! {
                        _ = &mut stopped => {}
                        // A lease that is lost is so for good: the figures will show it.
                        _ = node.keep_lease() => {}
                    }
                }
            });
        });
        outcome.recv().expect("the thread tells before it ends")?;
        Ok(Self { _stop: stop })
    }
}

/// A node that nobody runs.
struct Nowhere {
    directory: Directory,
    name: Name,
    incarnation: Incarnation,
    fence: Cell<Option<Fence>>,
}

impl Nowhere {
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
        let place = (&self.name, self.incarnation);
        self.directory.register(&user, place, now_ms as u64, fence).await?;
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
