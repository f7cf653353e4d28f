//! Proxies between nodes and their relay that impair each link.

use std::{io, net::SocketAddr, sync::mpsc, thread};

use tokio::{runtime::Builder, sync::oneshot};

use crate::proxy::{NetworkConditions, UdpProxy};

/// One proxy for each node, on a thread of their own, until this is dropped.
#[derive(Debug)]
pub struct ImpairedLinks {
    proxies: Vec<UdpProxy>,
    /// The thread ends when this does.
    _stop: oneshot::Sender<()>,
}

impl ImpairedLinks {
    /// Starts `count` proxies to `relay`, without impairment.
    pub fn start(relay: SocketAddr, count: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (started, outcome) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            runtime.block_on(async {
                let mut proxies = Vec::new();
                for seed in 0..count {
                    proxies.push(UdpProxy::start(relay, seed as u64).await);
                }
                // The caller waits for this.
                let _ = started.send(proxies.into_iter().collect());
                let _ = stopped.await;
            });
        });
        let proxies: io::Result<_> = outcome.recv().expect("the thread sends before it ends");
        Ok(Self { proxies: proxies?, _stop: stop })
    }

    /// The addresses that the nodes have to dial, one each.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.proxies.iter().map(UdpProxy::address)
    }

    /// Sets the conditions of all links, in both directions.
    pub fn set(&self, conditions: NetworkConditions) {
        self.proxies.iter().for_each(|proxy| proxy.set_both(conditions));
    }
}
