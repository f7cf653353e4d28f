//! The control stream: heartbeats, probes, and the other messages between node and relay.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    select,
    sync::mpsc,
    task::JoinSet,
    time::{self, MissedTickBehavior},
};
use tracing::info;
use trunkline_link::{
    ControlError, ControlReader, ControlWriter,
    defaults::{HEARTBEAT, SILENCE},
};
use trunkline_protocol::control::{Hello, ToNode, ToRelay};

use super::error::LinkError;
use crate::data_plane::DataPlane;

/// What the relay commands the node to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RelayCommand {
    /// Leave.
    Drain,
    /// Start a new incarnation: this one was declared dead.
    Reincarnate,
}

/// This node's end of the control stream, over one connection after the other.
pub(crate) struct LinkControl {
    pub(crate) data_plane: DataPlane,
    /// The node's hello. Its incarnation is replaced by the current one.
    pub(crate) hello: Hello,
    /// Control messages for the relay.
    pub(crate) outbox: mpsc::Receiver<ToRelay>,
    pub(crate) commands: mpsc::Sender<RelayCommand>,
    /// The bye was sent: there is no further link.
    pub(crate) said_bye: bool,
}

impl LinkControl {
    /// The hello of the current incarnation.
    pub(super) fn hello(&self) -> ToRelay {
        let incarnation = self.data_plane.turn(|state, _| state.incarnation());
        ToRelay::Hello(Hello { incarnation, ..self.hello.clone() })
    }

    /// Passes a command of the relay on to the node.
    pub(super) fn command(&self, command: RelayCommand) {
        // The queue is full only if the same command waits there already.
        let _ = self.commands.try_send(command);
    }

    /// Serves the control stream until it breaks or one of the link's `lanes` ends.
    pub(super) async fn serve<W: AsyncWrite + Unpin, R: AsyncRead + Unpin>(
        &mut self,
        writer: &mut ControlWriter<W, ToRelay>,
        reader: &mut ControlReader<R, ToNode>,
        lanes: &mut JoinSet<LinkError>,
    ) -> Result<(), LinkError> {
        let mut beat = time::interval(HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut heard = time::Instant::now();
        let mut seq = 0;
        loop {
            // Each arm is cancel-safe, and none of them waits: what is to be written is written
            // below. Reading comes first, so that probes are answered at once.
            let answer = select! {
                biased;
                message = reader.read() => {
                    heard = time::Instant::now();
                    self.handle(message?.ok_or(LinkError::Ended)?)
                }
                Some(error) = lanes.join_next() => {
                    return Err(error.unwrap_or(LinkError::Ended));
                }
                Some(message) = self.outbox.recv() => Some(self.outgoing(message)),
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err(LinkError::Silent);
                    }
                    seq += 1;
                    Some(ToRelay::Heartbeat { seq })
                }
            };
            if let Some(answer) = answer {
                time::timeout(SILENCE, writer.write(&answer))
                    .await
                    .map_err(|_| LinkError::Silent)?
                    .map_err(ControlError::from)?;
            }
        }
    }

    /// A hello in the outbox may be older than the current incarnation: the current one goes.
    fn outgoing(&mut self, message: ToRelay) -> ToRelay {
        self.said_bye |= matches!(message, ToRelay::Bye);
        if matches!(message, ToRelay::Hello(_)) { self.hello() } else { message }
    }

    /// Handles a message of the relay. Returns the answer, if it needs one.
    fn handle(&mut self, message: ToNode) -> Option<ToRelay> {
        match message {
            ToNode::Probe { nonce } => return Some(ToRelay::Probed { nonce }),
            ToNode::Members { members, .. } => {
                self.data_plane.turn(|state, now| state.set_members(now, members));
            }
            ToNode::DeclaredDead { incarnation } => {
                if self.data_plane.turn(|state, _| state.incarnation()) == incarnation {
                    self.command(RelayCommand::Reincarnate);
                }
            }
            ToNode::Drain => self.command(RelayCommand::Drain),
            ToNode::EndUser { user } => {
                let sessions = self.data_plane.turn(|state, _| state.end_user(&user));
                info!(%user, sessions, "an operator disconnects a user's sessions");
            }
            ToNode::Test { test, user, from } => {
                info!(%user, %from, "an operator sends a test message");
                self.data_plane.turn(|state, now| state.send_probe(now, test, &user, &from));
            }
            ToNode::Welcome { .. } | ToNode::Heartbeat { .. } | ToNode::Unknown => {}
        }
        None
    }
}
