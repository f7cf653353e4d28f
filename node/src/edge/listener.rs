use std::{io, net::SocketAddr, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task, time,
};
use tokio_tungstenite::tungstenite::{
    WebSocket,
    handshake::server::{create_response, write_response},
    http::{HeaderValue, Request, Response, StatusCode, header},
    protocol::Role,
};
use tracing::{debug, warn};
use trunkline_ops::LogThrottle;
use trunkline_protocol::client::SUBPROTOCOL;

use super::{
    request::{RequestError, read_request},
    session::{Session, SessionRules},
    socket::{ReadAhead, Socket},
};
use crate::{
    defaults::DIALS_MAX,
    exchange::{Exchange, Seat},
    members,
};

/// The pause after an accept that failed, so that a lack of file descriptors is not met with a
/// busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What clients are told to wait before they dial a full node again, in seconds.
const RETRY_AFTER: &str = "1";

/// The client port.
pub(crate) struct Listener {
    pub(crate) listener: TcpListener,
    pub(crate) exchange: Exchange,
    pub(crate) rules: Rc<SessionRules>,
}

impl Listener {
    /// Accepts dials for as long as it is polled. Sessions go on without it.
    pub(crate) async fn run(self) {
        let read_ahead = ReadAhead::default();
        let dials = Arc::new(Semaphore::new(DIALS_MAX));
        let trouble = LogThrottle::new();
        loop {
            let place = dials.clone().acquire_owned().await.expect("it is never closed");
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let (exchange, rules) = (self.exchange.clone(), self.rules.clone());
                    // Boxed, because a session would otherwise hold the memory that its dial needed.
                    let upgrade = Box::pin(upgrade(exchange, rules, read_ahead.clone(), stream));
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
    upgrade: Pin<Box<impl Future<Output = Result<Option<(Session, Seat)>, RequestError>>>>,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    let upgraded = upgrade.await;
    drop(place);
    match upgraded {
        Ok(Some((session, _seat))) => session.run().await,
        Ok(None) => {}
        Err(error) => debug!(%address, %error, "a dial came to nothing"),
    }
}

/// Answers one HTTP request. Returns the session, if it was an upgrade that was granted.
async fn upgrade(
    exchange: Exchange,
    rules: Rc<SessionRules>,
    read_ahead: ReadAhead,
    mut stream: TcpStream,
) -> Result<Option<(Session, Seat)>, RequestError> {
    stream.set_nodelay(true)?;
    let mut rest = BytesMut::new();
    let request = match read_request(&mut stream, &mut rest).await {
        Ok(request) => request,
        Err(RequestError::Broken(error)) => return Err(error.into()),
        Err(error) => {
            answer(&mut stream, &refusal(StatusCode::BAD_REQUEST, &error.to_string())).await?;
            return Err(error);
        }
    };
    let (response, seat) = respond(&exchange, &request);
    answer(&mut stream, &response).await?;
    let Some(seat) = seat else { return Ok(None) };
    let (reading, writing) = stream.into_split();
    let key = exchange.turn(|state, _| state.open(writing));
    let socket = WebSocket::from_partially_read(
        Socket::new(reading, read_ahead),
        rest.into(),
        Role::Server,
        Some(rules.codec()),
    );
    Ok(Some((Session::new(exchange, key, socket, rules), seat)))
}

/// What a request is answered with, and the seat that it takes if it is an upgrade.
fn respond(exchange: &Exchange, request: &Request<()>) -> (Response<String>, Option<Seat>) {
    match (request.method().as_str(), request.uri().path()) {
        ("GET", "/ws") => respond_to_upgrade(exchange, request),
        ("GET", "/nodes") => (nodes(exchange, StatusCode::OK, "nodes"), None),
        (_, "/ws" | "/nodes") => {
            (refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here"), None)
        }
        _ => {
            let reason = "clients connect to /ws, and GET /nodes lists the nodes with room";
            (refusal(StatusCode::NOT_FOUND, reason), None)
        }
    }
}

fn respond_to_upgrade(
    exchange: &Exchange,
    request: &Request<()>,
) -> (Response<String>, Option<Seat>) {
    let mut response = match create_response(request) {
        Ok(response) => response.map(|()| String::new()),
        Err(error) => {
            let reason = format!("/ws takes WebSocket upgrades: {error}");
            return (refusal(StatusCode::UPGRADE_REQUIRED, &reason), None);
        }
    };
    let Some(seat) = exchange.turn(|state, _| state.take_seat()) else {
        return (nodes(exchange, StatusCode::SERVICE_UNAVAILABLE, "full"), None);
    };
    if asks_for_subprotocol(request) {
        let name = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    (response, Some(seat))
}

fn asks_for_subprotocol(request: &Request<()>) -> bool {
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offers = offers.iter().filter_map(|offer| offer.to_str().ok());
    offers.flat_map(|offer| offer.split(',')).any(|offer| offer.trim() == SUBPROTOCOL)
}

/// Other nodes with room, for a client that was refused or asks.
fn nodes(exchange: &Exchange, status: StatusCode, why: &str) -> Response<String> {
    let urls = exchange.turn(|state, _| members::with_room(state.members(), state.incarnation()));
    let body = match why {
        "full" => serde_json::json!({ "error": "full", "nodes": urls }),
        _ => serde_json::json!({ "nodes": urls }),
    };
    let mut response = respond_with(status, "application/json", body.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from_static(RETRY_AFTER);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

fn refusal(status: StatusCode, reason: &str) -> Response<String> {
    respond_with(status, "text/plain; charset=utf-8", format!("{reason}\n"))
}

fn respond_with(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .header(header::CONTENT_LENGTH, body.len())
        .header(header::CONNECTION, "close")
        // A page of another origin may ask which node to dial.
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .body(body)
        .expect("the parts are valid")
}

async fn answer(stream: &mut TcpStream, response: &Response<String>) -> io::Result<()> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).map_err(io::Error::other)?;
    bytes.extend_from_slice(response.body().as_bytes());
    stream.write_all(&bytes).await
}
