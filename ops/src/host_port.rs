//! The one parser of `HOST:PORT`.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use thiserror::Error;

use crate::redact::redacted;

/// A host, which is a name or an IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why a text is not an address. The message ends with the correct form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{given:?} is not HOST:PORT: {reason}; {remedy}")]
pub struct BadAddress {
    given: String,
    reason: &'static str,
    remedy: String,
}

impl BadAddress {
    pub(crate) fn new(given: &str, reason: &'static str, remedy: String) -> Self {
        Self { given: redacted(given), reason, remedy }
    }
}

impl HostPort {
    /// Parses `text`. The remedies cite `example`, and `add_host` completes a port without a host.
    pub(crate) fn parse(
        text: &str,
        example: &str,
        add_host: fn(&str) -> String,
    ) -> Result<Self, BadAddress> {
        let bad = |reason, remedy| Err(BadAddress::new(text, reason, remedy));
        let as_in_example = || format!("write it as in {example}");
        if text.contains("://") {
            return bad("it has a scheme", as_in_example());
        }
        if text.contains('@') {
            return bad("it has a user or password", as_in_example());
        }
        if let Some(bracketed) = bracketed(text, example) {
            return bad("an IPv6 address needs brackets", format!("write {bracketed}"));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return match text.parse::<u16>() {
                Ok(_) => bad("the host is missing", add_host(text)),
                Err(_) => bad("the port is missing", as_in_example()),
            };
        };
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let Some(number) = port.parse().ok().filter(|_| digits) else {
            return bad("the port is not a number up to 65535", as_in_example());
        };
        if host.is_empty() || host == "*" {
            return bad("the host is missing", add_host(port));
        }
        match parse_host(host) {
            Some(host) => Ok(Self { host: host.to_owned(), port: number }),
            None => bad("the host is neither a name nor an IP address", as_in_example()),
        }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The correct form of an IPv6 address that lacks its brackets, or a port behind them.
fn bracketed(text: &str, example: &str) -> Option<String> {
    let is_ipv6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let port_of_example = &example[example.rfind(':')? + 1..];
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let (host, port) = match text.rsplit_once(':') {
        // The last group may have been meant as the port: ::1:7400.
        Some((host, port)) if is_ipv6(host) => (host, port),
        _ => (inside.unwrap_or(text), port_of_example),
    };
    is_ipv6(host).then(|| format!("[{host}]:{port}"))
}

/// The host without brackets, if it is valid.
fn parse_host(host: &str) -> Option<&str> {
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']')?;
        // The resolver interprets the zone of fe80::1%eth0.
        let address = inside.split_once('%').map_or(inside, |(address, _)| address);
        return address.parse::<Ipv6Addr>().ok().map(|_| inside);
    }
    // Digits and dots alone are an address or nothing: "127.0.0.256" is not a name.
    let is_valid = match host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        true => host.parse::<Ipv4Addr>().is_ok(),
        false => is_host_name(host),
    };
    is_valid.then_some(host)
}

/// Whether `host` can be looked up: labels of letters, digits, `-` and `_`, within the limits of
/// RFC 1035 (section 2.3.4), with or without a final dot.
pub fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    host.len() <= 253 && host.split('.').all(is_label)
}
