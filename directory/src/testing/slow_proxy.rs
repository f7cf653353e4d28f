use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinSet,
    time::{self, Instant},
};

const READ_BYTES: usize = 64 * 1024;
const CHUNKS_HELD_MAX: usize = 1_024;

/// A TCP proxy on a free port of 127.0.0.1 that delays what its clients send, and delivers it even
/// after they have disconnected: so Redis executes commands that have timed out, as in a slow
/// network. Dropping it stops it.
#[derive(Debug)]
pub struct SlowProxy {
    address: SocketAddr,
    control: ProxyControl,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Debug)]
struct ProxyControl {
    delay_ms: Arc<AtomicU64>,
    cuts: watch::Sender<u64>,
}

/// A chunk from a client, and when to deliver it.
type HeldChunk = (Instant, Vec<u8>);

impl SlowProxy {
    /// Starts to forward connections to `target`, at first without a delay.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let control = ProxyControl { delay_ms: Arc::default(), cuts: watch::Sender::new(0) };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, control.clone()));
        Ok(Self { address, control, _tasks: tasks })
    }

    /// The URL of the Redis behind it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Delays what clients send from now on, in the same order. Answers are not delayed.
    pub fn delay(&self, delay: Duration) {
        self.control.delay_ms.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// Closes all connections to clients. What they have sent still arrives when it is due.
    pub fn cut(&self) {
        self.control.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, control: ProxyControl) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(forward(client, target, control.clone()));
    }
}

async fn forward(client: TcpStream, target: SocketAddr, control: ProxyControl) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (hold, held) = mpsc::channel(CHUNKS_HELD_MAX);
    let mut cut = control.cuts.subscribe();
    let connected = async {
        tokio::select! {
            _ = cut.changed() => {}
            _ = receive(from_client, hold, &control.delay_ms) => {}
            _ = answer(from_server, to_client) => {}
        }
    };
    // Delivery continues after the client has disconnected.
    let _ = tokio::join!(connected, deliver(held, to_server));
}

async fn receive(
    mut client: OwnedReadHalf,
    hold: mpsc::Sender<HeldChunk>,
    delay_ms: &AtomicU64,
) -> io::Result<()> {
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let length = client.read(&mut chunk).await?;
        let due = Instant::now() + Duration::from_millis(delay_ms.load(Ordering::Relaxed));
        if length == 0 || hold.send((due, chunk[..length].to_vec())).await.is_err() {
            return Ok(());
        }
    }
}

async fn deliver(
    mut held: mpsc::Receiver<HeldChunk>,
    mut server: OwnedWriteHalf,
) -> io::Result<()> {
    while let Some((due, chunk)) = held.recv().await {
        time::sleep_until(due).await;
        server.write_all(&chunk).await?;
    }
    server.shutdown().await
}

async fn answer(mut server: OwnedReadHalf, mut client: OwnedWriteHalf) -> io::Result<()> {
    tokio::io::copy(&mut server, &mut client).await.map(drop)
}
