use std::{io, net::SocketAddr, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task, time,
};
use tokio_tungstenite::tungstenite::{WebSocket, protocol::Role};
use tracing::{Instrument as _, debug, warn};
use trunkline_ops::LogThrottle;

use super::{
    http::{self, HttpError},
    routes,
    session::{Session, SessionRules},
    socket::{ReadAhead, Socket},
};
use crate::{
    data_plane::{ConnectionSlot, DataPlane},
    defaults::{DIALS_MAX, REQUEST_TIMEOUT},
    origins::Origins,
};

/// The pause after an accept that failed, so that a lack of file descriptors is not met with a
/// busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The client port.
pub(crate) struct Listener {
    pub(crate) listener: TcpListener,
    pub(crate) data_plane: DataPlane,
    pub(crate) rules: Rc<SessionRules>,
    pub(crate) origins: Rc<Origins>,
}

impl Listener {
    /// Accepts connections for as long as it is polled. Sessions go on without it.
    pub(crate) async fn run(self) {
        let read_ahead = ReadAhead::default();
        let dials = Arc::new(Semaphore::new(DIALS_MAX));
        let trouble = LogThrottle::new();
        loop {
            let place = dials.clone().acquire_owned().await.expect("it is never closed");
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Boxed, because a session would otherwise hold the memory that its dial needed.
                    let connection = Connection {
                        data_plane: self.data_plane.clone(),
                        rules: self.rules.clone(),
                        origins: self.origins.clone(),
                        read_ahead: read_ahead.clone(),
                    };
                    let upgrade = Box::pin(connection.upgrade(stream));
                    task::spawn_local(serve(upgrade, address, place));
                }
                Err(error) => {
                    if let Some(line) = trouble.admit(&error.to_string()) {
                        let suppressed = line.suppressed;
                        warn!(%error, suppressed, "cannot accept a connection");
                    }
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve(
    upgrade: Pin<Box<impl Future<Output = Result<Option<(Session, ConnectionSlot)>, HttpError>>>>,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    let upgraded = upgrade.await;
    drop(place);
    match upgraded {
        Ok(Some((session, _slot))) => {
            let span = session.span();
            session.run().instrument(span).await;
        }
        Ok(None) => {}
        Err(error) => debug!(%address, %error, "handshake failed"),
    }
}

/// What a connection needs to become a session.
struct Connection {
    data_plane: DataPlane,
    rules: Rc<SessionRules>,
    origins: Rc<Origins>,
    read_ahead: ReadAhead,
}

impl Connection {
    /// Answers one HTTP request. Returns the session, if it was an upgrade that was granted.
    async fn upgrade(
        self,
        stream: TcpStream,
    ) -> Result<Option<(Session, ConnectionSlot)>, HttpError> {
        stream.set_nodelay(true)?;
        let Self { data_plane, rules, origins, read_ahead } = self;
        let (reading, writing) = stream.into_split();
        let route = |request: &_| routes::answer(&data_plane, &origins, request);
        let Some(upgraded) = http::serve(reading, writing, route).await? else { return Ok(None) };
        let http::Upgraded { reading, mut writing, rest, granted } = upgraded;
        let answered = time::timeout(REQUEST_TIMEOUT, writing.write_all(&granted.head)).await;
        answered.map_err(io::Error::from)??;
        let key = data_plane.turn(|state, _| state.open(writing));
        let socket = WebSocket::from_partially_read(
            Socket::new(reading, read_ahead),
            rest,
            Role::Server,
            Some(rules.codec()),
        );
        Ok(Some((Session::new(data_plane, key, socket, rules), granted.slot)))
    }
}
