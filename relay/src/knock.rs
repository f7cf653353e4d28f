//! Knocking at a node's port: when a process dies, its machine lives on, and the machine's kernel
//! refuses what is sent to a port that nobody has any more.
//!
//! quinn's own socket is not told of refusals, because it is connected to nobody; so each link has
//! a small socket that is. A datagram of one byte is no QUIC packet, and a living node ignores it.

use std::{io, net::SocketAddr, rc::Rc};

use quinn::Connection;
use tokio::{
    net::UdpSocket,
    time::{self, MissedTickBehavior},
};
use tracing::warn;

use crate::{defaults::KNOCK_EVERY, end::End, hub::Hub, liveness::LinkId};

/// Tells the hub each time the kernel refuses a datagram to the link's node. Runs until the link
/// ends; without a socket to knock with, verdicts take the longer way.
pub(crate) async fn knock(hub: Rc<Hub>, link: LinkId, connection: Connection) -> End {
    let address = connection.remote_address();
    match connect(address).await {
        Ok(socket) => listen(&hub, link, &socket).await,
        Err(error) => {
            if let Some(line) = hub.log_throttle.admit(&format!("knock: {error}")) {
                let suppressed = line.suppressed;
                warn!(%address, suppressed, "cannot knock at a node's port: {error}");
            }
        }
    }
    connection.closed().await.into()
}

async fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0; 16], 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

async fn listen(hub: &Hub, link: LinkId, socket: &UdpSocket) {
    let mut every = time::interval(KNOCK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answer = [0; 64];
    loop {
        let result = tokio::select! {
            received = socket.recv(&mut answer) => received,
            _ = every.tick() => socket.send(&[0]).await,
        };
        if result.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            hub.liveness(|liveness, now| liveness.refused(link, now));
        }
    }
}
