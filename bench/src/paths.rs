//! Ways between nodes and their relay that lose and delay what goes over them.

use std::{io, net::SocketAddr, sync::mpsc, thread};

use tokio::{runtime::Builder, sync::oneshot};

use crate::proxy::{Proxy, Weather};

/// A proxy for each of some nodes, on a thread of their own, until this is dropped.
#[derive(Debug)]
pub struct Paths {
    proxies: Vec<Proxy>,
    /// The thread ends when this does.
    _stop: oneshot::Sender<()>,
}

impl Paths {
    /// Starts so many to `relay`, in fair weather.
    ///
    /// # Errors
    /// If no socket can be had.
    pub fn start(relay: SocketAddr, count: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (started, outcome) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            runtime.block_on(async {
                let mut proxies = Vec::new();
                for seed in 0..count {
                    proxies.push(Proxy::start(relay, seed as u64).await);
                }
                // Whoever asked waits for it.
                let _ = started.send(proxies.into_iter().collect());
                let _ = stopped.await;
            });
        });
        let proxies: io::Result<_> = outcome.recv().expect("the thread tells before it ends");
        Ok(Self { proxies: proxies?, _stop: stop })
    }

    /// Where the nodes are to dial, one each.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.proxies.iter().map(Proxy::address)
    }

    /// Makes the weather of all of them, both ways.
    pub fn set(&self, weather: Weather) {
        self.proxies.iter().for_each(|proxy| proxy.set_both(weather));
    }
}
