//! The routes of the client port: the WebSocket, the list of other nodes, and a health check.

use hyper::{
    Method, Request, Response, StatusCode, Version,
    body::Body,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, HOST, RETRY_AFTER},
    http::uri::Authority,
};
use serde_json::json;

use super::{
    http::Routed,
    response::{self, empty, text, with},
    upgrade,
};
use crate::{
    data_plane::{ConnectionSlot, DataPlane},
    members,
    origins::Origins,
};

/// How long clients wait before they dial a full node again, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// The supported methods.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// An upgrade that was granted.
pub(super) struct Granted {
    /// The head of the response.
    pub(super) head: Vec<u8>,
    pub(super) slot: ConnectionSlot,
}

/// Answers `request`. A granted upgrade takes a connection slot.
pub(super) fn answer<B: Body>(
    data_plane: &DataPlane,
    origins: &Origins,
    request: &Request<B>,
) -> Routed<Granted> {
    if let Err(reason) = check_host(request) {
        return Routed::Respond(text(StatusCode::BAD_REQUEST, reason));
    }
    // Proxies that join paths turn `/ws` into `//ws` or `/ws/`.
    let segments = request.uri().path().split('/').filter(|segment| !segment.is_empty());
    let path: Vec<_> = segments.take(2).collect();
    let response = match (request.method(), &path[..]) {
        (&Method::OPTIONS, _) => with(empty(StatusCode::NO_CONTENT), ALLOW, METHODS),
        (&Method::GET | &Method::HEAD, ["ws"]) => return open(data_plane, origins, request),
        (&Method::GET | &Method::HEAD, ["nodes"]) => nodes(data_plane, StatusCode::OK),
        (&Method::GET | &Method::HEAD, ["healthz"]) => health(data_plane),
        (_, ["ws" | "nodes" | "healthz"]) => {
            let reason = format!("supported methods: {METHODS}");
            with(text(StatusCode::METHOD_NOT_ALLOWED, &reason), ALLOW, METHODS)
        }
        _ => {
            let reason = "clients connect to /ws; GET /nodes lists the nodes with free slots; \
                          GET /healthz checks whether this node accepts clients";
            text(StatusCode::NOT_FOUND, reason)
        }
    };
    Routed::Respond(response)
}

/// Checks the Host header (RFC 9112, section 3.2).
fn check_host<B>(request: &Request<B>) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        (None, _) => Err("the Host header is missing"),
        (Some(_), Some(_)) => Err("the Host header is duplicated"),
        (Some(host), None) => {
            let host = host.as_bytes();
            let valid =
                host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok());
            if valid { Ok(()) } else { Err("the Host header is not a valid host") }
        }
    }
}

fn open<B: Body>(
    data_plane: &DataPlane,
    origins: &Origins,
    request: &Request<B>,
) -> Routed<Granted> {
    let head = match upgrade::accept(request) {
        Ok(head) => head,
        Err(response) => return Routed::Respond(*response),
    };
    if !origins.allow(request.headers()) {
        let reason = "pages of this origin may not connect: the node's --allowed-origins lists those that may";
        return Routed::Respond(text(StatusCode::FORBIDDEN, reason));
    }
    match data_plane.turn(|state, _| state.acquire_slot()) {
        Some(slot) => Routed::Upgrade(Granted { head, slot }),
        None => Routed::Respond(with(
            nodes(data_plane, StatusCode::SERVICE_UNAVAILABLE),
            RETRY_AFTER,
            RETRY_AFTER_SECONDS,
        )),
    }
}

/// Lists other nodes with free slots, for a client that asks or that finds this node full.
fn nodes(data_plane: &DataPlane, status: StatusCode) -> Response<String> {
    let urls = data_plane.turn(|state, _| members::with_room(state.members(), state.incarnation()));
    let body = match status {
        StatusCode::OK => json!({ "nodes": urls }),
        _ => json!({ "error": "full", "nodes": urls }),
    };
    // Web pages of any origin may ask which node to dial.
    with(response::json(status, &body), ACCESS_CONTROL_ALLOW_ORIGIN, "*")
}

/// Whether a load balancer may send clients here. A full node counts as healthy, because it names
/// other nodes to its clients.
fn health(data_plane: &DataPlane) -> Response<String> {
    match data_plane.turn(|state, _| state.is_draining()) {
        false => text(StatusCode::OK, "ok"),
        true => text(StatusCode::SERVICE_UNAVAILABLE, "draining"),
    }
}
