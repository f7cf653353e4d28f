//! Why a link is closed, and the code that its node gets.

use quinn::{ConnectionError, VarInt};
use thiserror::Error;
use tokio::time::error::Elapsed;
use trunkline_certs::PeerError;
use trunkline_link::{ControlError, LaneError, close_code};
use trunkline_protocol::{Incarnation, Name, control::CONTROL_VERSION};

use crate::{liveness::LinkRejection, switch::ProtocolViolation};

/// Why a link is closed. The text is sent as the reason of the QUIC close.
#[derive(Debug, Error)]
pub(crate) enum LinkCloseReason {
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    /// The node has left.
    #[error("goodbye")]
    Left,
    #[error("{0}")]
    Unauthorized(#[from] PeerError),
    #[error("incarnation {0} belongs to another node: start with a new incarnation")]
    ForeignIncarnation(Incarnation),
    #[error("control stream: {0}")]
    Control(#[from] ControlError),
    #[error("control stream: finished before the link was closed")]
    ControlFinished,
    #[error("control stream: a link begins with a hello")]
    NoHello,
    #[error("control stream: {field} has at most {bytes_max} bytes")]
    FieldTooLong { field: &'static str, bytes_max: usize },
    #[error("lane {lane}: {source}")]
    Lane { lane: usize, source: LaneError },
    #[error(transparent)]
    Violation(#[from] ProtocolViolation),
    #[error("lane {0}: the node stopped it")]
    LaneStopped(usize),
    #[error("no hello in time")]
    NoHelloInTime(#[from] Elapsed),
    #[error("the control stream is not read")]
    ControlNotRead,
    #[error("another living process has the name {0}: stop it, or use another name")]
    NameTaken(Name),
    #[error("a newer link of this node replaces this one")]
    Superseded,
    #[error("this relay speaks version {CONTROL_VERSION}, the node {0}")]
    Version(u16),
    #[error("incarnation {0} is over: start a new incarnation")]
    IncarnationOver(Incarnation),
    #[error("this relay has no room for another node")]
    RelayFull,
}

impl LinkCloseReason {
    /// The reason for closing a link that liveness rejects.
    pub(crate) fn rejected(
        rejection: LinkRejection,
        name: &Name,
        incarnation: Incarnation,
    ) -> Self {
        match rejection {
            LinkRejection::NameTaken => Self::NameTaken(name.clone()),
            LinkRejection::ForeignIncarnation => Self::ForeignIncarnation(incarnation),
            LinkRejection::IncarnationOver => Self::IncarnationOver(incarnation),
            LinkRejection::RelayFull => Self::RelayFull,
        }
    }

    /// The code of the QUIC close.
    pub(crate) fn code(&self) -> VarInt {
        match self {
            Self::Lost(_) | Self::Left => close_code::BYE,
            Self::Unauthorized(_) | Self::ForeignIncarnation(_) => close_code::UNAUTHORIZED,
            Self::Control(_)
            | Self::ControlFinished
            | Self::NoHello
            | Self::FieldTooLong { .. }
            | Self::Lane { .. }
            | Self::Violation(_)
            | Self::LaneStopped(_) => close_code::MALFORMED,
            Self::NoHelloInTime(_) | Self::ControlNotRead => close_code::SILENT,
            Self::NameTaken(_) => close_code::NAME_TAKEN,
            Self::Superseded => close_code::SUPERSEDED,
            Self::Version(_) => close_code::VERSION,
            Self::IncarnationOver(_) => close_code::DECLARED_DEAD,
            Self::RelayFull => close_code::FULL,
        }
    }

    /// Whether the relay rejected the peer for something that operators have to resolve.
    pub(crate) fn is_rejection(&self) -> bool {
        !matches!(self, Self::Lost(_) | Self::Left | Self::Superseded | Self::IncarnationOver(_))
    }
}
