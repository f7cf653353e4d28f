//! The server's part of the WebSocket handshake (RFC 6455, section 4.2).

use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Version,
    body::Body,
    header::{
        CONNECTION, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use trunkline_protocol::client::SUBPROTOCOL;

use super::response::{text, with};

/// The supported WebSocket version.
const VERSION: &str = "13";

/// The length and the padding of a key: 16 bytes in base64.
const KEY_BYTES: usize = 24;
const KEY_PADDING: &str = "==";

/// Checks the handshake. Returns the head of the 101 response, or the response that rejects it.
pub(super) fn accept<B: Body>(request: &Request<B>) -> Result<Vec<u8>, Box<Response<String>>> {
    let headers = request.headers();
    if request.method() != Method::GET || !asks_for_websocket(headers) {
        return Err(upgrade_required("/ws accepts only WebSocket upgrades"));
    }
    if request.version() < Version::HTTP_11 {
        let reason = "a WebSocket upgrade needs HTTP/1.1, this request came as HTTP/1.0: \
                      a proxy on the way needs its setting for that (nginx: proxy_http_version 1.1)";
        return Err(upgrade_required(reason));
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some(VERSION) {
        let reason = format!("Sec-WebSocket-Version must be {VERSION}");
        return Err(Box::new(with(*upgrade_required(&reason), SEC_WEBSOCKET_VERSION, VERSION)));
    }
    let Some(key) = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) else {
        return Err(bad_request("Sec-WebSocket-Key must occur once, with 16 bytes in base64"));
    };
    if !request.body().is_end_stream() {
        return Err(bad_request("a WebSocket upgrade has no body"));
    }
    Ok(head(key, offers_subprotocol(headers)))
}

/// The names have the RFC's capitals: small embedded clients compare them case-sensitively, and hyper
/// would write `Sec-Websocket-Accept`.
fn head(key: &str, subprotocol: bool) -> Vec<u8> {
    let accept = derive_accept_key(key.as_bytes());
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
    );
    if subprotocol {
        head += &format!("Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n");
    }
    (head + "\r\n").into()
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, &CONNECTION, "upgrade") && has_token(headers, &UPGRADE, "websocket")
}

/// Whether a list, which may span several header lines, has this token (RFC 9110, section 5.6.1).
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

fn offers_subprotocol(headers: &HeaderMap) -> bool {
    tokens(headers, &SEC_WEBSOCKET_PROTOCOL).any(|offer| offer == SUBPROTOCOL)
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The value of a header that must occur once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().ok().map(str::trim),
        _ => None,
    }
}

fn is_key(key: &str) -> bool {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    key.len() == KEY_BYTES
        && key.strip_suffix(KEY_PADDING).is_some_and(|digits| digits.bytes().all(base64))
}

fn bad_request(reason: &str) -> Box<Response<String>> {
    Box::new(text(StatusCode::BAD_REQUEST, reason))
}

/// A 426 response, which has to name the protocol (RFC 9110, section 15.5.22).
fn upgrade_required(reason: &str) -> Box<Response<String>> {
    let response = with(text(StatusCode::UPGRADE_REQUIRED, reason), UPGRADE, "websocket");
    Box::new(with(response, CONNECTION, "Upgrade, close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn request(headers: &[(&str, &str)]) -> Request<String> {
        let mut request = Request::get("/ws");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(String::new()).unwrap()
    }

    /// A valid handshake, in which `instead` replaces the headers of the same name.
    fn handshake(instead: &[(&str, &str)]) -> Request<String> {
        let usual = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ];
        let usual = usual.into_iter();
        let usual = usual.filter(|(name, _)| instead.iter().all(|(other, _)| name != other));
        request(&usual.chain(instead.iter().copied()).collect::<Vec<_>>())
    }

    #[test]
    fn handshake_of_the_rfc_is_accepted() {
        let head = String::from_utf8(accept(&handshake(&[])).unwrap()).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(!head.contains("Sec-WebSocket-Protocol") && head.ends_with("\r\n\r\n"));
    }

    #[test]
    fn header_lists_may_span_lines() {
        for headers in [
            &[("connection", "keep-alive, Upgrade")][..],
            &[("connection", "keep-alive"), ("connection", "UPGRADE")],
            &[("upgrade", "h2c, WebSocket")],
            &[("upgrade", "h2c"), ("upgrade", "websocket")],
            &[("sec-websocket-protocol", "chat"), ("sec-websocket-protocol", "a, trunkline.v1")],
        ] {
            let head = accept(&handshake(headers)).expect("it is accepted");
            let agreed = String::from_utf8(head).unwrap().contains("Protocol: trunkline.v1\r\n");
            assert_eq!(agreed, headers[0].0 == "sec-websocket-protocol");
        }
    }

    #[test]
    fn rejection_names_the_supported_protocol() {
        for headers in [
            &[("connection", "close")][..],
            &[("upgrade", "websockets")],
            &[("sec-websocket-version", "8")],
            &[("sec-websocket-version", "13"), ("sec-websocket-version", "8")],
        ] {
            let response = accept(&handshake(headers)).unwrap_err();
            assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED, "{headers:?}");
            assert_eq!(response.headers()["upgrade"], "websocket");
            let names_version = response.headers().contains_key("sec-websocket-version");
            assert_eq!(names_version, headers[0].0 == "sec-websocket-version");
        }
        let mut old = handshake(&[]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(accept(&old).unwrap_err().status(), StatusCode::UPGRADE_REQUIRED);
    }

    #[test]
    fn malformed_key_or_body_is_rejected() {
        for key in [
            "",
            "abc",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZSE=",
            "dGhl*HNhbXBsZSBub25jZQ==",
        ] {
            let response = accept(&handshake(&[("sec-websocket-key", key)])).unwrap_err();
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{key}");
        }
        let twice = [("sec-websocket-key", KEY), ("sec-websocket-key", KEY)];
        assert_eq!(accept(&handshake(&twice)).unwrap_err().status(), StatusCode::BAD_REQUEST);
        let body = handshake(&[]).map(|_| "body".to_owned());
        assert_eq!(accept(&body).unwrap_err().status(), StatusCode::BAD_REQUEST);
    }
}
