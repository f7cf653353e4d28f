//! Addresses that flags take: `HOST:PORT`.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    str::FromStr,
};

use thiserror::Error;
use tokio::net::lookup_host;

use crate::host_port::{BadAddress, HostPort};

/// Where to listen. Port 0 asks for a free port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress(HostPort);

/// Where to dial. The host is looked up at each dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialAddress(HostPort);

/// Why nothing can listen on an address.
#[derive(Debug, Error)]
pub enum BindFailed {
    /// The look-up of the host name failed.
    #[error(
        "{address}: the host name cannot be looked up ({source}); give an IP address of this host"
    )]
    LookUp {
        /// The address.
        address: ListenAddress,
        /// The system's error.
        source: io::Error,
    },
    /// The system refused the address.
    #[error("cannot bind {address}: {source}; {remedy}", remedy = bind_remedy(source))]
    Bind {
        /// The last address of the host that was tried.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

impl ListenAddress {
    /// Calls `listen` with the host's addresses until one succeeds. IPv4 comes first, because
    /// clients mostly dial names such as `localhost` by IPv4.
    ///
    /// # Errors
    /// If the host name cannot be looked up, or `listen` fails for every address.
    pub fn bind<T>(&self, listen: impl Fn(SocketAddr) -> io::Result<T>) -> Result<T, BindFailed> {
        let look_up_failed = |source| BindFailed::LookUp { address: self.clone(), source };
        let looked_up = (self.0.host.as_str(), self.0.port).to_socket_addrs();
        let mut addresses: Vec<_> = looked_up.map_err(look_up_failed)?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let mut last = look_up_failed(io::Error::other("it has no address"));
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
    /// Looks up the host.
    ///
    /// # Errors
    /// If the resolver fails.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((self.host(), self.port())).await?.collect())
    }

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
        let any_host = |port: &str| {
            format!("write 0.0.0.0:{port} to listen on every IPv4 address, [::]:{port} for IPv6")
        };
        HostPort::parse(text, "127.0.0.1:9001", any_host).map(Self)
    }
}

impl FromStr for DialAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let add_host = |port: &str| format!("write it as in 127.0.0.1:{port}");
        match HostPort::parse(text, "127.0.0.1:7400", add_host)? {
            HostPort { port: 0, .. } => {
                let remedy = "give a port from 1 to 65535".to_owned();
                Err(BadAddress::new(text, "nothing listens on port 0", remedy))
            }
            address => Ok(Self(address)),
        }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address.into())
    }
}

impl From<SocketAddr> for DialAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address.into())
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

fn bind_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => "this host does not have it, so give one that it has",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need CAP_NET_BIND_SERVICE, or take another port"
        }
        _ => "stop the program that uses it, or take another address",
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
    fn names_and_addresses_are_accepted() {
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
    fn error_names_the_correct_form() {
        for (text, correct) in [
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
            ("host:", "127.0.0.1:7400"),
            ("host:+1", "127.0.0.1:7400"),
            ("host:65536", "127.0.0.1:7400"),
            ("ho st:7400", "127.0.0.1:7400"),
            (" host:7400", "127.0.0.1:7400"),
            ("127.0.0.256:7400", "127.0.0.1:7400"),
            ("a..b:7400", "127.0.0.1:7400"),
            ("[::g]:7400", "127.0.0.1:7400"),
            ("host/path:7400", "127.0.0.1:7400"),
        ] {
            let error = dial(text).expect_err(text);
            assert!(error.ends_with(correct), "{text}: {error}");
        }
        for text in [":9001", "9001", "*:9001"] {
            let error = listen(text).expect_err(text);
            assert!(error.contains("0.0.0.0:9001") && error.contains("[::]:9001"), "{error}");
        }
    }

    #[test]
    fn error_hides_the_password() {
        for text in ["alice:hunter2@host:7400", "quic://alice:hunter2@host:7400"] {
            for error in [dial(text).unwrap_err(), listen(text).unwrap_err()] {
                assert!(!error.contains("hunter2"), "{error}");
            }
        }
    }

    #[test]
    fn bind_tries_every_address_of_the_host() {
        let address: ListenAddress = "localhost:0".parse().unwrap();
        let bound = address.bind(|address| std::net::TcpListener::bind(address)?.local_addr());
        assert!(bound.unwrap().ip().is_loopback());
        let error = address.bind(|_| Err::<(), _>(io::ErrorKind::AddrInUse.into())).unwrap_err();
        assert!(error.to_string().contains("take another address"), "{error}");
    }

    #[test]
    fn failed_look_up_names_the_address() {
        let address: ListenAddress = "no-such-host.invalid:9001".parse().unwrap();
        let error = address.bind(|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("no-such-host.invalid:9001"), "{error}");
        assert!(error.contains("looked up"), "{error}");
    }

    #[tokio::test]
    async fn every_dial_looks_the_host_up() {
        let address: DialAddress = "localhost:7400".parse().unwrap();
        let resolved = address.resolve().await.unwrap();
        assert!(!resolved.is_empty());
        assert!(
            resolved.iter().all(|address| address.ip().is_loopback() && address.port() == 7400)
        );
    }
}
