//! A hand-made node with its own runtime, endpoint and streams, so that it can be muted, or killed as
//! thoroughly as by SIGKILL.

mod process;
mod streams;

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use quinn::{Connection, ConnectionError, Endpoint, SendStream, VarInt};
use tokio::sync::mpsc;
use trunkline_certs::{Alpn, Role};
use trunkline_protocol::{
    Incarnation, Name, User,
    control::{Member, MemberState, ToNode, ToRelay},
    lane::{BatchKind, RECEIPT_LANE},
};

use crate::{
    batches::{message, receipt},
    cluster::{TestCluster, dial, name, within_patience},
};
use process::{NodeProcess, register};
use streams::{converse, open_lanes, read_lanes};

pub(crate) use streams::{ReceivedBatch, closed, hello, open_control};

pub(crate) struct FakeNode {
    pub(crate) name: Name,
    pub(crate) incarnation: Incarnation,
    pub(crate) connection: Connection,
    endpoint: Endpoint,
    outbox: mpsc::Sender<ToRelay>,
    inbox: mpsc::Receiver<ToNode>,
    lanes: Vec<SendStream>,
    pub(crate) batches: mpsc::Receiver<ReceivedBatch>,
    mute: Arc<AtomicBool>,
    leased: Arc<AtomicBool>,
    process: Option<NodeProcess>,
}

impl FakeNode {
    /// Dials, says hello, opens its lanes, and takes its lease: heartbeats may be late on a busy
    /// machine, and the lease keeps the node alive then.
    pub(crate) async fn join(cluster: &TestCluster, who: &str) -> Self {
        let node = Self::join_as(cluster, who, Incarnation::fresh()).await.unwrap();
        node.register(cluster, iter::empty()).await;
        node
    }

    /// The same, but reads no lane.
    pub(crate) async fn join_deaf(cluster: &TestCluster, who: &str) -> Self {
        let node = Self::start(cluster, who, Incarnation::fresh(), false).await.unwrap();
        node.register(cluster, iter::empty()).await;
        node
    }

    /// Dials in a given incarnation, without a lease; fails if the relay closes the connection.
    pub(crate) async fn join_as(
        cluster: &TestCluster,
        who: &str,
        incarnation: Incarnation,
    ) -> Result<Self, ConnectionError> {
        Self::start(cluster, who, incarnation, true).await
    }

    async fn start(
        cluster: &TestCluster,
        who: &str,
        incarnation: Incarnation,
        reads: bool,
    ) -> Result<Self, ConnectionError> {
        let process = NodeProcess::start();
        let credentials = cluster.credentials(Role::Node, who);
        let relay = cluster.relay.address;
        let name = name(who);
        let joining = process.handle.spawn(async move {
            let (endpoint, connection) = dial(&credentials, Alpn::Link, relay).await?;
            Self::on(name, incarnation, endpoint, connection, reads).await
        });
        let mut joined = within_patience("joining", joining).await.unwrap();
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
        let (outbox, messages) = mpsc::channel(64);
        let (received, inbox) = mpsc::channel(4096);
        tokio::spawn(converse((writer, reader), messages, received, mute.clone()));
        let (arrived, batches) = mpsc::channel(64 * 1024);
        if reads {
            tokio::spawn(read_lanes(connection.clone(), arrived));
        }
        let lanes = open_lanes(&connection).await;
        let leased = Arc::new(AtomicBool::new(false));
        Ok(Self {
            name,
            incarnation,
            connection,
            endpoint,
            outbox,
            inbox,
            lanes,
            batches,
            mute,
            leased,
            process: None,
        })
    }

    pub(crate) async fn send(&self, message: ToRelay) {
        self.outbox.send(message).await.unwrap();
    }

    /// Starts a new incarnation on the same link.
    pub(crate) async fn change_incarnation(&mut self) {
        self.incarnation = Incarnation::fresh();
        self.send(ToRelay::Hello(hello(self.incarnation))).await;
    }

    /// Waits for a message of the relay.
    pub(crate) async fn receive<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(ToNode) -> Option<T>,
    ) -> T {
        let receiving = async {
            loop {
                let message = self.inbox.recv().await.expect("the link is up");
                if let Some(picked) = pick(message) {
                    return picked;
                }
            }
        };
        within_patience(what, receiving).await
    }

    /// Waits until the relay announces that a node is in a state.
    pub(crate) async fn await_state(&mut self, who: &str, state: MemberState) -> Member {
        let who = name(who);
        let pick = |message| match message {
            ToNode::Members { members, .. } => {
                members.into_iter().find(|member| member.name == who && member.state == state)
            }
            _ => None,
        };
        self.receive(&format!("{who} in state {state:?}"), pick).await
    }

    /// Sends bytes on a lane.
    pub(crate) async fn write(&mut self, lane: usize, bytes: &[u8]) {
        let _ = self.lanes[lane].write_all(bytes).await;
    }

    pub(crate) fn finish(&mut self, lane: usize) {
        self.lanes[lane].finish().unwrap();
    }

    /// Waits for the next batch.
    pub(crate) async fn next_batch(&mut self) -> ReceivedBatch {
        within_patience("a batch", self.batches.recv()).await.expect("the link is up")
    }

    /// Waits until the relay closes the link, and returns the code and the reason.
    pub(crate) async fn closed(&self) -> (VarInt, String) {
        closed(&self.connection).await
    }

    /// Gives no more signs of life, although its process and its network run.
    pub(crate) fn mute(&self) {
        self.mute.store(true, Ordering::Relaxed);
    }

    /// Takes the lease, renews it while this node runs, and registers users.
    pub(crate) async fn register(&self, cluster: &TestCluster, users: impl Iterator<Item = User>) {
        let directory = cluster.directory();
        self.leased.store(true, Ordering::Relaxed);
        let (node, incarnation) = (self.name.clone(), self.incarnation);
        let (leased, users) = (self.leased.clone(), users.collect());
        let registering = register(directory, node, incarnation, users, leased);
        let process = self.process.as_ref().unwrap();
        within_patience("registering", process.handle.spawn(registering)).await.unwrap();
    }

    /// Lets the lease lapse.
    pub(crate) fn stop_renewing(&self) {
        self.leased.store(false, Ordering::Relaxed);
    }

    /// Dies without a message: its tasks end where they are, and its socket is closed.
    pub(crate) async fn kill(mut self) -> Incarnation {
        self.process.take().unwrap().end().await;
        self.incarnation
    }

    /// Closes the connection without a message.
    pub(crate) fn disconnect(&self) {
        self.connection.close(VarInt::from_u32(0), b"");
        self.endpoint.close(VarInt::from_u32(0), b"");
    }
}

/// Asserts that a message and its receipt are forwarded.
pub(crate) async fn assert_forwards(a: &mut FakeNode, b: &mut FakeNode) {
    a.write(0, &message(b.incarnation, 1, b"{}")).await;
    let arrival = b.next_batch().await;
    assert_eq!((arrival.header.kind, arrival.header.peer), (BatchKind::Messages, a.incarnation));
    b.write(RECEIPT_LANE, &receipt(a.incarnation, 1)).await;
    let arrival = a.next_batch().await;
    assert_eq!((arrival.header.kind, arrival.header.peer), (BatchKind::Receipts, b.incarnation));
}
