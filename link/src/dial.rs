use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quinn::{ClientConfig, ConnectError, Connection, ConnectionError, Endpoint, TokioRuntime};
use thiserror::Error;
use tokio::{
    select,
    task::JoinSet,
    time::{self, MissedTickBehavior},
};

use crate::{
    defaults::{DIAL_STAGGER, HANDSHAKE_TIMEOUT},
    socket::{BindError, bind},
    transport::endpoint_config,
};

/// UDP sockets to dial from: one for each address family that this host has.
#[derive(Debug)]
pub struct DialSockets(Vec<UdpSocket>);

/// Dials a relay at several addresses, and keeps the first connection.
#[derive(Clone, Debug)]
pub struct Dialer {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
}

/// Why dialling failed.
#[derive(Debug, Error)]
pub enum DialError {
    /// The name has no address.
    #[error("the name has no address")]
    NoAddress,
    /// This host cannot send to addresses of this family.
    #[error("this host has no {family}", family = if .0.is_ipv6() { "IPv6" } else { "IPv4" })]
    NoFamily(SocketAddr),
    /// quinn cannot dial the address.
    #[error("cannot dial: {0}")]
    Connect(#[from] ConnectError),
    /// The connection was refused or lost.
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    /// The handshake timed out.
    #[error("no answer within {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Silent,
    /// All of several addresses failed: each with its error.
    #[error("{0}")]
    Each(String),
}

impl DialSockets {
    /// Binds them.
    ///
    /// # Errors
    /// If no address family works.
    pub fn bind() -> Result<Self, BindError> {
        let v4 = bind((Ipv4Addr::UNSPECIFIED, 0).into());
        let v6 = bind((Ipv6Addr::UNSPECIFIED, 0).into());
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok(Self(v4.into_iter().chain(v6).collect())),
        }
    }

    /// Creates a dialer from them.
    ///
    /// # Errors
    /// If the runtime rejects a socket.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn dialer(self, config: &ClientConfig) -> io::Result<Dialer> {
        let mut dialer = Dialer { v4: None, v6: None };
        for socket in self.0 {
            let is_ipv6 = socket.local_addr()?.is_ipv6();
            let runtime = Arc::new(TokioRuntime);
            let mut endpoint = Endpoint::new(endpoint_config(), None, socket, runtime)?;
            endpoint.set_default_client_config(config.clone());
            *(if is_ipv6 { &mut dialer.v6 } else { &mut dialer.v4 }) = Some(endpoint);
        }
        Ok(dialer)
    }
}

impl Dialer {
    /// Dials the addresses one after the other, each [`DIAL_STAGGER`] after the previous one or as
    /// soon as that has failed, and returns the first connection. [`HANDSHAKE_TIMEOUT`] applies to
    /// each of them, so an address that swallows packets does not delay the others.
    ///
    /// # Errors
    /// If all of them fail.
    pub async fn dial(
        &self,
        addresses: &[SocketAddr],
        server_name: &'static str,
    ) -> Result<(Connection, SocketAddr), DialError> {
        let mut untried = addresses.iter().copied();
        let mut attempts = JoinSet::new();
        let mut failures = Vec::new();
        let mut stagger = time::interval(DIAL_STAGGER);
        stagger.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                _ = stagger.tick(), if untried.len() > 0 => {
                    if let Some(address) = untried.next() {
                        let dialer = self.clone();
                        attempts.spawn(async move {
                            (address, dialer.dial_one(address, server_name).await)
                        });
                    }
                }
                Some(Ok((address, dialled))) = attempts.join_next() => match dialled {
                    Ok(connection) => return Ok((connection, address)),
                    Err(error) => {
                        failures.push((address, error));
                        stagger.reset_immediately();
                    }
                },
                else => return Err(summary(failures)),
            }
        }
    }

    async fn dial_one(
        &self,
        address: SocketAddr,
        server_name: &str,
    ) -> Result<Connection, DialError> {
        let endpoint = if address.is_ipv6() { &self.v6 } else { &self.v4 };
        let endpoint = endpoint.as_ref().ok_or(DialError::NoFamily(address))?;
        let connecting = endpoint.connect(address, server_name)?;
        match time::timeout(HANDSHAKE_TIMEOUT, connecting).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(DialError::Silent),
        }
    }

    /// Waits, up to `within`, until the closed connections have notified their peers.
    pub async fn wait_idle(&self, within: Duration) {
        for endpoint in [&self.v4, &self.v6].into_iter().flatten() {
            // On a timeout the peer is gone, and learns of the end by its own timeout.
            let _ = time::timeout(within, endpoint.wait_idle()).await;
        }
    }
}

fn summary(mut failures: Vec<(SocketAddr, DialError)>) -> DialError {
    match failures.len() {
        0 => DialError::NoAddress,
        1 => failures.remove(0).1,
        _ => {
            let each = failures.iter().map(|(address, error)| format!("{address}: {error}"));
            DialError::Each(each.collect::<Vec<_>>().join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio::time::Instant;
    use trunkline_certs::{Alpn, Credentials, RELAY_SERVER_NAME, Role, init, issue};

    use super::*;
    use crate::transport::{client_config, server_config};

    struct TestRelay {
        certs: TempDir,
        endpoint: Endpoint,
    }

    impl TestRelay {
        fn new() -> Self {
            let certs = tempfile::tempdir().unwrap();
            init(certs.path()).unwrap();
            issue(certs.path(), Role::Relay, &"relay-1".parse().unwrap()).unwrap();
            issue(certs.path(), Role::Node, &"node-1".parse().unwrap()).unwrap();
            let relay = Credentials::load(certs.path(), Role::Relay, &"relay-1".parse().unwrap());
            let config = server_config(relay.unwrap().server_crypto());
            let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            Self { certs, endpoint }
        }

        fn address(&self) -> SocketAddr {
            self.endpoint.local_addr().unwrap()
        }

        fn dialer(&self) -> Dialer {
            let name = "node-1".parse().unwrap();
            let node = Credentials::load(self.certs.path(), Role::Node, &name).unwrap();
            let config = client_config(node.client_crypto(Alpn::Link));
            DialSockets::bind().unwrap().dialer(&config).unwrap()
        }

        async fn dial(&self, addresses: &[SocketAddr]) -> Result<SocketAddr, DialError> {
            let accept = async {
                while let Some(incoming) = self.endpoint.accept().await {
                    // The dialer may have a connection to another address already.
                    let _ = incoming.await;
                }
            };
            let dialer = self.dialer();
            select! {
                dialled = dialer.dial(addresses, RELAY_SERVER_NAME) => dialled.map(|(_, at)| at),
                () = accept => panic!("the relay's endpoint was closed"),
            }
        }
    }

    /// A socket that receives packets and never answers.
    fn black_hole(address: impl Into<std::net::IpAddr>) -> Option<(UdpSocket, SocketAddr)> {
        let socket = UdpSocket::bind((address.into(), 0)).ok()?;
        let address = socket.local_addr().ok()?;
        Some((socket, address))
    }

    #[tokio::test]
    async fn failing_addresses_do_not_prevent_a_connection() {
        let relay = TestRelay::new();
        let (_hole, silent) = black_hole(Ipv4Addr::LOCALHOST).unwrap();
        let (socket, refusing) = black_hole(Ipv4Addr::LOCALHOST).unwrap();
        drop(socket);
        let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, refusing.port()));
        let begin = Instant::now();
        for first in [silent, refusing, ipv6] {
            assert_eq!(relay.dial(&[first, relay.address()]).await.unwrap(), relay.address());
            assert_eq!(relay.dial(&[relay.address(), first]).await.unwrap(), relay.address());
        }
        let all = [silent, refusing, ipv6, relay.address()];
        assert_eq!(relay.dial(&all).await.unwrap(), relay.address());
        assert!(begin.elapsed() < HANDSHAKE_TIMEOUT * 4, "{:?}", begin.elapsed());
    }

    #[tokio::test]
    async fn relay_that_has_only_ipv6_is_reached() {
        let relay = TestRelay::new();
        let Some((socket, address)) = black_hole(Ipv6Addr::LOCALHOST) else { return };
        drop(socket);
        relay.endpoint.rebind(UdpSocket::bind(address).unwrap()).unwrap();
        assert_eq!(relay.dial(&[address]).await.unwrap(), address);
    }

    #[tokio::test]
    async fn host_without_ipv6_dials_ipv4() {
        let relay = TestRelay::new();
        let dialer = Dialer { v6: None, ..relay.dialer() };
        let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 7400));
        let (_hole, silent) = black_hole(Ipv4Addr::LOCALHOST).unwrap();
        let error = dialer.dial(&[ipv6], RELAY_SERVER_NAME).await.unwrap_err();
        assert_eq!(error.to_string(), "this host has no IPv6");
        let error = dialer.dial(&[ipv6, silent], RELAY_SERVER_NAME).await.unwrap_err();
        let wanted = format!("{ipv6}: this host has no IPv6; {silent}: no answer within 3 s");
        assert_eq!(error.to_string(), wanted);
        let error = dialer.dial(&[], RELAY_SERVER_NAME).await.unwrap_err();
        assert!(matches!(error, DialError::NoAddress));
    }

    #[tokio::test]
    async fn relay_of_another_cluster_is_skipped() {
        let (relay, other) = (TestRelay::new(), TestRelay::new());
        let stranger = tokio::spawn({
            let endpoint = other.endpoint.clone();
            async move {
                while let Some(incoming) = endpoint.accept().await {
                    let _ = incoming.await;
                }
            }
        });
        let all = [other.address(), relay.address()];
        assert_eq!(relay.dial(&all).await.unwrap(), relay.address());
        stranger.abort();
    }
}
