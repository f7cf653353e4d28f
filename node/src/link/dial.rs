//! From the relay's address to a link that the relay has welcomed.

use std::net::SocketAddr;

use quinn::{Connection, RecvStream, SendStream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time,
};
use tracing::debug;
use trunkline_certs::RELAY_SERVER_NAME;
use trunkline_link::{
    ControlError, ControlReader, ControlWriter, Dialer, defaults::HANDSHAKE_TIMEOUT,
};
use trunkline_ops::DialAddress;
use trunkline_protocol::{
    Name,
    control::{self, ToNode, ToRelay},
};

use super::error::LinkError;

/// The priority of the control stream among the link's streams.
const CONTROL_PRIORITY: i32 = 2;

/// A connection that the relay has welcomed.
pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) address: SocketAddr,
    pub(super) writer: ControlWriter<SendStream, ToRelay>,
    pub(super) reader: ControlReader<RecvStream, ToNode>,
    /// What the relay is called.
    pub(super) relay: Name,
}

/// Dials the relay's addresses until one welcomes this node.
pub(super) async fn dial(
    dialer: &Dialer,
    relay: &DialAddress,
    hello: impl Fn() -> ToRelay,
) -> Result<Connected, LinkError> {
    let mut addresses = relay.resolve().await?;
    loop {
        let (connection, address) = dialer.dial(&addresses, RELAY_SERVER_NAME).await?;
        let connected =
            time::timeout(HANDSHAKE_TIMEOUT, open_control(connection, address, &hello())).await;
        match connected.unwrap_or(Err(LinkError::Silent)) {
            // A relay that refuses this node says why. Without that, something else listens there.
            Err(error) if addresses.len() > 1 && error.relay_code().is_none() => {
                debug!(%address, %error, "no relay at this address: trying the others");
                addresses.retain(|&other| other != address);
            }
            connected => return connected,
        }
    }
}

async fn open_control(
    connection: Connection,
    address: SocketAddr,
    hello: &ToRelay,
) -> Result<Connected, LinkError> {
    let (sending, receiving) = connection.open_bi().await?;
    let _ = sending.set_priority(CONTROL_PRIORITY);
    let (mut writer, mut reader) = (ControlWriter::new(sending), ControlReader::new(receiving));
    let welcomed = handshake(&mut writer, &mut reader, hello).await;
    let relay = welcomed.map_err(|error| error.or_reason_of(&connection))?;
    Ok(Connected { connection, address, writer, reader, relay })
}

/// Says hello, and waits for the welcome. Returns the relay's name.
async fn handshake<W: AsyncWrite + Unpin, R: AsyncRead + Unpin>(
    writer: &mut ControlWriter<W, ToRelay>,
    reader: &mut ControlReader<R, ToNode>,
    hello: &ToRelay,
) -> Result<Name, LinkError> {
    writer.write(hello).await.map_err(ControlError::from)?;
    match reader.read().await?.ok_or(LinkError::Ended)? {
        ToNode::Welcome { version: control::CONTROL_VERSION, relay } => Ok(relay),
        ToNode::Welcome { version, .. } => Err(LinkError::Version(version)),
        other => Err(LinkError::NotWelcome(Box::new(other))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What comes of a handshake in which the relay gives this answer.
    async fn answered_with(answer: Option<ToNode>) -> Result<Name, LinkError> {
        let (near, far) = duplex(4096);
        let (near_read, near_write) = tokio::io::split(near);
        let (far_read, far_write) = tokio::io::split(far);
        let relay = async {
            let mut reader = ControlReader::<_, ToRelay>::new(far_read);
            assert_eq!(reader.read().await.unwrap(), Some(ToRelay::Draining));
            let mut writer = ControlWriter::<_, ToNode>::new(far_write);
            if let Some(answer) = answer {
                writer.write(&answer).await.unwrap();
            }
        };
        let node = async {
            let (mut writer, mut reader) =
                (ControlWriter::new(near_write), ControlReader::new(near_read));
            // Any message does for a hello here.
            handshake(&mut writer, &mut reader, &ToRelay::Draining).await
        };
        tokio::join!(node, relay).0
    }

    #[tokio::test]
    async fn only_a_welcome_of_this_version_makes_a_link() {
        let relay: Name = "relay-1".parse().unwrap();
        let welcome = |version| Some(ToNode::Welcome { version, relay: relay.clone() });
        assert_eq!(answered_with(welcome(control::CONTROL_VERSION)).await.unwrap(), relay);
        assert!(matches!(answered_with(welcome(9)).await, Err(LinkError::Version(9))));
        let drain = answered_with(Some(ToNode::Drain)).await;
        assert!(matches!(drain, Err(LinkError::NotWelcome(_))));
        assert!(matches!(answered_with(None).await, Err(LinkError::Ended)));
    }
}
