//! Responses of the client port, other than WebSocket upgrades.

use hyper::{
    Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};

/// What a browser may do with any of these responses: nothing but show it, and open a WebSocket from its
/// console.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; connect-src * ws: wss:; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    SECURITY_HEADERS
        .into_iter()
        .fold(response, |response, (name, value)| with(response, name, value))
}

/// A response with a plain text.
pub(super) fn text(status: StatusCode, text: &str) -> Response<String> {
    with(empty(status), CONTENT_TYPE, "text/plain; charset=utf-8").map(|_| format!("{text}\n"))
}

/// A response with JSON.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response<String> {
    with(empty(status), CONTENT_TYPE, "application/json").map(|_| value.to_string())
}

/// Adds a header to the response.
pub(super) fn with(
    mut response: Response<String>,
    name: HeaderName,
    value: &'static str,
) -> Response<String> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}
