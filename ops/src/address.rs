//! Addresses as arguments give them: `HOST:PORT`, where the host is a name or an IP address.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    str::FromStr,
};

use thiserror::Error;

use crate::redact::redacted;

/// Where to listen: `HOST:PORT`. Port 0 is a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress(HostPort);

/// Where to dial: `HOST:PORT`. The host is looked up at each dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialAddress(HostPort);

#[derive(Clone, Debug, PartialEq, Eq)]
struct HostPort {
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

/// Why a text is no address. The text ends in the form that is right.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{given:?} is not HOST:PORT: {reason}")]
pub struct BadAddress {
    given: String,
    reason: String,
}

/// An address that cannot be listened on.
#[derive(Debug, Error)]
pub enum BindFailed {
    /// The host name cannot be looked up.
    #[error(
        "{address}: its host name cannot be looked up ({source}); give an IP address of this host"
    )]
    LookUp {
        /// The address.
        address: ListenAddress,
        /// What the system said.
        source: io::Error,
    },
    /// The address cannot be had.
    #[error("cannot bind {address}: {source}; {hint}", hint = hint(source))]
    Bind {
        /// The address, the last one that was tried of the host.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl ListenAddress {
    /// Listens on the first of the host's addresses that can be had, IPv4 ones first: what has a
    /// name here, such as `localhost`, is mostly dialled by IPv4.
    ///
    /// # Errors
    /// If the host name cannot be looked up, or `listen` fails for every address.
    pub fn bind<T>(&self, listen: impl Fn(SocketAddr) -> io::Result<T>) -> Result<T, BindFailed> {
        let failed = |source| BindFailed::LookUp { address: self.clone(), source };
        let mut addresses: Vec<_> = self.0.to_socket_addrs().map_err(failed)?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let mut last = failed(io::Error::other("it has no address"));
        for address in addresses {
            match listen(address) {
                Ok(listening) => return Ok(listening),
                Err(source) => last = BindFailed::Bind { address, source },
            }
        }
        Err(last)
    }
}

impl DialAddress {
    /// The host, as a resolver takes it.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.port
    }
}

impl FromStr for ListenAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |reason| BadAddress { given: redacted(text), reason };
        parse(text, "127.0.0.1:9001", every_address).map(Self).map_err(bad)
    }
}

impl FromStr for DialAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |reason| BadAddress { given: redacted(text), reason };
        let address = parse(text, "127.0.0.1:7400", a_host).map_err(bad)?;
        match address.port {
            0 => Err(bad("nothing listens on port 0; give a port from 1 to 65535".to_owned())),
            _ => Ok(Self(address)),
        }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self(HostPort { host: address.ip().to_string(), port: address.port() })
    }
}

impl From<SocketAddr> for DialAddress {
    fn from(address: SocketAddr) -> Self {
        Self(HostPort { host: address.ip().to_string(), port: address.port() })
    }
}

impl ToSocketAddrs for HostPort {
    type Iter = std::vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (self.host.as_str(), self.port).to_socket_addrs()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for DialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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

/// What to write where the host is missing.
fn every_address(port: &str) -> String {
    format!("write 0.0.0.0:{port} to listen on every IPv4 address, [::]:{port} for IPv6")
}

fn a_host(port: &str) -> String {
    format!("name the host as well, such as 127.0.0.1:{port}")
}

/// The error is the reason, which ends in the right form.
fn parse(text: &str, example: &str, no_host: fn(&str) -> String) -> Result<HostPort, String> {
    if text.contains("://") {
        return Err(format!("leave out the scheme, and what follows the port; write {example}"));
    }
    if text.contains('@') {
        return Err(format!("a user and password have no place in it; write {example}"));
    }
    if let Some(bracketed) = bracketed(text, example) {
        return Err(format!("an IPv6 address stands in brackets; write {bracketed}"));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(match text.parse::<u16>() {
            Ok(_) => no_host(text),
            Err(_) => format!("the port is missing; write it as in {example}"),
        });
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let Some(number) = port.parse().ok().filter(|_| digits) else {
        return Err(format!("the port is a number up to 65535; write it as in {example}"));
    };
    if host.is_empty() || host == "*" {
        return Err(no_host(port));
    }
    let host = parse_host(host).ok_or_else(|| {
        format!("the host is no name and no IP address; write it as in {example}")
    })?;
    Ok(HostPort { host, port: number })
}

/// How to write an IPv6 address that lacks its brackets, or has nothing behind them.
fn bracketed(text: &str, example: &str) -> Option<String> {
    let is_ipv6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(host) = inside.filter(|host| is_ipv6(host)) {
        return Some(format!("[{host}]{}", &example[example.rfind(':')?..]));
    }
    // The last group may have been meant as the port: ::1:7400.
    match text.rsplit_once(':') {
        Some((host, port)) if is_ipv6(host) => Some(format!("[{host}]:{port}")),
        _ if is_ipv6(text) => Some(format!("[{text}]{}", &example[example.rfind(':')?..])),
        _ => None,
    }
}

fn parse_host(host: &str) -> Option<String> {
    if let Some(host) = host.strip_prefix('[') {
        let host = host.strip_suffix(']')?;
        // A zone, as in fe80::1%eth0, is for the resolver to understand.
        let address = host.split_once('%').map_or(host, |(address, _)| address);
        return address.parse::<Ipv6Addr>().is_ok().then(|| host.to_owned());
    }
    // What consists of numbers is an address or nothing: "127.0.0.256" is no name.
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return host.parse::<Ipv4Addr>().is_ok().then(|| host.to_owned());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    (name.len() <= 253 && name.split('.').all(is_label)).then(|| host.to_owned())
}

/// What to do about an address that cannot be bound.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => "this host does not have it, so give one that it has",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need CAP_NET_BIND_SERVICE, or take another port"
        }
        _ => "stop what has it, or take another address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> Result<String, String> {
        let parsed = text.parse::<ListenAddress>();
        parsed.map(|address| address.to_string()).map_err(|error| error.to_string())
    }

    fn dial(text: &str) -> Result<String, String> {
        let parsed = text.parse::<DialAddress>();
        parsed.map(|address| address.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_addresses_are_taken() {
        for text in [
            "127.0.0.1:7400",
            "localhost:7400",
            "relay-1.example.:7400",
            "relay_1:7400",
            "[::1]:7400",
            "[fe80::1%eth0]:7400",
            "0.0.0.0:65535",
        ] {
            assert_eq!(listen(text).as_deref(), Ok(text));
            assert_eq!(dial(text).as_deref(), Ok(text));
        }
        assert_eq!(listen("127.0.0.1:0").as_deref(), Ok("127.0.0.1:0"));
    }

    #[test]
    fn what_is_wrong_comes_with_the_form_that_is_right() {
        for (text, right) in [
            ("", "127.0.0.1:7400"),
            ("nowhere", "127.0.0.1:7400"),
            ("quic://host:7400", "127.0.0.1:7400"),
            ("http://host:7400/", "127.0.0.1:7400"),
            ("::1", "[::1]:7400"),
            ("[::1]", "[::1]:7400"),
            ("::1:7400", "[::1]:7400"),
            ("fe80::1:7400", "[fe80::1]:7400"),
            ("2001:db8:0:0:0:0:0:1:7400", "[2001:db8:0:0:0:0:0:1]:7400"),
            ("7400", "127.0.0.1:7400"),
            (":7400", "127.0.0.1:7400"),
            ("*:7400", "127.0.0.1:7400"),
            ("host:0", "1 to 65535"),
            ("host:", "65535"),
            ("host:+1", "65535"),
            ("host:65536", "65535"),
            ("ho st:7400", "127.0.0.1:7400"),
            (" host:7400", "127.0.0.1:7400"),
            ("127.0.0.256:7400", "127.0.0.1:7400"),
            ("a..b:7400", "127.0.0.1:7400"),
            ("[::g]:7400", "127.0.0.1:7400"),
            ("host/path:7400", "127.0.0.1:7400"),
        ] {
            let error = dial(text).expect_err(text);
            assert!(error.ends_with(right) || error.contains(right), "{text}: {error}");
        }
        for text in [":9001", "9001", "*:9001"] {
            let error = listen(text).expect_err(text);
            assert!(error.contains("0.0.0.0:9001") && error.contains("[::]:9001"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        for text in ["alice:hunter2@host:7400", "quic://alice:hunter2@host:7400"] {
            for error in [dial(text).unwrap_err(), listen(text).unwrap_err()] {
                assert!(!error.contains("hunter2"), "{error}");
            }
        }
    }

    #[test]
    fn the_first_address_that_can_be_had_is_listened_on() {
        let address: ListenAddress = "localhost:0".parse().unwrap();
        let bound = address.bind(|address| std::net::TcpListener::bind(address)?.local_addr());
        assert!(bound.unwrap().ip().is_loopback());
        let error = address.bind(|_| Err::<(), _>(io::ErrorKind::AddrInUse.into())).unwrap_err();
        assert!(error.to_string().contains("take another address"), "{error}");
    }

    #[test]
    fn a_name_without_an_address_is_called_so() {
        let address: ListenAddress = "no-such-host.invalid:9001".parse().unwrap();
        let error = address.bind(|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("no-such-host.invalid:9001"), "{error}");
        assert!(error.contains("looked up"), "{error}");
    }
}
