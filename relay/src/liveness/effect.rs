//! What liveness asks of links, of the directory and of the status streams; and what the directory
//! replies.

use std::time::Duration;

use trunkline_directory::NodeRecord;
use trunkline_protocol::{Incarnation, Name, status::EventKind};

/// Identifies one connection of one node. Ids are never reused while the relay runs, and nothing
/// derives a link from its node's name: a node may have several links.
pub(crate) type LinkId = u64;

/// What is to be done after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LivenessEffect {
    /// Admit the link under its incarnation.
    Admit(LinkId),
    /// Reject the link, which claims to be that incarnation.
    Reject(LinkId, Incarnation, LinkRejection),
    /// The link's node has changed to another incarnation.
    Readdress(LinkId, Incarnation),
    /// Close the link: a newer one of the node replaces it.
    Supersede(LinkId),
    /// Tell the link's node that its incarnation was declared dead, and close the link.
    Evict(LinkId, Incarnation),
    /// Ask the link's node for a sign of life.
    Probe(LinkId, u64),
    /// Redis has to do something.
    Directory(DirectoryCommand),
    /// Operators are to see an event.
    Report { node: Option<(Name, Incarnation)>, kind: EventKind },
    /// The state of a node changed.
    MembersChanged,
}

/// Why a link is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkRejection {
    /// A living process has the name.
    NameTaken,
    /// The incarnation belongs to another node.
    ForeignIncarnation,
    /// The incarnation was declared dead, or has left.
    IncarnationOver,
    /// As many incarnations are tracked as can be.
    RelayFull,
}

/// What liveness asks of the directory. The directory worker takes it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DirectoryCommand {
    /// Read the list of incarnations.
    ReadListing,
    /// Read the leases of these nodes.
    ReadLeases(Vec<Name>),
    /// Remove the incarnation's lease, if the incarnation holds it.
    RevokeLease {
        node: Name,
        incarnation: Incarnation,
        /// The death was decided because the lease lapsed: a lease that is held disproves it, and
        /// stays.
        unless_held: bool,
    },
    /// Remove the incarnation's entries.
    Purge {
        node: Name,
        incarnation: Incarnation,
        /// How long commands that it has sent may still take effect.
        late_window: Duration,
    },
}

/// What became of a [`DirectoryCommand`].
#[derive(Debug)]
pub(crate) enum DirectoryReply {
    /// The list of incarnations.
    Listing(Result<DirectoryListing, DirectoryFailure>),
    /// The leases that were asked for.
    Leases(Result<Vec<(Name, Option<LeaseHolder>)>, DirectoryFailure>),
    /// The end of [`DirectoryCommand::RevokeLease`].
    LeaseRevoked(Incarnation, Result<LeaseRevocation, DirectoryFailure>),
    /// The progress of [`DirectoryCommand::Purge`].
    PurgeProgressed(Incarnation, PurgeProgress),
    /// The end of [`DirectoryCommand::Purge`]; after a success no entry is left.
    PurgeEnded(Incarnation, Result<(), DirectoryFailure>),
}

/// Who is listed in the directory.
#[derive(Debug)]
pub(crate) struct DirectoryListing {
    /// The incarnations that may have entries.
    pub(crate) incarnations: Vec<(Incarnation, Name)>,
    /// What nodes publish about themselves.
    pub(crate) records: Vec<NodeRecord>,
}

/// Who holds a node's lease, and how long it lasts if it is not renewed.
pub(crate) type LeaseHolder = (Incarnation, Duration);

/// What became of revoking a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaseRevocation {
    /// The incarnation has no lease.
    Revoked {
        /// How long commands that it has sent may still take effect.
        late_window: Duration,
    },
    /// It holds its lease, which was to stay in that case.
    Held {
        /// How long the lease lasts if it is not renewed.
        left: Duration,
    },
}

/// Users whose entries a purge has processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PurgeProgress {
    pub(crate) removed: u64,
    /// Kept: another incarnation has the user.
    pub(crate) kept: u64,
}

/// Why Redis did not do something. It may have done part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DirectoryFailure {
    Away,
    Refused,
}
