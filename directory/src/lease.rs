//! The lease: a node's own, expiring claim to be its incarnation, and the only fence.

use std::time::Duration;

use trunkline_protocol::{Incarnation, Name};

use crate::{
    defaults::LEASE_TTL,
    directory::Directory,
    error::CallError,
    scripts::{LEASE_ACQUIRE, LEASE_READ, LEASE_REMOVE, LEASE_RENEW},
};

/// The end of a lease by Redis's clock. After it Redis ignores commands that carry this fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(u64);

impl Fence {
    /// No fence, for commands that are right at any time because what they remove is dead. The
    /// largest integer that Lua's numbers represent exactly.
    pub(crate) const NONE: Self = Self(1 << 53);

    /// In Unix milliseconds by Redis's clock.
    pub(crate) fn ends_at_ms(self) -> u64 {
        self.0
    }
}

/// The result of acquiring a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The incarnation has the lease until the fence.
    Held(Fence),
    /// Another incarnation has it. A dead holder's lease expires within [`LEASE_TTL`].
    Foreign {
        /// The holder; `None` if the lease contains no incarnation.
        holder: Option<Incarnation>,
    },
}

/// The result of renewing a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The incarnation has the lease until the fence.
    Held(Fence),
    /// It no longer has it: it has expired or was revoked, or Redis was emptied.
    Lost {
        /// The present holder, if any.
        holder: Option<Incarnation>,
    },
}

/// The result of revoking the lease of an incarnation that was declared dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It had the lease, which was removed.
    Removed {
        /// How long the lease would have lasted: its earlier commands may take effect until then.
        late_window: Duration,
    },
    /// There was no lease: it had expired, or another process has revoked it.
    Gone,
    /// Another incarnation has the lease, which was not changed.
    Foreign {
        /// The holder; `None` if the lease contains no incarnation.
        holder: Option<Incarnation>,
    },
}

impl Revocation {
    /// How long Redis may still execute earlier commands of the incarnation; the purge that follows
    /// has to take that into account. Zero if the lease was gone, because its fence has passed too.
    pub fn late_window(self) -> Duration {
        match self {
            Self::Removed { late_window } => late_window,
            Self::Gone | Self::Foreign { .. } => Duration::ZERO,
        }
    }
}

/// A lease at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its holder.
    pub holder: Incarnation,
    /// How long it lasts without a renewal.
    pub left: Duration,
}

impl Directory {
    /// Acquires the lease of `node` for [`LEASE_TTL`], unless another incarnation has it.
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

    /// Extends the lease of `node` to [`LEASE_TTL`] from now, if the incarnation still has it.
    pub async fn renew(&self, node: &Name, incarnation: Incarnation) -> Result<Renewed, CallError> {
        let arguments = (incarnation.to_string(), ttl_ms());
        let (ends_at_ms, holder): (u64, Vec<u8>) =
            self.client().run(&LEASE_RENEW, &self.keys().lease(node), &arguments).await?;
        Ok(match ends_at_ms {
            0 => Renewed::Lost { holder: parse(&holder) },
            _ => Renewed::Held(Fence(ends_at_ms)),
        })
    }

    /// Removes the lease of an incarnation that was declared dead, or that shuts down. Afterwards
    /// it cannot renew the lease and, after [`Revocation::late_window`], cannot change an entry.
    pub async fn revoke_lease(
        &self,
        node: &Name,
        incarnation: Incarnation,
    ) -> Result<Revocation, CallError> {
        let dead = incarnation.to_string();
        let (left_ms, holder): (i64, Vec<u8>) =
            self.client().run(&LEASE_REMOVE, &self.keys().lease(node), &dead).await?;
        Ok(if holder.is_empty() {
            Revocation::Gone
        } else if holder == dead.as_bytes() {
            Revocation::Removed { late_window: left(left_ms) }
        } else {
            Revocation::Foreign { holder: parse(&holder) }
        })
    }

    /// The lease of `node`, if it is held.
    pub async fn lease(&self, node: &Name) -> Result<Option<Lease>, CallError> {
        const NO_ARGUMENTS: &[&str] = &[];
        let (left_ms, holder): (i64, Vec<u8>) =
            self.client().run(&LEASE_READ, &self.keys().lease(node), &NO_ARGUMENTS).await?;
        Ok(parse(&holder).map(|holder| Lease { holder, left: left(left_ms) }))
    }
}

fn parse(holder: &[u8]) -> Option<Incarnation> {
    std::str::from_utf8(holder).ok()?.parse().ok()
}

/// A lease without an expiry, after another program's `PERSIST`, counts as a fresh one.
fn left(pttl_ms: i64) -> Duration {
    u64::try_from(pttl_ms).map_or(LEASE_TTL, Duration::from_millis)
}

fn ttl_ms() -> u64 {
    LEASE_TTL.as_millis() as u64
}
