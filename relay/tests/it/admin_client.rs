//! A hand-made admin: one status stream.

use quinn::{Connection, Endpoint, SendStream};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use trunkline_certs::{Alpn, Role};
use trunkline_protocol::status::{
    AdminCommand, ClusterEvent, CommandRequest, EventKind, Snapshot, StatusLine, StatusRequest,
    Trace,
};

use crate::cluster::{TestCluster, name, within_patience};

pub(crate) struct AdminClient {
    pub(crate) connection: Connection,
    _endpoint: Endpoint,
    pub(crate) sending: SendStream,
    lines: Lines<BufReader<quinn::RecvStream>>,
    commands: u64,
}

impl AdminClient {
    pub(crate) async fn connect(cluster: &TestCluster, role: Role, interval_ms: u64) -> Self {
        let (endpoint, connection) = cluster.dial(role, "olga", Alpn::Admin).await.unwrap();
        Self::over(endpoint, connection, interval_ms).await
    }

    /// Opens the stream on a connection.
    pub(crate) async fn over(endpoint: Endpoint, connection: Connection, interval_ms: u64) -> Self {
        let (mut sending, receiving) = connection.open_bi().await.unwrap();
        send(&mut sending, &StatusRequest { interval_ms }).await;
        let lines = BufReader::new(receiving).lines();
        Self { connection, _endpoint: endpoint, sending, lines, commands: 0 }
    }

    pub(crate) async fn line(&mut self) -> StatusLine {
        let line = within_patience("a status line", self.lines.next_line()).await.unwrap();
        serde_json::from_str(&line.expect("the stream is open")).unwrap()
    }

    /// Waits for an event, and drops all other lines.
    pub(crate) async fn event(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&ClusterEvent) -> bool,
    ) -> ClusterEvent {
        let reading = async {
            loop {
                if let StatusLine::Event(event) = self.line().await
                    && wanted(&event)
                {
                    return event;
                }
            }
        };
        within_patience(what, reading).await
    }

    /// Waits for an event about a node.
    pub(crate) async fn event_of(
        &mut self,
        node: &str,
        kind: impl Fn(&EventKind) -> bool,
    ) -> ClusterEvent {
        let node = name(node);
        let wanted = |event: &ClusterEvent| event.node.as_ref() == Some(&node) && kind(&event.kind);
        self.event(&format!("an event of {node}"), wanted).await
    }

    /// Waits for a snapshot.
    pub(crate) async fn snapshot(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Snapshot) -> bool,
    ) -> Snapshot {
        let reading = async {
            loop {
                if let StatusLine::Snapshot(snapshot) = self.line().await
                    && wanted(&snapshot)
                {
                    return *snapshot;
                }
            }
        };
        within_patience(what, reading).await
    }

    /// Gives a command, and returns why it was refused, if it was.
    pub(crate) async fn command(&mut self, action: AdminCommand) -> Option<String> {
        let id = self.send_command(action).await;
        self.answer(id).await
    }

    /// Gives a command, and does not wait for its answer.
    pub(crate) async fn send_command(&mut self, action: AdminCommand) -> u64 {
        self.commands += 1;
        let id = self.commands;
        send(&mut self.sending, &CommandRequest { id, action }).await;
        id
    }

    pub(crate) async fn answer(&mut self, wanted: u64) -> Option<String> {
        self.answer_to(wanted).await.err()
    }

    /// The answer to a command: the trace, if it was a delivery test.
    pub(crate) async fn answer_to(&mut self, wanted: u64) -> Result<Option<Box<Trace>>, String> {
        loop {
            if let StatusLine::Answer { id, error, trace } = self.line().await {
                assert_eq!(id, wanted);
                return error.map_or(Ok(trace), Err);
            }
        }
    }
}

async fn send(stream: &mut SendStream, line: &impl serde::Serialize) {
    let mut text = serde_json::to_vec(line).unwrap();
    text.push(b'\n');
    stream.write_all(&text).await.unwrap();
}
