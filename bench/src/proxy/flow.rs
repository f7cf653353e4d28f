use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until, timeout},
};

use super::{
    bind, lock,
    weather::{Fate, Sky, Way},
};
use crate::defaults::{DATAGRAM_BYTES_MAX, PROXY_DELAYED_MAX, PROXY_FLOW_IDLE};

/// What one socket of a node says to the relay, and the other way.
#[derive(Debug)]
pub(super) struct Flow {
    /// Connected to the node, and so told when its kernel refuses.
    near: Arc<UdpSocket>,
    /// The relay sees the node at this address. Connected to nobody: the relay also knocks here
    /// from another port.
    far: Arc<UdpSocket>,
    relay: SocketAddr,
    sky: Arc<Mutex<Sky>>,
}

impl Flow {
    /// A flow for the node at `node`, which speaks to the address of `listener`.
    pub(super) async fn open(
        listener: &UdpSocket,
        node: SocketAddr,
        relay: SocketAddr,
        sky: Arc<Mutex<Sky>>,
    ) -> io::Result<Self> {
        let far = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let near = bind(listener.local_addr()?)?;
        near.connect(node).await?;
        // A socket that the runtime has not heard of yet takes nothing.
        far.writable().await?;
        near.writable().await?;
        Ok(Self { near: Arc::new(near), far: Arc::new(far), relay, sky })
    }

    /// The socket towards the relay.
    pub(super) fn far(&self) -> Arc<UdpSocket> {
        Arc::clone(&self.far)
    }

    /// Passes datagrams on, both ways, until the node's kernel refuses them or none has come from
    /// the node for [`PROXY_FLOW_IDLE`].
    pub(super) async fn run(self) {
        let to_relay = Direction::new(Way::ToRelay, &self);
        let to_node = Direction::new(Way::ToNode, &self);
        tokio::select! {
            () = to_relay.run() => {}
            () = to_node.run() => {}
        }
    }
}

/// A datagram that comes later, by when it does, and in the order of coming.
type Delayed = Reverse<(Instant, u64, Vec<u8>)>;

/// One direction of a flow.
struct Direction<'a> {
    way: Way,
    from: &'a UdpSocket,
    to: &'a UdpSocket,
    relay: SocketAddr,
    sky: &'a Mutex<Sky>,
    delayed: BinaryHeap<Delayed>,
    number: u64,
}

impl<'a> Direction<'a> {
    fn new(way: Way, flow: &'a Flow) -> Self {
        let (from, to) = match way {
            Way::ToRelay => (&flow.near, &flow.far),
            Way::ToNode => (&flow.far, &flow.near),
        };
        let (relay, sky) = (flow.relay, &flow.sky);
        Self { way, from, to, relay, sky, delayed: BinaryHeap::new(), number: 0 }
    }

    async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let due = self.delayed.peek().map(|Reverse((due, ..))| *due);
            tokio::select! {
                received = timeout(PROXY_FLOW_IDLE, self.from.recv(&mut buffer)) => {
                    let went_on = match received {
                        Ok(Ok(bytes)) => self.take(&buffer[..bytes]),
                        Ok(Err(error)) => self.outlives(&error, Way::ToRelay),
                        Err(_) => self.way == Way::ToNode,
                    };
                    if !went_on {
                        return;
                    }
                }
                () = until(due) => {
                    if let Some(Reverse((_, _, datagram))) = self.delayed.pop()
                        && !self.send(&datagram)
                    {
                        return;
                    }
                }
            }
        }
    }

    /// Does with a datagram what the weather wants. Returns whether the flow goes on.
    fn take(&mut self, datagram: &[u8]) -> bool {
        let Fate::Passed { after, again } = lock(self.sky).fate(self.way) else { return true };
        if let Some(again) = again {
            self.delay(datagram, again);
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

    /// A datagram that finds the socket full is lost, as on any network.
    fn send(&self, datagram: &[u8]) -> bool {
        let sent = match self.way {
            Way::ToRelay => self.to.try_send_to(datagram, self.relay),
            Way::ToNode => self.to.try_send(datagram),
        };
        match sent {
            Ok(_) => true,
            Err(error) => self.outlives(&error, Way::ToNode),
        }
    }

    /// Whether the flow goes on after an error of the socket that `near_on` says is the node's.
    /// Only the node's refusal ends it, and only if it can travel to the relay.
    fn outlives(&self, error: &io::Error, near_on: Way) -> bool {
        let of_node = self.way == near_on;
        let refused = error.kind() == io::ErrorKind::ConnectionRefused;
        !(of_node && refused) || lock(self.sky).is_cut(Way::ToRelay)
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
