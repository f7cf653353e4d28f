//! An impaired network: a UDP proxy between one node and its relay.
//!
//! A node that dials [`UdpProxy::address`] reaches the relay through the proxy. Each direction has
//! [`NetworkConditions`] that can be changed at any time: datagrams are lost, duplicated, delayed and
//! reordered, or all of them are lost. A proxy for each node impairs one link and leaves the others
//! alone. Without impairment, a datagram costs one copy and two system calls.
//!
//! The kernel of a dead node refuses what is sent to its port, and the relay uses that signal. So the
//! proxy passes refusals on: when the node's port is closed, it closes the port that the relay sends
//! to.

mod conditions;
mod flow;
mod socket;

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    net::UdpSocket,
    task::{JoinHandle, JoinSet},
};

pub use self::conditions::{DatagramCounts, Direction, NetworkConditions};
use self::{
    conditions::{DatagramAction, SharedConditions},
    flow::DatagramFlow,
    socket::bind,
};
use crate::defaults::{DATAGRAM_BYTES_MAX, PROXY_FLOWS_MAX};

/// A running proxy. It ends when this is dropped.
#[derive(Debug)]
pub struct UdpProxy {
    address: SocketAddr,
    conditions: SharedConditions,
    task: JoinHandle<()>,
}

impl UdpProxy {
    /// Starts a proxy to `relay` on the current runtime, on a free port of 127.0.0.1. `seed` decides
    /// what happens to which datagram.
    pub async fn start(relay: SocketAddr, seed: u64) -> io::Result<Self> {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        let conditions = SharedConditions::new(seed);
        let task = tokio::spawn(serve(socket, relay, conditions.clone()));
        Ok(Self { address, conditions, task })
    }

    /// Where the node has to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the conditions of one direction, from the next datagram on.
    pub fn set(&self, direction: Direction, conditions: NetworkConditions) {
        self.conditions.with(|all| all.set(direction, conditions));
    }

    /// Sets the conditions of both directions.
    pub fn set_both(&self, conditions: NetworkConditions) {
        for direction in Direction::BOTH {
            self.set(direction, conditions);
        }
    }

    /// The datagrams of one direction so far.
    pub fn counts(&self, direction: Direction) -> DatagramCounts {
        self.conditions.with(|all| all.counts(direction))
    }
}

impl Drop for UdpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens a flow for each address that sends something.
async fn serve(socket: UdpSocket, relay: SocketAddr, conditions: SharedConditions) {
    let mut flows: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                let Ok((bytes, node)) = received else { continue };
                if !flows.contains_key(&node) && flows.len() < PROXY_FLOWS_MAX {
                    let flow = DatagramFlow::open(&socket, node, relay, conditions.clone());
                    let Ok(flow) = flow.await else { continue };
                    flows.insert(node, flow.relay_socket());
                    tasks.spawn(async move { flow.run().await; node });
                }
                // This datagram came before the flow's own socket existed.
                if let (Some(relay_socket), DatagramAction::Pass { .. }) =
                    (flows.get(&node), conditions.with(|all| all.draw(Direction::ToRelay)))
                {
                    let _ = relay_socket.try_send_to(&buffer[..bytes], relay);
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
