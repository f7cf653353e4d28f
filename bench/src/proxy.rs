//! A network that can be made bad: a UDP proxy between one node and its relay.
//!
//! A node that is told to dial [`Proxy::address`] reaches the relay through it. Each direction has
//! a [`Weather`] of its own, which can be changed at any time: datagrams are lost, come twice, come
//! late and in another order, or not at all. Give each node a proxy of its own, so that one link
//! can be hurt and the others not. With the weather fair, a datagram costs one copy and two system
//! calls.
//!
//! A dead node's kernel refuses what is sent to it, and the relay listens for that. So the proxy
//! passes refusals on: when the node's port is gone, so is the port that the relay sends to.

mod flow;
mod weather;

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use socket2::{Domain, Socket, Type};
use tokio::{
    net::UdpSocket,
    task::{JoinHandle, JoinSet},
};

pub use self::weather::{Way, Weather};
use self::{
    flow::Flow,
    weather::{Fate, Sky},
};
use crate::defaults::{DATAGRAM_BYTES_MAX, PROXY_BUFFER_BYTES, PROXY_FLOWS_MAX};

/// What became of the datagrams of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Passed on, copies included.
    pub passed: u64,
    /// Lost.
    pub lost: u64,
}

/// A running proxy. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    sky: Arc<Mutex<Sky>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy to `relay` on the current runtime, on a free port of 127.0.0.1. What happens
    /// to which datagram is drawn from `seed`.
    ///
    /// # Errors
    /// If no socket can be had.
    pub async fn start(relay: SocketAddr, seed: u64) -> io::Result<Self> {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        let sky = Arc::new(Mutex::new(Sky::new(seed)));
        let task = tokio::spawn(serve(socket, relay, Arc::clone(&sky)));
        Ok(Self { address, sky, task })
    }

    /// Where the node is to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the weather of one direction, from the next datagram on.
    pub fn set(&self, way: Way, weather: Weather) {
        lock(&self.sky).set(way, weather);
    }

    /// Makes the weather of both directions.
    pub fn set_both(&self, weather: Weather) {
        for way in Way::BOTH {
            self.set(way, weather);
        }
    }

    /// What has become of the datagrams of one direction so far.
    pub fn traffic(&self, way: Way) -> Traffic {
        lock(&self.sky).traffic(way)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(sky: &Mutex<Sky>) -> MutexGuard<'_, Sky> {
    // Nothing that is done under this lock can leave it half done.
    sky.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A UDP socket whose address others may share: the kernel gives a datagram to the one that is
/// connected to its sender.
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // The kernel gives what it may.
    socket.set_recv_buffer_size(PROXY_BUFFER_BYTES)?;
    socket.set_send_buffer_size(PROXY_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Opens a flow for each address that sends something.
async fn serve(socket: UdpSocket, relay: SocketAddr, sky: Arc<Mutex<Sky>>) {
    let mut flows: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                let Ok((bytes, node)) = received else { continue };
                if !flows.contains_key(&node) && flows.len() < PROXY_FLOWS_MAX {
                    let Ok(flow) = Flow::open(&socket, node, relay, Arc::clone(&sky)).await else {
                        continue;
                    };
                    flows.insert(node, flow.far());
                    tasks.spawn(async move { flow.run().await; node });
                }
                // What came before the flow had a socket of its own.
                if let (Some(far), Fate::Passed { .. }) =
                    (flows.get(&node), lock(&sky).fate(Way::ToRelay))
                {
                    let _ = far.try_send_to(&buffer[..bytes], relay);
                }
            }
            Some(ended) = tasks.join_next() => {
                if let Ok(node) = ended {
                    flows.remove(&node);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
