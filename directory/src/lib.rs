//! The directory in Redis: which user is on which node, in which incarnation.
//!
//! - [`Directory`] has the single calls: leases, listings, entries, purges, look-ups. Each command
//!   has one key, so all of them run unchanged on a Redis Cluster.
//! - [`Registrar`] reconciles Redis with a node's desired state, its users, through every failure
//!   of Redis.

mod browse;
pub mod defaults;
mod directory;
mod error;
mod incarnations;
mod keys;
mod lease;
mod nodes;
mod purge;
mod redis_client;
mod redis_connector;
mod registrar;
mod reply;
mod scripts;
#[cfg(feature = "testing")]
pub mod testing;
mod trouble;
mod users;

pub use browse::{FindCursor, FindPage, UserLocation};
pub use directory::Directory;
pub use error::{CallError, ConfigError, EntryError, LookUpError};
pub use lease::{Acquired, Fence, Lease, Renewed, Revocation};
pub use nodes::NodeRecord;
pub use purge::Purged;
pub use registrar::{
    LeaseState, Registrar, RegistrarCounts, RegistrarStatus, Registration, RegistrationCancelled,
    ShutdownTimedOut,
};
pub use users::Location;
