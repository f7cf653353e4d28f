//! The page to try a node with: a few files that need no build and nothing from outside.

use hyper::{
    Response, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};

use super::response::{empty, with};

/// What the page may do: load its own script and style, and connect to nodes.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
                      connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The file of the page at a path, by its segments; `None` if there is none.
pub(super) fn file(path: &[&str]) -> Option<Response<String>> {
    let (kind, text) = match path {
        [] => ("text/html; charset=utf-8", include_str!("page/index.html")),
        ["page.css"] => ("text/css; charset=utf-8", include_str!("page/page.css")),
        ["page.js"] => ("text/javascript; charset=utf-8", include_str!("page/page.js")),
        _ => return None,
    };
    let response = with(empty(StatusCode::OK), CONTENT_TYPE, kind);
    Some(with(response, CONTENT_SECURITY_POLICY, POLICY).map(|_| text.to_owned()))
}
