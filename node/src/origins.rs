//! Which web pages may connect (RFC 6454): browsers send the origin of the page.

use std::{net::IpAddr, str::FromStr};

use hyper::{HeaderMap, Uri, header::ORIGIN};
use thiserror::Error;

/// An origin whose pages may connect: `https://chat.example`, with `:port` unless it is the scheme's
/// default; `null`, which browsers send for pages without an origin; or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(String);

/// A text that is not an [`AllowedOrigin`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is not an origin: give SCHEME://HOST[:PORT], such as https://chat.example, or null, or *"
)]
pub struct BadOrigin(String);

impl AllowedOrigin {
    fn matches(&self, origin: &str) -> bool {
        self.0 == "*" || self.0.eq_ignore_ascii_case(origin)
    }
}

impl FromStr for AllowedOrigin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let text = text.trim();
        if matches!(text, "*" | "null") {
            return Ok(Self(text.to_owned()));
        }
        let bad = || BadOrigin(text.to_owned());
        let uri = Uri::from_str(text).map_err(|_| bad())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(bad()) };
        let has_more = uri.path() != "/" || uri.query().is_some();
        if host.is_empty()
            || has_more
            || uri.authority().is_some_and(|all| all.as_str().contains('@'))
        {
            return Err(bad());
        }
        // Browsers omit the default port of the scheme.
        let port =
            uri.port_u16().filter(|port| !matches!((scheme, port), ("http", 80) | ("https", 443)));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}")))
    }
}

/// Which origins may open a WebSocket.
#[derive(Clone, Debug)]
pub(crate) enum Origins {
    /// All: logins need a token, or everyone can reach the node anyway.
    Any,
    /// Those of this machine. Logins are open, and a foreign page in a browser on this machine reaches
    /// a loopback address that its author cannot.
    Loopback,
    /// The listed ones.
    Listed(Vec<AllowedOrigin>),
}

impl Origins {
    /// Whether a request with these headers may open a WebSocket. A request without an origin does not
    /// come from a browser.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).into_iter();
        origins.all(|origin| origin.to_str().is_ok_and(|origin| self.allows(origin)))
    }

    fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => is_loopback(origin),
            Self::Listed(listed) => listed.iter().any(|allowed| allowed.matches(origin)),
        }
    }
}

/// Whether the origin's host is this machine. `null` is not: any page can get it with a sandboxed
/// frame.
fn is_loopback(origin: &str) -> bool {
    let Ok(origin) = Uri::from_str(origin) else { return false };
    let Some(host) = origin.host() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // RFC 6761, section 6.3: browsers resolve all of `.localhost` to this machine.
    let is_localhost = || {
        let host = host.to_ascii_lowercase();
        host == "localhost" || host.ends_with(".localhost")
    };
    address.map_or_else(|_| is_localhost(), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(origins: &[&'static str]) -> HeaderMap {
        origins.iter().map(|origin| (ORIGIN, HeaderValue::from_static(origin))).collect()
    }

    #[test]
    fn loopback_admits_only_pages_of_this_machine() {
        let loopback = Origins::Loopback;
        for good in [
            "http://localhost",
            "https://LOCALHOST:8443",
            "http://127.0.0.1:9001",
            "http://127.8.9.10",
            "http://[::1]:3000",
            "http://app.localhost:5173",
        ] {
            assert!(loopback.allow(&headers(&[good])), "{good}");
        }
        for bad in [
            "null",
            "",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "http://128.0.0.1",
            "file://",
            "localhost evil",
        ] {
            assert!(!loopback.allow(&headers(&[bad])), "{bad}");
        }
        assert!(loopback.allow(&headers(&[])));
        assert!(!loopback.allow(&headers(&["http://localhost", "https://evil.example"])));
    }

    #[test]
    fn only_listed_origins_are_admitted() {
        let listed = ["https://chat.example", "http://a.example:8080", "null"];
        let listed = Origins::Listed(listed.map(|origin| origin.parse().unwrap()).into());
        for good in
            ["https://chat.example", "https://CHAT.example", "http://a.example:8080", "null"]
        {
            assert!(listed.allow(&headers(&[good])), "{good}");
        }
        for bad in
            ["http://chat.example", "https://chat.example:8443", "http://localhost", "file://"]
        {
            assert!(!listed.allow(&headers(&[bad])), "{bad}");
        }
        for bad in [
            "",
            "chat.example",
            "https://",
            "https://a.example/path",
            "https://u@a.example",
            "ws://a b",
        ] {
            assert!(bad.parse::<AllowedOrigin>().is_err(), "{bad}");
        }
        let port: AllowedOrigin = "https://chat.example:443/".parse().unwrap();
        assert!(port.matches("https://chat.example"));
        let any = Origins::Listed(vec!["*".parse().unwrap()]);
        assert!(any.allow(&headers(&["https://anything.example"])));
    }
}
