//! Everything that is said to Redis: which user is on which node, in which incarnation.
//!
//! - [`Directory`] says single things: leases, listings, entries, purges, look-ups. Each command
//!   has one key, so all of it runs unchanged on a Redis Cluster.
//! - [`Registrar`] keeps what is said true: a node tells it which users it has, and it brings
//!   Redis to that, through whatever happens to Redis.

mod browse;
mod client;
pub mod defaults;
mod error;
mod incarnations;
mod keys;
mod lease;
mod nodes;
mod purge;
mod registrar;
mod reply;
mod scripts;
mod server;
#[cfg(feature = "testing")]
pub mod testing;
mod trouble;
mod users;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub use browse::{FindCursor, Found, UserLocation};
pub use error::{CallError, ConfigError, EntryError, LookUpError};
pub use lease::{Acquired, Fence, Lease, Renewed, Revocation};
pub use nodes::NodeRecord;
pub use purge::Purged;
pub use registrar::{
    LeaseState, Registrar, RegistrarCounts, RegistrarStatus, Registration, Unfinished, Withdrawn,
};
pub use users::Location;

use client::Client;
use keys::Keys;

/// A client of the directory. Cheap to clone; clones share one connection, which lives on the
/// runtime of the call that opened it: open one directory per runtime.
///
/// A Redis that is away is no failure: calls fail within [`defaults::CALL_TIMEOUT`], and succeed
/// again as soon as it is back. Dropping a call does not unsay it.
#[derive(Clone, Debug)]
pub struct Directory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    keys: Keys,
    bad_fields: AtomicU64,
}

impl Directory {
    /// Opens the directory at `url`, with all keys under `prefix` (see
    /// [`defaults::KEY_PREFIX`]). Nothing is sent before the first call.
    pub fn open(url: &str, prefix: &str) -> Result<Self, ConfigError> {
        let keys = Keys::new(prefix)?;
        let client = Client::new(url, keys.clone())?;
        let inner = Inner { client, keys, bad_fields: AtomicU64::new(0) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How many fields were read and skipped so far because they were not well-formed: someone
    /// else writes under the prefix.
    pub fn bad_fields(&self) -> u64 {
        self.inner.bad_fields.load(Ordering::Relaxed)
    }

    /// What is wrong with Redis or the way to it, in its own words, and what helps, on one line;
    /// `None` while all is well. A refusal counts until what was refused succeeds, whatever else
    /// does. New troubles are logged as well.
    pub fn trouble(&self) -> Option<String> {
        self.client().trouble()
    }

    fn client(&self) -> &Client {
        &self.inner.client
    }

    fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// Reads what can be read of `fields`, and counts the rest.
    fn well_formed<T>(
        &self,
        place: &str,
        fields: Vec<(Vec<u8>, Vec<u8>)>,
        read: impl Fn(&str, &str) -> Option<T>,
    ) -> Vec<T> {
        let all = fields.len();
        let read_field = |(field, value): (Vec<u8>, Vec<u8>)| {
            read(std::str::from_utf8(&field).ok()?, std::str::from_utf8(&value).ok()?)
        };
        let good: Vec<T> = fields.into_iter().filter_map(read_field).collect();
        let bad = all - good.len();
        if bad > 0 {
            self.inner.bad_fields.fetch_add(bad as u64, Ordering::Relaxed);
            tracing::warn!(place, bad, "skipped what is not well-formed in the directory");
        }
        good
    }
}
