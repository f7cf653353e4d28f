use tokio::time::Instant;
use trunkline_protocol::User;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationKind {
    /// Write the user's entry.
    Register,
    /// Remove the user's entry.
    Remove {
        /// Keep the user in the index, because a late registration may still take effect.
        keep_index: bool,
    },
}

/// One change of one user's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) user: User,
    pub(super) kind: OperationKind,
    /// The time of the user's first session, Unix ms.
    pub(super) since_ms: u64,
    /// The entry, if it exists, is stale: it was found without a session.
    pub(super) stale: bool,
    /// The revision of the user's desired state that it implements.
    pub(super) revision: u64,
    /// Counts the incarnations: an operation of an earlier one confirms nothing.
    pub(super) generation: u64,
    pub(super) started: Instant,
}

/// The result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationResult {
    /// It has taken effect.
    Confirmed,
    /// It has failed, and none of its commands can take effect later.
    Refused,
    /// It may have taken effect, or may take effect later.
    Indeterminate,
}
