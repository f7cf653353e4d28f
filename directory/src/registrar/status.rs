use trunkline_protocol::Incarnation;

/// The registrar's status, for its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrarStatus {
    /// The current incarnation.
    pub incarnation: Incarnation,
    /// Whether it has the node's lease.
    pub lease: LeaseState,
    /// The last attempt to reach Redis failed.
    pub redis_away: bool,
    /// The lease was lost, and not all users are registered under a new incarnation yet.
    pub rebuilding: bool,
}

/// Whether an incarnation has the node's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// It has not had the lease yet.
    Seeking,
    /// It has the lease: the registrar registers users.
    Held,
    /// Another process, live or just dead, has the lease. The registrar keeps trying: a dead
    /// process's lease expires within [`crate::defaults::LEASE_TTL`].
    Foreign {
        /// The holder; `None` if the lease contains no incarnation.
        holder: Option<Incarnation>,
    },
    /// It has lost the lease for good: the node must take a new incarnation
    /// ([`crate::Registrar::reincarnate`]).
    Lost {
        /// The present holder, if any.
        holder: Option<Incarnation>,
    },
}

/// Counts of a node's entries in the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrarCounts {
    /// Users in the desired state.
    pub desired: usize,
    /// Users with an operation that is queued or in flight.
    pub pending: usize,
    /// Operations in flight; at most [`crate::defaults::OPERATIONS_IN_FLIGHT_MAX`].
    pub in_flight: usize,
    /// Users who are not registered under the newest incarnation yet.
    pub rebuilding: usize,
    /// Stale entries that were removed since the start.
    pub stale_entries_removed: u64,
    /// Missing or wrong entries that the audit has repaired since the start.
    pub entries_repaired: u64,
}
