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
    page,
    response::{self, empty, text, with},
    upgrade,
};
use crate::{
    data_plane::{DataPlane, GrantedSlot},
    defaults::RETRY_AFTER_SECONDS,
    members,
    origins::Origins,
};

/// The supported methods.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// An upgrade that was granted.
pub(super) struct Granted {
    /// The head of the response.
    pub(super) head: Vec<u8>,
    pub(super) slot: GrantedSlot,
}

/// What the client port offers to browsers.
#[derive(Debug)]
pub(crate) struct BrowserRules {
    /// Which pages may connect.
    pub(crate) origins: Origins,
    /// Whether there is a page to try the node with.
    pub(crate) has_page: bool,
}

/// Answers `request`. A granted upgrade takes a connection slot.
pub(super) fn answer<B: Body>(
    data_plane: &DataPlane,
    rules: &BrowserRules,
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
        (&Method::GET | &Method::HEAD, ["ws"]) => return open(data_plane, &rules.origins, request),
        (&Method::GET | &Method::HEAD, ["nodes"]) => nodes(data_plane, StatusCode::OK),
        (&Method::GET | &Method::HEAD, ["healthz"]) => health(data_plane),
        (_, ["ws" | "nodes" | "healthz"]) => {
            let reason = format!("supported methods: {METHODS}");
            with(text(StatusCode::METHOD_NOT_ALLOWED, &reason), ALLOW, METHODS)
        }
        (&Method::GET | &Method::HEAD, path) if rules.has_page => {
            page::file(path).unwrap_or_else(not_found)
        }
        _ => not_found(),
    };
    Routed::Respond(response)
}

fn not_found() -> Response<String> {
    let reason = "clients connect to /ws; GET /nodes lists the nodes with free slots; \
                  GET /healthz checks whether this node accepts clients";
    text(StatusCode::NOT_FOUND, reason)
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
    match data_plane.turn(|state, _| state.slots.acquire()) {
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
    match data_plane.turn(|state, _| state.slots.are_closed()) {
        false => text(StatusCode::OK, "ok"),
        true => text(StatusCode::SERVICE_UNAVAILABLE, "draining"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::isolated;

    const HANDSHAKE: [(&str, &str); 5] = [
        ("host", "chat.example"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    /// The answer to a GET; `None` for a granted upgrade.
    fn get(
        data_plane: &DataPlane,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Option<Response<String>> {
        get_of(data_plane, false, path, headers)
    }

    fn get_of(
        data_plane: &DataPlane,
        has_page: bool,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Option<Response<String>> {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(String::new()).unwrap();
        let rules = BrowserRules { origins: Origins::Loopback, has_page };
        match answer(data_plane, &rules, &request) {
            Routed::Respond(response) => Some(response),
            Routed::Upgrade(_) => None,
        }
    }

    #[tokio::test]
    async fn path_decides_the_answer() {
        let data_plane = isolated::data_plane(1).unwrap();
        for (path, status) in [
            ("/healthz", StatusCode::OK),
            ("//nodes/", StatusCode::OK),
            ("/", StatusCode::NOT_FOUND),
            ("/ws/more", StatusCode::NOT_FOUND),
            ("/ws", StatusCode::UPGRADE_REQUIRED),
        ] {
            let response = get(&data_plane, path, &HANDSHAKE[..1]).unwrap();
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        }
        assert!(get(&data_plane, "//ws/?x", &HANDSHAKE).is_none());
    }

    #[tokio::test]
    async fn page_loads_only_files_of_this_node() {
        let data_plane = isolated::data_plane(1).unwrap();
        let get = |path: &str| get_of(&data_plane, true, path, &HANDSHAKE[..1]).unwrap();
        let page = get("/");
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        let named = page.body().split('"').filter(|text| text.starts_with("page."));
        let named: Vec<_> = named.collect();
        assert_eq!(named, ["page.css", "page.js"]);
        for file in named {
            assert_eq!(get(&format!("/{file}")).status(), StatusCode::OK);
        }
        assert!(!page.body().contains("http:") && !page.body().contains("https:"));
        assert_eq!(get("/page.html").status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn host_header_must_be_valid_and_unique() {
        let data_plane = isolated::data_plane(1).unwrap();
        for headers in
            [&[][..], &[("host", "a"), ("host", "b")], &[("host", "user@a")], &[("host", "a b")]]
        {
            let response = get(&data_plane, "/healthz", headers).unwrap();
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{headers:?}");
        }
        assert_eq!(get(&data_plane, "/healthz", &[("host", "")]).unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn foreign_origin_may_not_connect() {
        let data_plane = isolated::data_plane(1).unwrap();
        let foreign = [&HANDSHAKE[..], &[("origin", "https://evil.example")]].concat();
        assert_eq!(get(&data_plane, "/ws", &foreign).unwrap().status(), StatusCode::FORBIDDEN);
        let local = [&HANDSHAKE[..], &[("origin", "http://localhost:3000")]].concat();
        assert!(get(&data_plane, "/ws", &local).is_none());
    }

    #[tokio::test]
    async fn draining_node_is_unhealthy_and_rejects_upgrades() {
        let data_plane = isolated::data_plane(1).unwrap();
        data_plane.turn(|state, _| state.slots.close());
        let response = get(&data_plane, "/ws", &HANDSHAKE).unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.body(), r#"{"error":"full","nodes":[]}"#);
        let response = get(&data_plane, "/healthz", &HANDSHAKE).unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
