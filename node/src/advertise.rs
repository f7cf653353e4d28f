//! The URL that a node tells clients to dial.

use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use trunkline_ops::{is_host_name, redacted};
use trunkline_protocol::control::URL_BYTES_MAX;
use url::{Host, Url};

/// Why clients cannot dial a URL.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("clients cannot dial {url:?}: {reason}; write it as in ws://chat-1.example:9001/ws")]
pub struct BadUrl {
    /// Without its password.
    url: String,
    reason: String,
}

/// Checks that clients can dial `url`. It may lead to another host and path, such as a proxy's.
pub(crate) fn check_url(url: &str) -> Result<(), BadUrl> {
    let bad = |reason: &str| BadUrl {
        url: redacted(&url.chars().take(URL_BYTES_MAX).collect::<String>()),
        reason: reason.to_owned(),
    };
    let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://"));
    let rest = rest.ok_or_else(|| bad("it does not begin with ws:// or wss://"))?;
    if url.len() > URL_BYTES_MAX {
        return Err(bad(&format!("it is longer than {URL_BYTES_MAX} bytes")));
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(bad("it contains a blank, a control character or a backslash"));
    }
    // The parser reads ws:///host as ws://host.
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(bad("the host is missing"));
    }
    let parsed = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
    if !parsed.username().is_empty() || parsed.password().is_some() || rest.contains('@') {
        return Err(bad("every client would learn the user and password: leave them out"));
    }
    if parsed.fragment().is_some() {
        return Err(bad("a WebSocket URL has no #fragment"));
    }
    if parsed.port() == Some(0) {
        return Err(bad("nothing listens on port 0"));
    }
    match parsed.host() {
        Some(Host::Ipv4(Ipv4Addr::UNSPECIFIED)) | Some(Host::Ipv6(Ipv6Addr::UNSPECIFIED)) => {
            return Err(bad("a wildcard address is only for listening"));
        }
        Some(Host::Domain(name)) if !is_host_name(name) => {
            return Err(bad("its host is not a valid name"));
        }
        None => return Err(bad("the host is missing")),
        Some(_) => {}
    }
    if !rest.contains('/') {
        let scheme = &url[..url.len() - rest.len()];
        let host = rest.split('?').next().unwrap_or(rest);
        return Err(bad(&format!("the path is missing: write {scheme}{host}/ws")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialable_url_is_accepted() {
        for url in [
            "ws://chat-1.example:9001/ws",
            "wss://chat.example/ws",
            "wss://chat.example/",
            "wss://chat.example/trunkline/ws?zone=a",
            "ws://10.0.0.7:9001/ws",
            "ws://[2001:db8::7]:9001/ws",
            "ws://node_1:9001/ws",
            "wss://b\u{fc}cher.example/ws",
        ] {
            check_url(url).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    #[test]
    fn undialable_url_is_rejected() {
        for (url, word) in [
            ("", "ws://"),
            ("chat:9001/ws", "ws://"),
            ("http://chat:9001/ws", "ws://"),
            ("WS:chat/ws", "ws://"),
            ("ws://", "host"),
            ("ws:///ws", "host"),
            ("ws://:9001/ws", "host"),
            ("ws://?x/ws", "host"),
            ("ws://chat:9001", "write ws://chat:9001/ws"),
            ("wss://chat", "write wss://chat/ws"),
            ("ws://chat?zone=a", "write ws://chat/ws"),
            ("wss://chat 1/ws", "blank"),
            (" ws://chat/ws", "ws://"),
            ("ws://chat/ws\n", "blank"),
            ("ws://chat\\ws", "backslash"),
            ("ws://chat:0/ws", "port 0"),
            ("ws://chat:99999/ws", "port"),
            ("ws://chat:port/ws", "port"),
            ("ws://chat/ws#top", "fragment"),
            ("ws://0.0.0.0:9001/ws", "wildcard"),
            ("ws://[::]:9001/ws", "wildcard"),
            ("ws://0/ws", "wildcard"),
            ("ws://::1:9001/ws", "chat-1.example:9001/ws"),
            ("ws://1.2.3.400/ws", "chat-1.example:9001/ws"),
            ("ws://chat..example/ws", "not a valid name"),
            ("ws://ch*t/ws", "not a valid name"),
            ("ws://a,b/ws", "not a valid name"),
        ] {
            let error = check_url(url).expect_err(url).to_string();
            assert!(error.contains(word), "{url}: {error}");
        }
        assert!(check_url(&format!("ws://chat/{}", "x".repeat(URL_BYTES_MAX))).is_err());
    }

    #[test]
    fn error_hides_the_password() {
        for url in ["ws://alice:hunter2@chat/ws", "alice:hunter2@chat", "ws://alice:hunter2@"] {
            let error = check_url(url).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
