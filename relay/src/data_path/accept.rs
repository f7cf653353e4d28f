//! Accepting connections: first the certificate and the protocol it permits, then the first stream.

use std::{convert::Infallible, future::pending, rc::Rc, sync::Arc};

use quinn::{Connection, Endpoint, Incoming};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, watch},
    task::JoinSet,
    time,
};
use tracing::{Instrument, debug, field::Empty, info_span, warn};
use trunkline_certs::{Alpn, DeniedCertificates, Identity, PeerError, authorize, peer_identity};
use trunkline_link::{close_code, defaults::HANDSHAKE_TIMEOUT};
use trunkline_ops::LogThrottle;

use super::{
    handshakes::{HandshakeDecision, Handshakes},
    link,
};
use crate::{
    control_plane::AdminConnection, defaults::CONNECTIONS_MAX, link_close_reason::LinkCloseReason,
    state::SharedState, supervise::joined,
};

static THROTTLE: LogThrottle = LogThrottle::new();

/// Accepts connections until the endpoint is closed, and serves the links. Admins go to the control
/// plane.
pub(crate) async fn run(
    shared: &Rc<SharedState>,
    endpoint: &Endpoint,
    admins: mpsc::Sender<AdminConnection>,
    denied: watch::Receiver<Arc<DeniedCertificates>>,
) {
    let handshakes = Rc::new(Handshakes::new());
    let mut connections = JoinSet::new();
    loop {
        let incoming = tokio::select! {
            Some(ended) = connections.join_next() => {
                joined(ended);
                continue;
            }
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        let (address, validated) =
            (incoming.remote_address().ip(), incoming.remote_address_validated());
        match handshakes.decide(address, validated) {
            _ if endpoint.open_connections() > CONNECTIONS_MAX => refuse(incoming),
            HandshakeDecision::Start(place) => {
                let (handshakes, denied) = (handshakes.clone(), denied.clone());
                let handshake = Handshake { incoming, place, handshakes, denied };
                connections.spawn_local(serve(shared.clone(), handshake, admins.clone()));
            }
            // It fails only for a peer that is validated.
            HandshakeDecision::Validate => drop(incoming.retry()),
            HandshakeDecision::Refuse => refuse(incoming),
        }
    }
}

fn refuse(incoming: Incoming) {
    let too_many = "connection refused: there are too many";
    if let Some(line) = THROTTLE.admit(too_many) {
        let address = incoming.remote_address();
        warn!(%address, suppressed = line.suppressed, "{too_many}");
    }
    incoming.refuse();
}

/// A handshake that starts.
struct Handshake {
    incoming: Incoming,
    place: OwnedSemaphorePermit,
    handshakes: Rc<Handshakes>,
    denied: watch::Receiver<Arc<DeniedCertificates>>,
}

async fn serve(
    shared: Rc<SharedState>,
    Handshake { incoming, place, handshakes, denied }: Handshake,
    admins: mpsc::Sender<AdminConnection>,
) {
    let address = incoming.remote_address();
    let connection = match time::timeout(HANDSHAKE_TIMEOUT, incoming).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            return shared.connection_rejected("", address, &format!("handshake failed: {error}"));
        }
        Err(_) => return debug!(%address, "handshake timed out"),
    };
    drop(place);
    let authorized = authorized(&connection, &denied);
    let denial = close_when_denied(connection.clone(), denied);
    match authorized {
        Ok((peer, Alpn::Link)) => {
            handshakes.remember(address.ip());
            let span = info_span!("link", link = Empty, node = %peer.name);
            let served = link::serve(&shared, connection, peer.name).instrument(span);
            tokio::select! {
                () = served => {}
                never = denial => match never {},
            }
        }
        Ok((peer, Alpn::Admin)) => {
            let open = connection.clone();
            if let Err(refused) = admins.try_send(AdminConnection { connection, peer }) {
                let connection = refused.into_inner().connection;
                connection.close(close_code::FULL, b"too many admins dial at once: try again");
            }
            tokio::select! {
                _ = open.closed() => {}
                never = denial => match never {},
            }
        }
        Err(error) => {
            let reason = LinkCloseReason::from(error);
            shared.connection_rejected("", address, &reason.to_string());
            connection.close(reason.code(), reason.to_string().as_bytes());
        }
    }
}

fn authorized(
    connection: &Connection,
    denied: &watch::Receiver<Arc<DeniedCertificates>>,
) -> Result<(Identity, Alpn), PeerError> {
    let (peer, alpn) = peer_identity(connection)?;
    authorize(&peer, alpn)?;
    denied.borrow().check(connection)?;
    Ok((peer, alpn))
}

/// Closes the connection when its certificate is denied. Whoever serves it notices.
async fn close_when_denied(
    connection: Connection,
    mut denied: watch::Receiver<Arc<DeniedCertificates>>,
) -> Infallible {
    let is_denied = denied.wait_for(|denied| denied.check(&connection).is_err()).await.is_ok();
    if is_denied {
        let address = connection.remote_address();
        warn!(%address, "connection closed: {}", PeerError::Revoked);
        connection.close(close_code::UNAUTHORIZED, PeerError::Revoked.to_string().as_bytes());
    }
    pending().await
}
