use std::io;

use quinn::{Connection, ConnectionError, VarInt};
use thiserror::Error;
use trunkline_link::{ControlError, DialError, LaneClosed, LaneError, close_code};
use trunkline_protocol::control::{self, ToNode};

/// Another living process has this node's name.
#[derive(Debug, Error)]
#[error("another living node has this name: give each node a --name of its own")]
pub struct NameTaken;

/// Why a link ended, or could not be made.
#[derive(Debug, Error)]
pub(super) enum LinkError {
    #[error("cannot resolve the relay's address: {0}")]
    Resolve(#[from] io::Error),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("a lane from the relay: {0}")]
    Lane(#[from] LaneError),
    #[error("a lane to the relay: {0}")]
    LaneClosed(#[from] LaneClosed),
    #[error("the relay does not answer in time")]
    Silent,
    #[error("the relay ended the control stream")]
    Ended,
    #[error("the relay did not answer the hello with a welcome, but with {0:?}")]
    NotWelcome(Box<ToNode>),
    #[error(
        "the relay speaks version {0} of the control protocol, this node {version}: \
         update the older one",
        version = control::CONTROL_VERSION
    )]
    Version(u16),
}

impl LinkError {
    /// What this node closes the link with: input that cannot be read is the relay's fault, and
    /// everything else is a link that broke.
    pub(super) fn close_code(&self) -> VarInt {
        match self {
            Self::Control(ControlError::Malformed(_)) | Self::Lane(LaneError::Malformed(_)) => {
                close_code::MALFORMED
            }
            _ => close_code::BYE,
        }
    }

    /// The code that the relay has closed the link with, if it has.
    pub(super) fn relay_code(&self) -> Option<VarInt> {
        match self {
            Self::Lost(ConnectionError::ApplicationClosed(close))
            | Self::Dial(DialError::Lost(ConnectionError::ApplicationClosed(close))) => {
                Some(close.error_code)
            }
            _ => None,
        }
    }

    /// The reason that the connection was closed with, if it was: it says more than the stream that
    /// broke with it.
    pub(super) fn or_reason_of(self, connection: &Connection) -> Self {
        connection.close_reason().map_or(self, Self::Lost)
    }
}

#[cfg(test)]
mod tests {
    use quinn::{ApplicationClose, ReadError};
    use trunkline_protocol::lane::BadLane;

    use super::*;

    #[test]
    fn malformed_input_is_closed_as_malformed() {
        let json = serde_json::from_str::<ToNode>("{").unwrap_err();
        for error in [
            LinkError::Lane(BadLane::Frames.into()),
            LinkError::Lane(BadLane::Kind(9).into()),
            LinkError::Control(ControlError::Malformed(json.into())),
        ] {
            assert_eq!(error.close_code(), close_code::MALFORMED, "{error}");
        }
    }

    #[test]
    fn lost_lane_is_closed_as_lost() {
        for error in [
            LinkError::Lane(LaneError::Finished),
            LinkError::Lane(ReadError::ClosedStream.into()),
            LinkError::LaneClosed(LaneClosed),
            LinkError::Control(ControlError::Broken(io::ErrorKind::UnexpectedEof.into())),
            LinkError::Silent,
        ] {
            assert_eq!(error.close_code(), close_code::BYE, "{error}");
        }
    }

    #[test]
    fn relay_code_is_that_of_its_close() {
        let close = |error_code| {
            ConnectionError::ApplicationClosed(ApplicationClose { error_code, reason: "".into() })
        };
        let taken = LinkError::Dial(DialError::Lost(close(close_code::NAME_TAKEN)));
        assert_eq!(taken.relay_code(), Some(close_code::NAME_TAKEN));
        let dead = LinkError::Lost(close(close_code::DECLARED_DEAD));
        assert_eq!(dead.relay_code(), Some(close_code::DECLARED_DEAD));
        assert_eq!(LinkError::Lost(ConnectionError::TimedOut).relay_code(), None);
    }
}
