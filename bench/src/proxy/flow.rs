//! One socket of a node, as the relay sees it.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until, timeout},
};

use super::{
    conditions::{DatagramAction, Direction, SharedConditions},
    socket::bind,
};
use crate::defaults::{DATAGRAM_BYTES_MAX, PROXY_DELAYED_MAX, PROXY_FLOW_IDLE};

/// The datagrams between one socket of a node and the relay.
#[derive(Debug)]
pub(super) struct DatagramFlow {
    /// Connected to the node, so that it reports when the node's kernel refuses a datagram.
    node_socket: Arc<UdpSocket>,
    /// The node's address in the relay's eyes. Not connected: the relay also sends liveness probes
    /// here, from another port.
    relay_socket: Arc<UdpSocket>,
    relay: SocketAddr,
    conditions: SharedConditions,
}

impl DatagramFlow {
    /// A flow for the node at `node`, which sends to the address of `listener`.
    pub(super) async fn open(
        listener: &UdpSocket,
        node: SocketAddr,
        relay: SocketAddr,
        conditions: SharedConditions,
    ) -> io::Result<Self> {
        let relay_socket = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let node_socket = bind(listener.local_addr()?)?;
        node_socket.connect(node).await?;
        // `try_send` fails on a socket that the runtime has not polled yet.
        relay_socket.writable().await?;
        node_socket.writable().await?;
        let (node_socket, relay_socket) = (Arc::new(node_socket), Arc::new(relay_socket));
        Ok(Self { node_socket, relay_socket, relay, conditions })
    }

    /// The socket that sends to the relay.
    pub(super) fn relay_socket(&self) -> Arc<UdpSocket> {
        Arc::clone(&self.relay_socket)
    }

    /// Passes datagrams on in both directions, until the node's kernel refuses one or none has come
    /// from the node for [`PROXY_FLOW_IDLE`].
    pub(super) async fn run(self) {
        let to_relay = Forwarder::new(Direction::ToRelay, &self);
        let to_node = Forwarder::new(Direction::ToNode, &self);
        tokio::select! {
            () = to_relay.run() => {}
            () = to_node.run() => {}
        }
    }
}

/// A delayed datagram: when it is due, and its number among those due at the same time.
type Delayed = Reverse<(Instant, u64, Vec<u8>)>;

/// One direction of a flow.
struct Forwarder<'a> {
    direction: Direction,
    from: &'a UdpSocket,
    to: &'a UdpSocket,
    relay: SocketAddr,
    conditions: &'a SharedConditions,
    delayed: BinaryHeap<Delayed>,
    number: u64,
}

impl<'a> Forwarder<'a> {
    fn new(direction: Direction, flow: &'a DatagramFlow) -> Self {
        let (from, to) = match direction {
            Direction::ToRelay => (&flow.node_socket, &flow.relay_socket),
            Direction::ToNode => (&flow.relay_socket, &flow.node_socket),
        };
        let (relay, conditions) = (flow.relay, &flow.conditions);
        Self { direction, from, to, relay, conditions, delayed: BinaryHeap::new(), number: 0 }
    }

    async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let due = self.delayed.peek().map(|Reverse((due, ..))| *due);
            let open = tokio::select! {
                received = timeout(PROXY_FLOW_IDLE, self.from.recv(&mut buffer)) => match received {
                    Ok(Ok(bytes)) => self.forward(&buffer[..bytes]),
                    Ok(Err(error)) => self.survives(&error, Direction::ToRelay),
                    Err(_) => self.direction == Direction::ToNode,
                },
                () = until(due) => match self.delayed.pop() {
                    Some(Reverse((_, _, datagram))) => self.send(&datagram),
                    None => true,
                },
            };
            if !open {
                return;
            }
        }
    }

    /// Applies the conditions to a datagram. Returns whether the flow stays open.
    fn forward(&mut self, datagram: &[u8]) -> bool {
        let action = self.conditions.with(|all| all.draw(self.direction));
        let DatagramAction::Pass { after, duplicate_after } = action else { return true };
        if let Some(after) = duplicate_after {
            self.delay(datagram, after);
        }
        if after.is_zero() {
            return self.send(datagram);
        }
        self.delay(datagram, after);
        true
    }

    fn delay(&mut self, datagram: &[u8], after: Duration) {
        if self.delayed.len() < PROXY_DELAYED_MAX {
            self.number += 1;
            self.delayed.push(Reverse((Instant::now() + after, self.number, datagram.to_vec())));
        }
    }

    /// Sends a datagram. It is lost if the socket is full, as in any network.
    fn send(&self, datagram: &[u8]) -> bool {
        let sent = match self.direction {
            Direction::ToRelay => self.to.try_send_to(datagram, self.relay),
            Direction::ToNode => self.to.try_send(datagram),
        };
        match sent {
            Ok(_) => true,
            Err(error) => self.survives(&error, Direction::ToNode),
        }
    }

    /// Whether the flow stays open after an error. Only the refusal of the node's kernel closes it,
    /// which is an error of the socket that this direction has towards the node (`node_side` says in
    /// which direction that is the failed one), and only if refusals can travel to the relay.
    fn survives(&self, error: &io::Error, node_side: Direction) -> bool {
        let of_node = self.direction == node_side;
        let refused = error.kind() == io::ErrorKind::ConnectionRefused;
        !(of_node && refused) || self.conditions.with(|all| all.is_cut(Direction::ToRelay))
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
