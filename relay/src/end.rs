//! Why a link ends, and what its node is told.

use quinn::{ConnectionError, VarInt};
use thiserror::Error;
use tokio::time::error::Elapsed;
use trunkline_certs::PeerError;
use trunkline_link::{ControlError, LaneError, close_code};
use trunkline_protocol::{Incarnation, Name, control::CONTROL_VERSION};

use crate::{liveness::Rejection, switch::Misplaced};

/// Why a link ended. The text is fit to be the reason of a QUIC close.
#[derive(Debug, Error)]
pub(crate) enum End {
    /// The connection broke, or the node closed it.
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    /// The node said that it has left.
    #[error("goodbye")]
    Left,
    /// The peer may not have a link.
    #[error("{0}")]
    Unauthorized(#[from] PeerError),
    /// The node claims another node's incarnation.
    #[error("the incarnation {0} is another node's: take a fresh one")]
    Foreign(Incarnation),
    /// The node says what makes no sense.
    #[error("control stream: {0}")]
    Control(#[from] ControlError),
    /// The node ended the control stream.
    #[error("control stream: finished while the link stands")]
    ControlFinished,
    /// The first message was not a hello.
    #[error("control stream: a link begins with a hello")]
    NoHello,
    /// A field that is too long.
    #[error("control stream: {field} has at most {bytes_max} bytes")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its limit.
        bytes_max: usize,
    },
    /// A lane cannot be read.
    #[error("lane {lane}: {source}")]
    Lane {
        /// Which lane.
        lane: usize,
        /// What is wrong with it.
        source: LaneError,
    },
    /// A batch on a lane that is not for it.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// The node does not take a lane.
    #[error("lane {0}: the node stopped it")]
    LaneStopped(usize),
    /// The node said no hello in time.
    #[error("no hello in time")]
    Silent(#[from] Elapsed),
    /// The node does not read its control stream.
    #[error("the control stream is not read")]
    Unread,
    /// Another living process has the name.
    #[error("another living process has the name {0}: stop it, or take another name")]
    NameTaken(Name),
    /// Another link of the node took its place.
    #[error("a newer link took this one's place")]
    Superseded,
    /// The node speaks another version.
    #[error("this relay speaks version {CONTROL_VERSION}, the node {0}")]
    Version(u16),
    /// The incarnation was judged dead, or has left.
    #[error("the incarnation {0} is over: take a fresh one")]
    Condemned(Incarnation),
    /// There is no room for another node.
    #[error("this relay has no room for another node")]
    Full,
}

impl End {
    /// What a link that is turned away ends with.
    pub(crate) fn rejected(rejection: Rejection, name: &Name, incarnation: Incarnation) -> Self {
        match rejection {
            Rejection::NameTaken => Self::NameTaken(name.clone()),
            Rejection::Foreign => Self::Foreign(incarnation),
            Rejection::Over => Self::Condemned(incarnation),
            Rejection::Full => Self::Full,
        }
    }

    /// The code that the connection is closed with.
    pub(crate) fn code(&self) -> VarInt {
        match self {
            Self::Lost(_) | Self::Left => close_code::BYE,
            Self::Unauthorized(_) | Self::Foreign(_) => close_code::UNAUTHORIZED,
            Self::Control(_)
            | Self::ControlFinished
            | Self::NoHello
            | Self::TooLong { .. }
            | Self::Lane { .. }
            | Self::Misplaced(_)
            | Self::LaneStopped(_) => close_code::MALFORMED,
            Self::Silent(_) | Self::Unread => close_code::SILENT,
            Self::NameTaken(_) => close_code::NAME_TAKEN,
            Self::Superseded => close_code::SUPERSEDED,
            Self::Version(_) => close_code::VERSION,
            Self::Condemned(_) => close_code::DECLARED_DEAD,
            Self::Full => close_code::FULL,
        }
    }

    /// Whether the peer was sent away for something that operators should look at.
    pub(crate) fn is_refusal(&self) -> bool {
        !matches!(self, Self::Lost(_) | Self::Left | Self::Superseded | Self::Condemned(_))
    }
}
