//! A node made by hand: its own runtime, endpoint and streams, so that it can be silenced, or
//! killed as thoroughly as by SIGKILL.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream, VarInt};
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
    task, time,
};
use trunkline_certs::{Alpn, Role};
use trunkline_directory::Directory;
use trunkline_link::{ControlReader, ControlWriter, LaneReader, defaults::HEARTBEAT};
use trunkline_protocol::{
    Incarnation, Name, User,
    control::{CONTROL_VERSION, Hello, Member, MemberState, ToNode, ToRelay},
    lane::{
        BatchBuilder, BatchHeader, BatchKind, LANES, Message, PREAMBLE, RECEIPT_LANE, Receipt,
        ReceiptStatus,
    },
};

use crate::cluster::{Cluster, dial, name, patiently};

pub(crate) type Control = (ControlWriter<SendStream, ToRelay>, ControlReader<RecvStream, ToNode>);

pub(crate) struct Node {
    pub(crate) name: Name,
    pub(crate) incarnation: Incarnation,
    pub(crate) connection: Connection,
    endpoint: Endpoint,
    says: mpsc::Sender<ToRelay>,
    hears: mpsc::Receiver<ToNode>,
    lanes: Vec<SendStream>,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    mute: Arc<AtomicBool>,
    leased: Arc<AtomicBool>,
    process: Option<Process>,
}

/// A batch that arrived.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) lane: usize,
    pub(crate) header: BatchHeader,
    pub(crate) frames: Vec<u8>,
}

impl Node {
    /// Dials, says hello, opens its lanes, and takes its lease: on a machine with a lot to do, its
    /// heartbeats may be late.
    pub(crate) async fn join(cluster: &Cluster, who: &str) -> Self {
        let node = Self::join_as(cluster, who, Incarnation::fresh()).await.unwrap();
        node.register(cluster, iter::empty()).await;
        node
    }

    /// The same, and reads no lane.
    pub(crate) async fn join_deaf(cluster: &Cluster, who: &str) -> Self {
        let node = Self::start(cluster, who, Incarnation::fresh(), false).await.unwrap();
        node.register(cluster, iter::empty()).await;
        node
    }

    /// Dials in a given incarnation, without a lease; fails if the relay closes the connection.
    pub(crate) async fn join_as(
        cluster: &Cluster,
        who: &str,
        incarnation: Incarnation,
    ) -> Result<Self, ConnectionError> {
        Self::start(cluster, who, incarnation, true).await
    }

    async fn start(
        cluster: &Cluster,
        who: &str,
        incarnation: Incarnation,
        reads: bool,
    ) -> Result<Self, ConnectionError> {
        let process = Process::start();
        let credentials = cluster.credentials(Role::Node, who);
        let relay = cluster.relay.address;
        let name = name(who);
        let joining = process.handle.spawn(async move {
            let (endpoint, connection) = dial(&credentials, Alpn::Link, relay).await?;
            Self::on(name, incarnation, endpoint, connection, reads).await
        });
        let mut joined = patiently("joining", joining).await.unwrap();
        match &mut joined {
            Ok(node) => node.process = Some(process),
            Err(_) => process.end().await,
        }
        joined
    }

    async fn on(
        name: Name,
        incarnation: Incarnation,
        endpoint: Endpoint,
        connection: Connection,
        reads: bool,
    ) -> Result<Self, ConnectionError> {
        let (mut writer, mut reader) = open_control(&connection).await?;
        writer.write(&ToRelay::Hello(hello(incarnation))).await.unwrap();
        match reader.read().await {
            Ok(Some(ToNode::Welcome { .. })) => {}
            Ok(Some(other)) => panic!("first came {other:?}"),
            Ok(None) | Err(_) => return Err(connection.closed().await),
        }
        let mute = Arc::new(AtomicBool::new(false));
        let (says, to_say) = mpsc::channel(64);
        let (heard, hears) = mpsc::channel(4096);
        tokio::spawn(converse((writer, reader), to_say, heard, mute.clone()));
        let (arrived, arrivals) = mpsc::channel(64 * 1024);
        if reads {
            tokio::spawn(take_lanes(connection.clone(), arrived));
        }
        let lanes = open_lanes(&connection).await;
        let leased = Arc::new(AtomicBool::new(false));
        Ok(Self {
            name,
            incarnation,
            connection,
            endpoint,
            says,
            hears,
            lanes,
            arrivals,
            mute,
            leased,
            process: None,
        })
    }

    pub(crate) async fn say(&self, message: ToRelay) {
        self.says.send(message).await.unwrap();
    }

    /// Takes another incarnation on the same link.
    pub(crate) async fn renew(&mut self) {
        self.incarnation = Incarnation::fresh();
        self.say(ToRelay::Hello(hello(self.incarnation))).await;
    }

    /// Waits for something that the relay says.
    pub(crate) async fn hear<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(ToNode) -> Option<T>,
    ) -> T {
        let hearing = async {
            loop {
                let message = self.hears.recv().await.expect("the link stands");
                if let Some(picked) = pick(message) {
                    return picked;
                }
            }
        };
        patiently(what, hearing).await
    }

    /// Waits until the relay says that a node is in a state, and returns how it puts it.
    pub(crate) async fn see(&mut self, who: &str, state: MemberState) -> Member {
        let who = name(who);
        let pick = |message| match message {
            ToNode::Members { members, .. } => {
                members.into_iter().find(|member| member.name == who && member.state == state)
            }
            _ => None,
        };
        self.hear(&format!("{who} in state {state:?}"), pick).await
    }

    /// Sends bytes on a lane.
    pub(crate) async fn write(&mut self, lane: usize, bytes: &[u8]) {
        let _ = self.lanes[lane].write_all(bytes).await;
    }

    pub(crate) fn finish(&mut self, lane: usize) {
        self.lanes[lane].finish().unwrap();
    }

    /// Waits for the next batch.
    pub(crate) async fn arrival(&mut self) -> Arrival {
        patiently("a batch", self.arrivals.recv()).await.expect("the link stands")
    }

    /// Waits until the relay closes the link, and returns the code and the reason.
    pub(crate) async fn closed(&self) -> (VarInt, String) {
        closed(&self.connection).await
    }

    /// Stops giving signs of life; its machine and its network live on.
    pub(crate) fn fall_silent(&self) {
        self.mute.store(true, Ordering::Relaxed);
    }

    /// Takes the lease, renews it as long as this node lives, and registers users.
    pub(crate) async fn register(&self, cluster: &Cluster, users: impl Iterator<Item = User>) {
        let directory = cluster.directory();
        self.leased.store(true, Ordering::Relaxed);
        let (node, incarnation) = (self.name.clone(), self.incarnation);
        let (leased, users) = (self.leased.clone(), users.collect());
        let registering = register(directory, node, incarnation, users, leased);
        let process = self.process.as_ref().unwrap();
        patiently("registering", process.handle.spawn(registering)).await.unwrap();
    }

    /// Lets the lease run out.
    pub(crate) fn stop_renewing(&self) {
        self.leased.store(false, Ordering::Relaxed);
    }

    /// Dies without a word: its tasks end where they are, and its socket is closed.
    pub(crate) async fn kill(mut self) -> Incarnation {
        self.process.take().unwrap().end().await;
        self.incarnation
    }

    /// Closes the connection, and says nothing before.
    pub(crate) fn hang_up(&self) {
        self.connection.close(VarInt::from_u32(0), b"");
        self.endpoint.close(VarInt::from_u32(0), b"");
    }
}

/// A thread with a runtime. When it ends, whatever ran there is dropped where it stands.
struct Process {
    handle: Handle,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Process {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || drop(runtime.block_on(stopped)));
        Self { handle, stop, thread }
    }

    async fn end(self) {
        drop(self.stop);
        let thread = self.thread;
        task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
    }
}

pub(crate) fn hello(incarnation: Incarnation) -> Hello {
    Hello {
        version: CONTROL_VERSION,
        incarnation,
        url: "ws://127.0.0.1:9001/ws".into(),
        capacity: 500,
        started_at_ms: 1,
        software: "by hand".into(),
    }
}

pub(crate) async fn open_control(connection: &Connection) -> Result<Control, ConnectionError> {
    let (sending, receiving) = connection.open_bi().await?;
    Ok((ControlWriter::new(sending), ControlReader::new(receiving)))
}

pub(crate) async fn closed(connection: &Connection) -> (VarInt, String) {
    match patiently("the relay closes the connection", connection.closed()).await {
        ConnectionError::ApplicationClosed(close) => {
            (close.error_code, String::from_utf8_lossy(&close.reason).into_owned())
        }
        other => panic!("the connection ended otherwise: {other}"),
    }
}

/// A batch of one message to `to`.
pub(crate) fn message(to: Incarnation, batch: u32, body: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    let message = Message {
        seq: u64::from(batch),
        traced: false,
        sent_at_ms: 1,
        to: "bob",
        from: "alice",
        body,
    };
    builder.push(message.seq, |out| message.encode(out));
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, BatchKind::Messages, to, batch, to);
    bytes
}

/// A batch of one message that is traced.
pub(crate) fn traced(to: Incarnation, ids: Incarnation, seq: u64) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    let message =
        Message { seq, traced: true, sent_at_ms: 1, to: "bob", from: "admin/olga", body: b"1" };
    builder.push(seq, |out| message.encode(out));
    builder.set_traced();
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, BatchKind::Messages, to, 1, ids);
    bytes
}

/// A batch of one receipt to `to`.
pub(crate) fn receipt(to: Incarnation, seq: u64) -> Vec<u8> {
    sealed_receipt(BatchBuilder::default(), to, seq)
}

/// A batch of one receipt for a message that is traced.
pub(crate) fn followed_receipt(to: Incarnation, seq: u64) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    builder.set_traced();
    sealed_receipt(builder, to, seq)
}

fn sealed_receipt(mut builder: BatchBuilder, to: Incarnation, seq: u64) -> Vec<u8> {
    let receipt = Receipt { seq, status: ReceiptStatus::Taken, route_stale: false, missed: 0 };
    builder.push(seq, |out| receipt.encode(out));
    let mut bytes = Vec::new();
    builder.seal_into(&mut bytes, BatchKind::Receipts, to, 0, to);
    bytes
}

/// Shows that the relay serves well-behaved nodes as ever.
pub(crate) async fn assert_serves(a: &mut Node, b: &mut Node) {
    a.write(0, &message(b.incarnation, 1, b"{}")).await;
    let arrival = b.arrival().await;
    assert_eq!((arrival.header.kind, arrival.header.peer), (BatchKind::Messages, a.incarnation));
    b.write(RECEIPT_LANE, &receipt(a.incarnation, 1)).await;
    let arrival = a.arrival().await;
    assert_eq!((arrival.header.kind, arrival.header.peer), (BatchKind::Receipts, b.incarnation));
}

async fn open_lanes(connection: &Connection) -> Vec<SendStream> {
    let mut lanes = Vec::new();
    for _ in 0..LANES {
        let mut lane = connection.open_uni().await.unwrap();
        lane.write_all(&PREAMBLE).await.unwrap();
        lanes.push(lane);
    }
    lanes
}

async fn converse(
    (mut writer, mut reader): Control,
    mut to_say: mpsc::Receiver<ToRelay>,
    heard: mpsc::Sender<ToNode>,
    mute: Arc<AtomicBool>,
) {
    let mut heartbeat = time::interval(HEARTBEAT);
    let speaks = || !mute.load(Ordering::Relaxed);
    loop {
        let answer = tokio::select! {
            Some(message) = to_say.recv() => Some(message),
            _ = heartbeat.tick() => Some(ToRelay::Heartbeat { seq: 0 }),
            message = reader.read() => match message {
                Ok(Some(ToNode::Probe { nonce })) => Some(ToRelay::Probed { nonce }),
                Ok(Some(ToNode::Heartbeat { .. })) => None,
                Ok(Some(message)) => {
                    let _ = heard.send(message).await;
                    None
                }
                Ok(None) | Err(_) => return,
            },
        };
        if let Some(answer) = answer.filter(|_| speaks())
            && writer.write(&answer).await.is_err()
        {
            return;
        }
    }
}

async fn take_lanes(connection: Connection, arrived: mpsc::Sender<Arrival>) {
    while let Ok(stream) = connection.accept_uni().await {
        let (arrived, lane) = (arrived.clone(), stream.id().index() as usize);
        tokio::spawn(async move {
            let mut reader = LaneReader::new(stream);
            let mut batches = Vec::new();
            while reader
                .read(|batch| batches.push((batch.header, batch.frames.to_vec())))
                .await
                .is_ok()
            {
                for (header, frames) in batches.drain(..) {
                    let _ = arrived.send(Arrival { lane, header, frames }).await;
                }
            }
        });
    }
}

async fn register(
    directory: Directory,
    node: Name,
    incarnation: Incarnation,
    users: Vec<User>,
    leased: Arc<AtomicBool>,
) {
    directory.list_incarnation(&node, incarnation).await.unwrap();
    let fence = loop {
        match directory.acquire(&node, incarnation).await.unwrap() {
            trunkline_directory::Acquired::Held(fence) => break fence,
            trunkline_directory::Acquired::Foreign { .. } => {
                time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    for user in &users {
        directory.register(user, (&node, incarnation), 1, fence).await.unwrap();
    }
    tokio::spawn(async move {
        while leased.load(Ordering::Relaxed) {
            let _ = directory.renew(&node, incarnation).await;
            time::sleep(Duration::from_millis(200)).await;
        }
    });
}
