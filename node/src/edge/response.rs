//! Responses of the client port, other than WebSocket upgrades.

use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    response
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
