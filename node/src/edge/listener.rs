//! The client port: accepts connections, and turns WebSocket upgrades into sessions.

use std::{io, net::SocketAddr, pin::Pin, rc::Rc, sync::Arc};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    select, task, time,
};
use tokio_rustls::rustls::ServerConfig;
use tracing::{Instrument as _, debug, debug_span, field, warn};
use trunkline_ops::LogThrottle;

use super::{
    http::{self, HttpError},
    routes::{self, BrowserRules},
    session::{ReadAhead, SessionRules, SessionTask},
};
use crate::{
    client_socket::{accept_tls, in_the_clear},
    data_plane::{ConnectionSlot, ConnectionSlots, DataPlane},
    defaults::{ACCEPT_PAUSE, HANDSHAKES_MAX, REQUEST_TIMEOUT},
};

/// The listener of the client port.
pub(crate) struct Listener {
    pub(crate) listener: TcpListener,
    /// TLS, or none for connections in the clear.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) data_plane: DataPlane,
    pub(crate) rules: Rc<SessionRules>,
    pub(crate) browsers: Rc<BrowserRules>,
}

impl Listener {
    /// Accepts connections while it is polled. Their sessions outlive it.
    pub(crate) async fn run(self) {
        let Self { listener, tls, data_plane, rules, browsers } = self;
        let read_ahead = ReadAhead::default();
        let handshakes = ConnectionSlots::new(HANDSHAKES_MAX);
        let log_throttle = LogThrottle::new();
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    let slot = handshakes.acquire().expect("each handshake gives way");
                    let slot = slot.wait().await.expect("they are never closed");
                    let (browsers, read_ahead) = (browsers.clone(), read_ahead.clone());
                    let session = (data_plane.clone(), rules.clone(), read_ahead);
                    // Boxed, because the session would otherwise keep the memory of its handshake.
                    let handshake = Box::pin(handshake(stream, tls.clone(), browsers, session));
                    task::spawn_local(serve(handshake, address, slot));
                }
                Err(error) => {
                    if let Some(line) = log_throttle.admit(&error.to_string()) {
                        let suppressed = line.suppressed;
                        warn!(%error, suppressed, "cannot accept a connection, trying again");
                    }
                    // Without file descriptors, those who say nothing would lock everyone out.
                    handshakes.shed_oldest();
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

type Handshake = Result<Option<SessionTask>, HttpError>;

/// Makes the TLS handshake, if there is to be one, and answers one HTTP request. Returns the session if
/// the request was an upgrade and was granted.
async fn handshake(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    browsers: Rc<BrowserRules>,
    (data_plane, rules, read_ahead): (DataPlane, Rc<SessionRules>, ReadAhead),
) -> Handshake {
    stream.set_nodelay(true)?;
    let (reading, writing) = match tls {
        None => in_the_clear(stream),
        Some(config) => {
            let accepted = time::timeout(REQUEST_TIMEOUT, accept_tls(stream, config)).await;
            accepted.map_err(io::Error::from)??
        }
    };
    let route = |request: &_| routes::answer(&data_plane, &browsers, request);
    let Some(upgraded) = http::serve(reading, writing, route).await? else { return Ok(None) };
    let http::Upgraded { reading, mut writing, received, granted } = upgraded;
    let Some(slot) = granted.slot.wait().await else { return Ok(None) };
    let answered = time::timeout(REQUEST_TIMEOUT, writing.write_all(&granted.head)).await;
    answered.map_err(io::Error::from)??;
    let key = data_plane.turn(|state, _| state.open(writing));
    let connection = (reading, received, slot);
    Ok(Some(SessionTask::new(data_plane, key, connection, read_ahead, rules)))
}

async fn serve(
    handshake: Pin<Box<impl Future<Output = Handshake>>>,
    address: SocketAddr,
    mut slot: ConnectionSlot,
) {
    let result = select! {
        biased;
        result = handshake => result,
        () = slot.gives_way() => return debug!(%address, "handshake gave way to a newer one"),
    };
    drop(slot);
    match result {
        Ok(Some(session)) => {
            // One id, that of its `welcome`, follows the session through the log at level debug. A span
            // that is enabled is entered at each poll, which costs more than parsing a frame.
            let span = debug_span!("session", id = %session.id(), %address, user = field::Empty);
            session.run().instrument(span).await;
        }
        Ok(None) => {}
        Err(error) => debug!(%address, %error, "handshake failed"),
    }
}
