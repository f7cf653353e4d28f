//! One client of the workload.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{NOBODY, NodeEndpoint, Recorder, SLOW, Workload, WorkloadPhase};
use trunkline_cli::http;
use trunkline_client::{Client, ClientError, Closed, Frame};

use crate::defaults::{FAULT_CLOSE_TIMEOUT, FAULT_LOGIN_TIMEOUT, SLOW_READER_PAUSE_MAX};

/// The close code of a session that a newer one of its user replaced.
const REPLACED: u16 = 4003;

/// How long a client waits for a frame: longer than any run.
const FRAME_TIMEOUT: Duration = Duration::from_secs(3_600);

/// How long a node may take to name others before a client dials any node.
const NODES_TIMEOUT: Duration = Duration::from_millis(500);

/// The size of a flood: more than a session's buffers hold.
const FLOOD_SENDS: usize = 80;
/// See [`FLOOD_SENDS`].
const FLOOD_BODY_BYTES: usize = 30 * 1024;

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behavior {
    /// Sends to everyone, and moves to other nodes.
    Chat,
    /// Stops reading for seconds at a time.
    ReadSlowly,
    /// Chats, and sometimes sends the slow reader more than its buffers hold.
    Flood,
}

/// One client of one user, over all its connections.
#[derive(Debug)]
pub(super) struct TestClient {
    pub(super) user: &'static str,
    pub(super) behavior: Behavior,
    pub(super) endpoints: Arc<[NodeEndpoint]>,
    pub(super) recorder: Recorder,
    pub(super) phase: watch::Receiver<WorkloadPhase>,
    pub(super) rng: Rng,
}

/// A connection that is logged in.
struct Session {
    client: Client,
    number: usize,
}

/// What a client does after a connection.
enum AfterConnection {
    /// Dial again after a pause.
    Dial(Duration),
    /// Another client of this user replaced it: dial again after a pause, if that is needed.
    StayAway(Duration),
    /// Open another session before closing this one.
    Move(Box<Session>),
    /// End: it has closed its connection.
    Stop,
}

/// When a session acts next.
struct Timers {
    sends: Instant,
    floods: Instant,
    leaves: Instant,
    /// It reads nothing until then.
    reads_from: Instant,
    /// The next pause of a slow reader.
    pauses: Instant,
}

impl TestClient {
    /// Runs until [`WorkloadPhase::Stop`].
    pub(super) async fn run(mut self) {
        let mut old = None;
        loop {
            let opened = self.open().await;
            if let Some(old) = old.take() {
                self.close(old).await;
            }
            let next = match opened {
                Ok(session) => self.converse(session).await,
                Err(pause) => AfterConnection::Dial(pause),
            };
            match next {
                AfterConnection::Stop => return,
                AfterConnection::Move(session) => old = Some(*session),
                AfterConnection::Dial(pause) => self.pause(pause).await,
                AfterConnection::StayAway(pause) => {
                    self.pause(pause).await;
                    while *self.phase.borrow() != WorkloadPhase::Active && self.has_another() {
                        self.pause(pause).await;
                        if *self.phase.borrow() == WorkloadPhase::Stop {
                            return;
                        }
                    }
                }
            }
            if *self.phase.borrow() == WorkloadPhase::Stop {
                return;
            }
        }
    }

    /// Waits; [`WorkloadPhase::Stop`] ends the wait early.
    async fn pause(&mut self, pause: Duration) {
        let _ = timeout(pause, self.phase.wait_for(|phase| *phase == WorkloadPhase::Stop)).await;
    }

    /// Whether the user has a session.
    fn has_another(&self) -> bool {
        self.recorder.open().contains_key(self.user)
    }

    /// Dials a node and logs in. The error is how long to wait.
    async fn open(&mut self) -> Result<Session, Duration> {
        let endpoint = self.choose().await;
        let number = self.recorder.opened(self.user, &endpoint.node);
        let login = timeout(FAULT_LOGIN_TIMEOUT, log_in(&endpoint.url, self.user)).await;
        let client = match login {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => {
                self.recorder.ending(number, &format!("no login: {error}"));
                return Err(self.pause_after(&error));
            }
            Err(_) => {
                self.recorder.ending(number, "no login in time");
                return Err(self.millis(50..300));
            }
        };
        self.recorder.welcomed(number, self.behavior != Behavior::ReadSlowly);
        Ok(Session { client, number })
    }

    /// A random node: half of the time one that another node names.
    async fn choose(&mut self) -> NodeEndpoint {
        let endpoints = Arc::clone(&self.endpoints);
        let asked = &endpoints[self.rng.usize(..endpoints.len())];
        if self.rng.bool() {
            return asked.clone();
        }
        let answer = timeout(NODES_TIMEOUT, http::get(asked.address, "/nodes")).await;
        let named = answer.ok().and_then(Result::ok).and_then(|answer| first_url(&answer.body));
        endpoints
            .iter()
            .find(|endpoint| Some(&endpoint.url) == named.as_ref())
            .unwrap_or(asked)
            .clone()
    }

    /// Acts until the session ends, on either side.
    async fn converse(&mut self, session: Session) -> AfterConnection {
        let Session { client, number } = session;
        let mut client = client.with_timeout(FRAME_TIMEOUT);
        let mut timers = self.timers();
        // A new session has to notice the current phase too.
        let mut phase = WorkloadPhase::Quiet;
        self.phase.mark_changed();
        loop {
            let (active, now) = (phase == WorkloadPhase::Active, Instant::now());
            if active && self.behavior == Behavior::ReadSlowly && timers.pauses <= now {
                timers.reads_from =
                    now + self.millis(1_000..SLOW_READER_PAUSE_MAX.as_millis() as u64);
                timers.pauses = timers.reads_from + self.millis(500..1_500);
            }
            let reads = !active || timers.reads_from <= now;
            let done = tokio::select! {
                frame = client.next_frame(), if reads => match frame {
                    Ok(frame) => {
                        self.note(number, frame);
                        Ok(())
                    }
                    Err(error) => return self.after(client, number, error).await,
                },
                () = sleep_until(timers.reads_from), if !reads => Ok(()),
                () = sleep_until(timers.leaves), if active && reads => {
                    return self.leave(Session { client, number }).await;
                }
                () = sleep_until(timers.sends), if active => {
                    timers.sends = now + self.millis(10..60);
                    self.chat(&mut client, number).await
                }
                () = sleep_until(timers.floods), if active => {
                    timers.floods = now + self.millis(2_000..4_000);
                    self.flood(&mut client, number).await
                }
                _ = self.phase.changed() => {
                    phase = *self.phase.borrow_and_update();
                    match phase {
                        WorkloadPhase::FinalRound => self.send_to_all(&mut client, number).await,
                        WorkloadPhase::Stop => {
                            self.close(Session { client, number }).await;
                            return AfterConnection::Stop;
                        }
                        WorkloadPhase::Active | WorkloadPhase::Quiet => Ok(()),
                    }
                }
            };
            if let Err(error) = done {
                return self.after(client, number, error).await;
            }
        }
    }

    fn timers(&mut self) -> Timers {
        let now = Instant::now();
        let never = now + FRAME_TIMEOUT;
        let floods = self.behavior == Behavior::Flood;
        let leaves = if floods { never } else { now + self.millis(1_000..8_000) };
        let floods = if floods { now + self.millis(200..2_000) } else { never };
        Timers {
            sends: now,
            floods,
            leaves,
            reads_from: now,
            pauses: now + self.millis(300..1_000),
        }
    }

    /// One send, or sometimes many at once.
    async fn chat(&mut self, client: &mut Client, number: usize) -> Result<(), ClientError> {
        let count = if self.rng.u8(..20) == 0 { 20 } else { 1 };
        let users: Vec<_> = Workload::users().chain([NOBODY]).collect();
        let to = users[self.rng.usize(..users.len())];
        let bytes = self.rng.usize(..200);
        for _ in 0..count {
            self.send(client, number, to, bytes).await?;
        }
        Ok(())
    }

    async fn flood(&mut self, client: &mut Client, number: usize) -> Result<(), ClientError> {
        for _ in 0..FLOOD_SENDS {
            self.send(client, number, SLOW, FLOOD_BODY_BYTES).await?;
        }
        Ok(())
    }

    async fn send_to_all(&self, client: &mut Client, number: usize) -> Result<(), ClientError> {
        for user in Workload::users() {
            self.send(client, number, user, 0).await?;
        }
        Ok(())
    }

    async fn send(
        &self,
        client: &mut Client,
        session: usize,
        to: &str,
        bytes: usize,
    ) -> Result<(), ClientError> {
        let number = self.recorder.sends(session, to);
        let filling = "x".repeat(bytes);
        let body = format!(r#"{{"session":{session},"number":{number},"filling":"{filling}"}}"#);
        client.send(&number.to_string(), to, &body).await
    }

    fn note(&self, number: usize, frame: Frame) {
        match frame {
            Frame::Message(message) => self.recorder.message(number, message),
            Frame::Receipt(receipt) => self.recorder.receipt(number, receipt),
            Frame::Welcome(_) | Frame::Error(_) | Frame::Refreshed(_) | Frame::Pong => {
                self.recorder.unexpected(number, format!("unexpected frame: {frame:?}"));
            }
        }
    }

    /// Ends the session in one of the ways that clients do.
    async fn leave(&mut self, session: Session) -> AfterConnection {
        match self.rng.u8(..4) {
            0 => {
                self.recorder.ending(session.number, "dropped by the client");
                drop(session);
                AfterConnection::Dial(self.millis(0..500))
            }
            1 => {
                self.close(session).await;
                AfterConnection::Dial(self.millis(0..1_500))
            }
            _ => AfterConnection::Move(Box::new(session)),
        }
    }

    /// Closes a connection, and reads everything up to the node's close.
    async fn close(&self, session: Session) {
        let Session { mut client, number } = session;
        self.recorder.ending(number, "closed by the client");
        let closing = async {
            let _ = client.socket().close(None).await;
            loop {
                match client.next_frame().await {
                    Ok(frame) => self.note(number, frame),
                    Err(ClientError::Closed(_)) => return self.recorder.ended_cleanly(number),
                    Err(_) => return,
                }
            }
        };
        let _ = timeout(FAULT_CLOSE_TIMEOUT, closing).await;
    }

    /// What to do after the connection has ended.
    async fn after(
        &mut self,
        mut client: Client,
        number: usize,
        error: ClientError,
    ) -> AfterConnection {
        self.recorder.ending(number, &error.to_string());
        let pause = self.pause_after(&error);
        match error {
            ClientError::Closed(Closed { code, .. }) => {
                self.recorder.ended_cleanly(number);
                // The node waits for this close, but not for long.
                let _ = timeout(pause, client.socket().close(None)).await;
                if code == REPLACED {
                    AfterConnection::StayAway(pause)
                } else {
                    AfterConnection::Dial(pause)
                }
            }
            ClientError::Malformed { .. } | ClientError::Binary(_) => {
                self.recorder.unexpected(number, error.to_string());
                AfterConnection::Dial(pause)
            }
            _ => AfterConnection::Dial(pause),
        }
    }

    fn pause_after(&mut self, error: &ClientError) -> Duration {
        match error {
            ClientError::Closed(closed) if closed.code == REPLACED => self.millis(1_000..3_000),
            ClientError::Closed(closed) => closed.retry_after().unwrap_or(self.millis(100..600)),
            _ => self.millis(50..500),
        }
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.u64(range))
    }
}

async fn log_in(url: &str, user: &str) -> Result<Client, ClientError> {
    let mut client = Client::connect(url).await?;
    client.send_login(user).await?;
    client.next_welcome().await?;
    Ok(client)
}

fn first_url(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Nodes {
        nodes: Vec<String>,
    }
    serde_json::from_str::<Nodes>(body).ok()?.nodes.into_iter().next()
}
