//! The lease: a node's own, expiring claim to be its incarnation, and the one fence.

use std::time::Duration;

use trunkline_protocol::{Incarnation, Name};

use crate::{
    Directory,
    defaults::LEASE_TTL,
    error::CallError,
    scripts::{LEASE_ACQUIRE, LEASE_READ, LEASE_REMOVE, LEASE_RENEW},
};

const NO_ARGUMENTS: &[&str] = &[];

/// The end of a lease by Redis' clock. Commands that carry it are ignored by Redis afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(u64);

impl Fence {
    /// No fence: for commands that are right at any time, because what they remove is dead.
    pub(crate) const NONE: Self = Self(1 << 53);

    /// Unix milliseconds by Redis' clock.
    pub fn ends_at_ms(self) -> u64 {
        self.0
    }
}

/// What became of trying to take a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The incarnation has the lease until the fence.
    Held(Fence),
    /// Another incarnation has it. Of a dead one it ends by itself within [`LEASE_TTL`].
    Foreign {
        /// Who has it; `None` if what stands there is no incarnation.
        holder: Option<Incarnation>,
    },
}

/// What became of renewing a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The incarnation has the lease until the fence.
    Held(Fence),
    /// It no longer has it: it expired, was condemned, or Redis was emptied.
    Lost {
        /// Who has it now, if anyone.
        holder: Option<Incarnation>,
    },
}

/// What became of condemning an incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It had the lease, and has it no more.
    Removed {
        /// How long commands that it sent before may still take effect: a purge settles for it.
        late_window: Duration,
    },
    /// Nobody has the lease: it had expired, or another has condemned the incarnation.
    Gone,
    /// Another incarnation has the lease, which was left alone; the condemned one is dead.
    Foreign {
        /// Who has it; `None` if what stands there is no incarnation.
        holder: Option<Incarnation>,
    },
}

impl Revocation {
    /// How long the purge that follows has to wait for commands of the incarnation that Redis
    /// may not have executed yet. None where the lease had run out: so had they.
    pub fn late_window(self) -> Duration {
        match self {
            Self::Removed { late_window } => late_window,
            Self::Gone | Self::Foreign { .. } => Duration::ZERO,
        }
    }
}

/// A lease as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it.
    pub holder: Incarnation,
    /// How long it lasts if it is not renewed.
    pub left: Duration,
}

impl Directory {
    /// Takes the lease of `node` for [`LEASE_TTL`] if nobody else has it.
    pub async fn acquire(
        &self,
        node: &Name,
        incarnation: Incarnation,
    ) -> Result<Acquired, CallError> {
        let arguments = (incarnation.to_string(), ttl_ms());
        let (ends_at_ms, holder): (u64, Vec<u8>) =
            self.client().run(&LEASE_ACQUIRE, &self.keys().lease(node), &arguments).await?;
        Ok(match ends_at_ms {
            0 => Acquired::Foreign { holder: parse(&holder) },
            _ => Acquired::Held(Fence(ends_at_ms)),
        })
    }

    /// Prolongs the lease of `node` to [`LEASE_TTL`] from now, if the incarnation still has it.
    pub async fn renew(&self, node: &Name, incarnation: Incarnation) -> Result<Renewed, CallError> {
        let arguments = (incarnation.to_string(), ttl_ms());
        let (ends_at_ms, holder): (u64, Vec<u8>) =
            self.client().run(&LEASE_RENEW, &self.keys().lease(node), &arguments).await?;
        Ok(match ends_at_ms {
            0 => Renewed::Lost { holder: parse(&holder) },
            _ => Renewed::Held(Fence(ends_at_ms)),
        })
    }

    /// Carries out the verdict that an incarnation is dead: removes its lease. From then on it
    /// can neither renew it nor, after [`Revocation::late_window`], change an entry.
    pub async fn revoke_lease(
        &self,
        node: &Name,
        incarnation: Incarnation,
    ) -> Result<Revocation, CallError> {
        let condemned = incarnation.to_string();
        let (left_ms, holder): (i64, Vec<u8>) =
            self.client().run(&LEASE_REMOVE, &self.keys().lease(node), &condemned).await?;
        Ok(if holder.is_empty() {
            Revocation::Gone
        } else if holder == condemned.as_bytes() {
            Revocation::Removed { late_window: left(left_ms) }
        } else {
            Revocation::Foreign { holder: parse(&holder) }
        })
    }

    /// Gives the lease of `node` back, if the incarnation has it.
    pub async fn release(&self, node: &Name, incarnation: Incarnation) -> Result<(), CallError> {
        self.revoke_lease(node, incarnation).await.map(drop)
    }

    /// Who has the lease of `node`, and for how long by Redis' clock.
    pub async fn lease(&self, node: &Name) -> Result<Option<Lease>, CallError> {
        let (left_ms, holder): (i64, Vec<u8>) =
            self.client().run(&LEASE_READ, &self.keys().lease(node), &NO_ARGUMENTS).await?;
        Ok(parse(&holder).map(|holder| Lease { holder, left: left(left_ms) }))
    }
}

fn parse(holder: &[u8]) -> Option<Incarnation> {
    std::str::from_utf8(holder).ok()?.parse().ok()
}

/// A lease without an end (someone's `PERSIST`) is counted as a fresh one.
fn left(pttl_ms: i64) -> Duration {
    u64::try_from(pttl_ms).map_or(LEASE_TTL, Duration::from_millis)
}

fn ttl_ms() -> u64 {
    LEASE_TTL.as_millis() as u64
}
