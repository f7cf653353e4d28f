//! The link to the relay: dialled, greeted, kept alive, and dialled again when it is lost.

use std::{io, net::SocketAddr, time::Duration};

use quinn::{Connection, ConnectionError, VarInt};
use thiserror::Error;
use tokio::{
    select,
    sync::mpsc,
    task::JoinSet,
    time::{self, MissedTickBehavior},
};
use tracing::{debug, info, warn};
use trunkline_certs::RELAY_SERVER_NAME;
use trunkline_link::{
    ControlError, ControlReader, ControlWriter, DialError, Dialer, Lane, LaneClosed, LaneError,
    LaneReader, close_code,
    defaults::{
        HANDSHAKE_TIMEOUT, HEARTBEAT, MESSAGE_LANE_BYTES_MAX, RECEIPT_LANE_BYTES_MAX, SILENCE,
    },
};
use trunkline_ops::{DialAddress, LogThrottle};
use trunkline_protocol::{
    control::{self, Hello, ToNode, ToRelay},
    lane::{BadLane, LANES, RECEIPT_LANE},
};

use crate::{
    data_plane::DataPlane,
    defaults::{REDIAL_MAX, REDIAL_MIN},
};

/// The priority of the control stream among the link's streams.
const CONTROL_PRIORITY: i32 = 2;

/// The priority of the lane of receipts.
const RECEIPT_PRIORITY: i32 = 1;

type Writer = ControlWriter<quinn::SendStream, ToRelay>;
type Reader = ControlReader<quinn::RecvStream, ToNode>;

/// What the relay wants of the node, beyond the link itself.
#[derive(Debug)]
pub(crate) enum Order {
    /// Leave.
    Drain,
    /// The incarnation was judged dead: take another.
    Condemned,
}

/// Another living process has this node's name.
#[derive(Debug, Error)]
#[error("another living node has this name: give each node a --name of its own")]
pub struct NameTaken;

/// Why a link ended.
#[derive(Debug, Error)]
enum LinkError {
    #[error("cannot resolve the relay's address: {0}")]
    Resolve(#[from] io::Error),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("a lane from the relay: {0}")]
    Lane(#[from] LaneError),
    #[error("a lane from the relay: {0}")]
    Malformed(#[from] BadLane),
    #[error(transparent)]
    LaneClosed(#[from] LaneClosed),
    #[error("the relay does not answer in time")]
    Silent,
    #[error("the relay ended the control stream")]
    Ended,
    #[error("the relay did not answer the hello with a welcome, but with {0:?}")]
    NotWelcome(Box<ToNode>),
    #[error("the relay speaks version {0} of the control protocol, this node {version}", version = control::CONTROL_VERSION)]
    Version(u16),
}

/// The link, and what it says of this node.
pub(crate) struct Link {
    pub(crate) dialer: Dialer,
    /// Where the relay is.
    pub(crate) relay: DialAddress,
    /// The node's hello, but for the incarnation, which changes.
    pub(crate) hello: Hello,
    pub(crate) data_plane: DataPlane,
    /// What is to be told to the relay.
    pub(crate) outbox: mpsc::Receiver<ToRelay>,
    /// What the relay orders.
    pub(crate) orders: mpsc::Sender<Order>,
    /// The bye was said: there is no coming back.
    pub(crate) left: bool,
    /// Keeps a relay that is away from filling the log.
    pub(crate) log_throttle: LogThrottle,
    /// The loss of the last link was logged, so its successor will be.
    pub(crate) loss_logged: bool,
}

impl Link {
    /// Keeps a link to the relay until the bye was said on it.
    ///
    /// # Errors
    /// If another living process has this node's name.
    pub(crate) async fn run(mut self) -> Result<(), NameTaken> {
        let mut pause = REDIAL_MIN;
        loop {
            let (linked, error) = match self.dial().await {
                Ok(connected) => (true, self.serve(connected).await),
                Err(error) => (false, error),
            };
            self.data_plane.turn(|state, now| state.link_lost(now));
            if self.left {
                return Ok(());
            }
            match closed_with(&error) {
                Some(close_code::NAME_TAKEN) => return Err(NameTaken),
                Some(close_code::DECLARED_DEAD) => self.order(Order::Condemned),
                _ => {}
            }
            pause = if linked { REDIAL_MIN } else { (2 * pause).min(REDIAL_MAX) };
            self.log_loss(&error);
            time::sleep(jittered(pause)).await;
        }
    }

    /// A connection that the relay has welcomed.
    async fn dial(&mut self) -> Result<Connected, LinkError> {
        let mut addresses = self.relay.resolve().await?;
        loop {
            let (connection, address) = self.dialer.dial(&addresses, RELAY_SERVER_NAME).await?;
            let greeted = time::timeout(HANDSHAKE_TIMEOUT, self.greet(connection, address)).await;
            match greeted.unwrap_or(Err(LinkError::Silent)) {
                // Something else answers there; a relay that turns us away says why.
                Err(error) if addresses.len() > 1 && closed_with(&error).is_none() => {
                    debug!(%address, %error, "no relay at this address: trying the others");
                    addresses.retain(|&other| other != address);
                }
                greeted => return greeted,
            }
        }
    }

    fn log_loss(&mut self, error: &LinkError) {
        let line = self.log_throttle.admit(&error.to_string());
        self.loss_logged = line.is_some();
        if let Some(line) = line {
            let (relay, suppressed) = (&self.relay, line.suppressed);
            warn!(%relay, %error, suppressed, "no link to the relay: dialling again");
        }
    }

    async fn greet(
        &mut self,
        connection: Connection,
        address: SocketAddr,
    ) -> Result<Connected, LinkError> {
        let (sending, receiving) = connection.open_bi().await?;
        let _ = sending.set_priority(CONTROL_PRIORITY);
        let (mut writer, mut reader) = (Writer::new(sending), Reader::new(receiving));
        writer.write(&self.hello()).await?;
        let answer = reader.read().await;
        let answer = answer.map_err(|error| closed_or(&connection, error))?;
        match answer.ok_or(LinkError::Ended)? {
            ToNode::Welcome { version, relay } if version == control::CONTROL_VERSION => {
                if self.loss_logged {
                    info!(%relay, %address, "linked");
                }
                Ok(Connected { connection, writer, reader })
            }
            ToNode::Welcome { version, .. } => Err(LinkError::Version(version)),
            other => Err(LinkError::NotWelcome(Box::new(other))),
        }
    }

    fn hello(&self) -> ToRelay {
        let incarnation = self.data_plane.turn(|state, _| state.incarnation());
        ToRelay::Hello(Hello { incarnation, ..self.hello.clone() })
    }

    /// Runs a link to its end.
    async fn serve(&mut self, connected: Connected) -> LinkError {
        let Connected { connection, mut writer, mut reader } = connected;
        let mut lanes = JoinSet::new();
        if let Err(error) = self.open_lanes(&connection, &mut lanes).await {
            return error;
        }
        let served = self.converse(&mut writer, &mut reader, &mut lanes).await;
        let error = served.err().unwrap_or(LinkError::Ended);
        let error = closed_or(&connection, error);
        if matches!(error, LinkError::Control(ControlError::Malformed(_)) | LinkError::Lane(_)) {
            connection.close(close_code::MALFORMED, error.to_string().as_bytes());
        } else {
            connection.close(close_code::BYE, b"");
        }
        error
    }

    async fn open_lanes(
        &mut self,
        connection: &Connection,
        tasks: &mut JoinSet<LinkError>,
    ) -> Result<(), LinkError> {
        let mut lanes = Vec::with_capacity(LANES);
        for index in 0..LANES {
            let stream = connection.open_uni().await?;
            let receipts = index == RECEIPT_LANE;
            let _ = stream.set_priority(if receipts { RECEIPT_PRIORITY } else { 0 });
            let room = if receipts { RECEIPT_LANE_BYTES_MAX } else { MESSAGE_LANE_BYTES_MAX };
            let lane = Lane::new(room);
            lanes.push(lane.clone());
            tasks.spawn_local(async move {
                match lane.write_to(stream).await {
                    Ok(()) => LinkError::Ended,
                    Err(error) => error.into(),
                }
            });
        }
        for _ in 0..LANES {
            let reader = LaneReader::new(connection.accept_uni().await?);
            tasks.spawn_local(read_lane(self.data_plane.clone(), reader));
        }
        self.data_plane.turn(|state, now| state.link_up(now, lanes));
        Ok(())
    }

    /// Speaks on the control stream until something breaks.
    async fn converse(
        &mut self,
        writer: &mut Writer,
        reader: &mut Reader,
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
                    self.heard(message?.ok_or(LinkError::Ended)?).await
                }
                Some(error) = lanes.join_next() => {
                    return Err(error.unwrap_or(LinkError::Ended));
                }
                Some(message) = self.outbox.recv() => Some(self.completed(message)),
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

    /// A hello in the outbox stands for the hello of now.
    fn completed(&mut self, message: ToRelay) -> ToRelay {
        self.left |= matches!(message, ToRelay::Bye);
        if matches!(message, ToRelay::Hello(_)) { self.hello() } else { message }
    }

    /// Does what the relay says. Returns what it is to be answered.
    async fn heard(&mut self, message: ToNode) -> Option<ToRelay> {
        match message {
            ToNode::Probe { nonce } => return Some(ToRelay::Probed { nonce }),
            ToNode::Members { members, .. } => {
                self.data_plane.turn(|state, now| state.set_members(now, members));
            }
            ToNode::DeclaredDead { incarnation } => {
                if self.data_plane.turn(|state, _| state.incarnation()) == incarnation {
                    self.order(Order::Condemned);
                }
            }
            ToNode::Drain => self.order(Order::Drain),
            ToNode::EndUser { user } => {
                let sessions = self.data_plane.turn(|state, _| state.end_user(&user));
                info!(%user, sessions, "an operator has ended a user's sessions");
            }
            ToNode::Test { test, user, from } => {
                info!(%user, %from, "an operator sends a test message");
                self.data_plane.turn(|state, now| state.test(now, test, &user, &from));
            }
            ToNode::Welcome { .. } | ToNode::Heartbeat { .. } | ToNode::Unknown => {}
        }
        None
    }

    fn order(&self, order: Order) {
        // An order that finds the queue full has been given before.
        let _ = self.orders.try_send(order);
    }
}

struct Connected {
    connection: Connection,
    writer: Writer,
    reader: Reader,
}

async fn read_lane(data_plane: DataPlane, mut reader: LaneReader) -> LinkError {
    loop {
        let mut malformed = Ok(());
        let read = reader.read(|batch| {
            if malformed.is_ok() {
                malformed = data_plane.turn(|state, now| state.batch(now, batch));
            }
        });
        if let Err(error) = read.await {
            return error.into();
        }
        if let Err(error) = malformed {
            return error.into();
        }
    }
}

/// What a connection was closed with says more than the stream that broke with it.
fn closed_or(connection: &Connection, error: impl Into<LinkError>) -> LinkError {
    match connection.close_reason() {
        Some(reason) => reason.into(),
        None => error.into(),
    }
}

/// The code that the relay has closed the connection with, if it has.
fn closed_with(error: &LinkError) -> Option<VarInt> {
    match error {
        LinkError::Lost(ConnectionError::ApplicationClosed(close))
        | LinkError::Dial(DialError::Lost(ConnectionError::ApplicationClosed(close))) => {
            Some(close.error_code)
        }
        _ => None,
    }
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}
