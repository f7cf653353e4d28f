//! Probing a node's port: when a process dies, its machine's kernel refuses datagrams to a port that
//! no process has any more.
//!
//! quinn's own socket does not learn of refusals, because it is not connected; so each link has a
//! small socket that is. A datagram of one byte is no QUIC packet, and a living node ignores it.

use std::{convert::Infallible, io, net::SocketAddr, rc::Rc};

use quinn::Connection;
use tokio::{
    net::UdpSocket,
    time::{self, MissedTickBehavior},
};
use tracing::warn;
use trunkline_ops::LogThrottle;

use crate::{
    defaults::PROBE_DATAGRAM_EVERY, link_close_reason::LinkCloseReason, liveness::LinkId,
    state::SharedState,
};

static THROTTLE: LogThrottle = LogThrottle::new();

/// Reports each refusal of a datagram to the link's node, until the link ends. Without a socket, a
/// death is found by silence and the lease, which takes longer.
pub(super) async fn probe_port(
    shared: Rc<SharedState>,
    link: LinkId,
    connection: Connection,
) -> LinkCloseReason {
    let address = connection.remote_address();
    match connect(address).await {
        Ok(socket) => tokio::select! {
            never = watch(&shared, link, &socket) => match never {},
            lost = connection.closed() => lost.into(),
        },
        Err(error) => {
            if let Some(line) = THROTTLE.admit(&error.to_string()) {
                let suppressed = line.suppressed;
                warn!(%address, suppressed, "cannot probe a node's port: {error}");
            }
            connection.closed().await.into()
        }
    }
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

async fn watch(shared: &SharedState, link: LinkId, socket: &UdpSocket) -> Infallible {
    let mut every = time::interval(PROBE_DATAGRAM_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answer = [0; 64];
    loop {
        let result = tokio::select! {
            received = socket.recv(&mut answer) => received,
            _ = every.tick() => socket.send(&[0]).await,
        };
        if result.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            shared.apply(|state, now| state.connection_refused(link, now));
        }
    }
}
