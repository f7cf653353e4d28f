//! Letting connections in: first who it is and what for, then anything it says.

use std::{cell::Cell, rc::Rc};

use quinn::{Connection, Endpoint, Incoming};
use tokio::{sync::mpsc, task, time};
use tracing::{debug, warn};
use trunkline_certs::{Alpn, Identity, authorize, peer_identity};
use trunkline_link::{close_code, defaults::HANDSHAKE_TIMEOUT};

use crate::{
    defaults::{CONNECTIONS_MAX, HANDSHAKES_MAX},
    end::End,
    hub::Hub,
    link,
    status::Operator,
};

/// Accepts connections until the endpoint is closed. Operators are handed on to `operators`.
pub(crate) async fn run(hub: &Rc<Hub>, endpoint: &Endpoint, operators: mpsc::Sender<Operator>) {
    let handshakes = Rc::new(Cell::new(0));
    while let Some(incoming) = endpoint.accept().await {
        if handshakes.get() >= HANDSHAKES_MAX || endpoint.open_connections() > CONNECTIONS_MAX {
            let too_many = "a connection was refused: too many";
            if let Some(line) = hub.log_throttle.admit(too_many) {
                let (address, suppressed) = (incoming.remote_address(), line.suppressed);
                warn!(%address, suppressed, "{too_many}");
            }
            incoming.refuse();
            continue;
        }
        let guard = Handshake::begin(&handshakes);
        task::spawn_local(serve(hub.clone(), incoming, guard, operators.clone()));
    }
}

async fn serve(
    hub: Rc<Hub>,
    incoming: Incoming,
    handshake: Handshake,
    operators: mpsc::Sender<Operator>,
) {
    let address = incoming.remote_address();
    let connection = match time::timeout(HANDSHAKE_TIMEOUT, incoming).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return hub.refused("", address, &error.to_string()),
        Err(_) => return debug!(%address, "a handshake was not finished in time"),
    };
    drop(handshake);
    match authorized(&connection) {
        Ok((peer, Alpn::Link)) => link::serve(hub, connection, peer.name).await,
        Ok((peer, Alpn::Admin)) => {
            if let Err(refused) = operators.try_send(Operator { connection, peer }) {
                let connection = refused.into_inner().connection;
                connection.close(close_code::FULL, b"too many operators dial at once");
            }
        }
        Err(end) => {
            hub.refused("", address, &end.to_string());
            connection.close(end.code(), end.to_string().as_bytes());
        }
    }
}

fn authorized(connection: &Connection) -> Result<(Identity, Alpn), End> {
    let (peer, alpn) = peer_identity(connection)?;
    authorize(&peer, alpn)?;
    Ok((peer, alpn))
}

/// One of the handshakes under way.
struct Handshake(Rc<Cell<usize>>);

impl Handshake {
    fn begin(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(count.clone())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
