//! Which nodes are alive: signs of life, leases and connection-refused signals go in; deaths,
//! purges and answers to links come out as [`LivenessEffect`]s.
//!
//! A pure core: no I/O, and the time is an argument.
//!
//! # Rules
//! - An incarnation is declared dead only if its link is silent (or gone, for longer than a
//!   reconnect takes) *and* its lease has lapsed; or if the kernel of its machine refuses datagrams
//!   *and* a round of probes is not answered.
//! - A death first revokes the lease, by compare-and-delete, and then purges the entries.
//! - While the relay itself is stalled, a node is not silent; while Redis is away, a lease does not
//!   lapse. Deaths decided while Redis is away are kept, checked against its leases when it is back,
//!   and then carried out.
//! - The directory's list of incarnations is read periodically: each incarnation on it without link
//!   and lease is purged, whichever relay or node left it there.

mod core;
mod directory_replies;
mod effect;
mod incarnation_record;
mod link_events;
mod name_claims;
#[cfg(test)]
mod tests;
mod timers;

pub(crate) use self::core::{Liveness, NodeView, RedisReach};
pub(crate) use effect::{
    DirectoryCommand, DirectoryFailure, DirectoryListing, DirectoryReply, LeaseHolder,
    LeaseRevocation, LinkId, LinkRejection, LivenessEffect, PurgeProgress,
};
