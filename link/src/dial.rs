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
    BindError, bind,
    defaults::{DIAL_STAGGER, HANDSHAKE_TIMEOUT},
    endpoint_config,
};

/// UDP sockets to dial with: one of each address family that this host has.
#[derive(Debug)]
pub struct DialSockets(Vec<UdpSocket>);

/// Dials a relay at whichever of its addresses answers.
#[derive(Clone, Debug)]
pub struct Dialer {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
}

/// Why no address answered.
#[derive(Debug, Error)]
pub enum DialError {
    /// The name has no address.
    #[error("the name has no address")]
    NoAddress,
    /// This host cannot send to addresses of this family.
    #[error("this host has no {family}", family = if .0.is_ipv6() { "IPv6" } else { "IPv4" })]
    NoFamily(SocketAddr),
    /// quinn does not dial it.
    #[error("cannot dial: {0}")]
    Connect(#[from] ConnectError),
    /// The connection was refused, or broke.
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    /// Nobody answered in time.
    #[error("no answer within {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Silent,
    /// Each of several addresses failed in its own way.
    #[error("{0}")]
    Each(String),
}

impl DialSockets {
    /// Opens them.
    ///
    /// # Errors
    /// If there is none to be had of any family.
    pub fn bind() -> Result<Self, BindError> {
        let v4 = bind((Ipv4Addr::UNSPECIFIED, 0).into());
        let v6 = bind((Ipv6Addr::UNSPECIFIED, 0).into());
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok(Self(v4.into_iter().chain(v6).collect())),
        }
    }

    /// Makes them dial.
    ///
    /// # Errors
    /// If the runtime does not take a socket.
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
    /// Dials the addresses in turn, each [`DIAL_STAGGER`] after the one before or as soon as that
    /// has failed, and returns the first connection. Each has [`HANDSHAKE_TIMEOUT`] for itself, so
    /// that one that swallows packets costs the others nothing.
    ///
    /// # Errors
    /// If none answers.
    pub async fn dial(
        &self,
        addresses: &[SocketAddr],
        server_name: &'static str,
    ) -> Result<(Connection, SocketAddr), DialError> {
        let mut waiting = addresses.iter().copied();
        let mut attempts = JoinSet::new();
        let mut failures = Vec::new();
        let mut stagger = time::interval(DIAL_STAGGER);
        stagger.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                _ = stagger.tick(), if waiting.len() > 0 => {
                    if let Some(address) = waiting.next() {
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
                else => return Err(summed_up(failures)),
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

    /// Waits, for a moment, until the peers have been told of connections that were closed.
    pub async fn wait_idle(&self, within: Duration) {
        for endpoint in [&self.v4, &self.v6].into_iter().flatten() {
            // A peer that is gone cannot be told.
            let _ = time::timeout(within, endpoint.wait_idle()).await;
        }
    }
}

fn summed_up(mut failures: Vec<(SocketAddr, DialError)>) -> DialError {
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
    use crate::{client_config, server_config};

    struct Bench {
        certs: TempDir,
        relay: Endpoint,
    }

    impl Bench {
        fn new() -> Self {
            let certs = tempfile::tempdir().unwrap();
            init(certs.path()).unwrap();
            issue(certs.path(), Role::Relay, &"relay-1".parse().unwrap()).unwrap();
            issue(certs.path(), Role::Node, &"node-1".parse().unwrap()).unwrap();
            let relay = Credentials::load(certs.path(), Role::Relay, &"relay-1".parse().unwrap());
            let config = server_config(relay.unwrap().server_crypto());
            let relay = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            Self { certs, relay }
        }

        fn address(&self) -> SocketAddr {
            self.relay.local_addr().unwrap()
        }

        fn dialer(&self) -> Dialer {
            let name = "node-1".parse().unwrap();
            let node = Credentials::load(self.certs.path(), Role::Node, &name).unwrap();
            let config = client_config(node.client_crypto(Alpn::Link));
            DialSockets::bind().unwrap().dialer(&config).unwrap()
        }

        async fn dial(&self, addresses: &[SocketAddr]) -> Result<SocketAddr, DialError> {
            let accept = async {
                while let Some(incoming) = self.relay.accept().await {
                    // The dialler may prefer another address by now.
                    let _ = incoming.await;
                }
            };
            let dialer = self.dialer();
            select! {
                dialled = dialer.dial(addresses, RELAY_SERVER_NAME) => dialled.map(|(_, at)| at),
                () = accept => panic!("the relay's endpoint has ended"),
            }
        }
    }

    /// Takes packets and never answers.
    fn black_hole(address: impl Into<std::net::IpAddr>) -> Option<(UdpSocket, SocketAddr)> {
        let socket = UdpSocket::bind((address.into(), 0)).ok()?;
        let address = socket.local_addr().ok()?;
        Some((socket, address))
    }

    #[tokio::test]
    async fn every_address_is_tried_whatever_the_others_do() {
        let bench = Bench::new();
        let (_hole, silent) = black_hole(Ipv4Addr::LOCALHOST).unwrap();
        let (socket, refusing) = black_hole(Ipv4Addr::LOCALHOST).unwrap();
        drop(socket);
        let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, refusing.port()));
        let begin = Instant::now();
        for first in [silent, refusing, ipv6] {
            assert_eq!(bench.dial(&[first, bench.address()]).await.unwrap(), bench.address());
            assert_eq!(bench.dial(&[bench.address(), first]).await.unwrap(), bench.address());
        }
        let all = [silent, refusing, ipv6, bench.address()];
        assert_eq!(bench.dial(&all).await.unwrap(), bench.address());
        assert!(begin.elapsed() < HANDSHAKE_TIMEOUT * 4, "{:?}", begin.elapsed());
    }

    #[tokio::test]
    async fn a_relay_on_ipv6_alone_is_reached() {
        let bench = Bench::new();
        let Some((socket, address)) = black_hole(Ipv6Addr::LOCALHOST) else { return };
        drop(socket);
        bench.relay.rebind(UdpSocket::bind(address).unwrap()).unwrap();
        assert_eq!(bench.dial(&[address]).await.unwrap(), address);
    }

    #[tokio::test]
    async fn a_host_without_ipv6_dials_ipv4() {
        let bench = Bench::new();
        let dialer = Dialer { v6: None, ..bench.dialer() };
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
    async fn somebody_else_at_the_first_address_is_passed_over() {
        let (bench, other) = (Bench::new(), Bench::new());
        let stranger = tokio::spawn({
            let endpoint = other.relay.clone();
            async move {
                while let Some(incoming) = endpoint.accept().await {
                    let _ = incoming.await;
                }
            }
        });
        let all = [other.address(), bench.address()];
        assert_eq!(bench.dial(&all).await.unwrap(), bench.address());
        stranger.abort();
    }
}
