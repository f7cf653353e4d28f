//! A proxy that delivers late what its clients send, also after they have gone: so a command
//! that timed out is executed all the same, as on a bad day in a real network.

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

const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_HELD_MAX: usize = 1_024;

/// A TCP proxy on a free port of 127.0.0.1. It ends when it is dropped.
#[derive(Debug)]
pub struct SlowProxy {
    address: SocketAddr,
    control: Control,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Debug)]
struct Control {
    delay_ms: Arc<AtomicU64>,
    cuts: watch::Sender<u64>,
}

/// What a client has sent, and when it is to arrive.
type Held = (Instant, Vec<u8>);

impl SlowProxy {
    /// Forwards connections to `target`, without delay at first.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let control = Control { delay_ms: Arc::default(), cuts: watch::Sender::new(0) };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, control.clone()));
        Ok(Self { address, control, _tasks: tasks })
    }

    /// The URL of a Redis behind it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on, what clients send arrives this much later, in the same order. Answers are
    /// not delayed.
    pub fn delay(&self, delay: Duration) {
        self.control.delay_ms.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// Closes all connections towards clients. What they have sent still arrives when it is due.
    pub fn cut(&self) {
        self.control.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, control: Control) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(forward(client, target, control.clone()));
    }
}

async fn forward(client: TcpStream, target: SocketAddr, control: Control) {
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
    // Delivering goes on after the client has gone.
    let _ = tokio::join!(connected, deliver(held, to_server));
}

async fn receive(
    mut client: OwnedReadHalf,
    hold: mpsc::Sender<Held>,
    delay_ms: &AtomicU64,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = client.read(&mut chunk).await?;
        let due = Instant::now() + Duration::from_millis(delay_ms.load(Ordering::Relaxed));
        if length == 0 || hold.send((due, chunk[..length].to_vec())).await.is_err() {
            return Ok(());
        }
    }
}

async fn deliver(mut held: mpsc::Receiver<Held>, mut server: OwnedWriteHalf) -> io::Result<()> {
    while let Some((due, chunk)) = held.recv().await {
        time::sleep_until(due).await;
        server.write_all(&chunk).await?;
    }
    server.shutdown().await
}

async fn answer(mut server: OwnedReadHalf, mut client: OwnedWriteHalf) -> io::Result<()> {
    tokio::io::copy(&mut server, &mut client).await.map(drop)
}
