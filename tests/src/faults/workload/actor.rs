use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{Door, NOBODY, Phase, Recorder, SLOW, Workload};
use trunkline_cli::http;
use trunkline_client::{Client, ClientError, Closed, Frame};

use crate::defaults::{FAULT_CLOSE_TIMEOUT, FAULT_DOZE_MAX, FAULT_LOGIN_TIMEOUT};

/// The close code of a session whose user has logged in anew.
const REPLACED: u16 = 4003;

/// How long a client waits for a frame: whole runs are shorter.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// How long a node may take to name others before a client tries its luck.
const NODES_TIMEOUT: Duration = Duration::from_millis(500);

/// What a flood consists of: more than a session's buffers hold.
const FLOOD_SENDS: usize = 80;
/// See [`FLOOD_SENDS`].
const FLOOD_BODY_BYTES: usize = 30 * 1024;

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Writes to everyone, and moves now and then.
    Talk,
    /// Does not read for seconds.
    Doze,
    /// Talks, and now and then writes to the dozing one more than that one's buffers hold.
    Flood,
}

/// One client of one user, over all its connections.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) user: &'static str,
    pub(super) habit: Habit,
    pub(super) doors: Arc<[Door]>,
    pub(super) recorder: Recorder,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) dice: Rng,
}

/// A connection that is logged in.
struct Session {
    client: Client,
    number: usize,
}

/// What a client does after a connection.
enum Next {
    /// It dials again after a pause.
    Dial(Duration),
    /// Another client of this user has taken its place: it dials again after a pause, if it has to.
    StayAway(Duration),
    /// It opens another session before it closes this one.
    Move(Box<Session>),
    /// It has left.
    Leave,
}

/// When a session does what.
struct Timers {
    sends: Instant,
    floods: Instant,
    leaves: Instant,
    /// Nothing is read until then.
    dozes: Instant,
    /// The next doze begins then.
    tires: Instant,
}

impl Actor {
    /// Dials and talks until everyone leaves.
    pub(super) async fn run(mut self) {
        let mut old = None;
        loop {
            let opened = self.open().await;
            if let Some(old) = old.take() {
                self.part(old).await;
            }
            let next = match opened {
                Ok(session) => self.converse(session).await,
                Err(pause) => Next::Dial(pause),
            };
            match next {
                Next::Leave => return,
                Next::Move(session) => old = Some(*session),
                Next::Dial(pause) => self.rest(pause).await,
                Next::StayAway(pause) => {
                    self.rest(pause).await;
                    while *self.phase.borrow() != Phase::Talk && self.has_another() {
                        self.rest(pause).await;
                        if *self.phase.borrow() == Phase::Leave {
                            return;
                        }
                    }
                }
            }
            if *self.phase.borrow() == Phase::Leave {
                return;
            }
        }
    }

    /// A pause, which is over early when everyone leaves.
    async fn rest(&mut self, pause: Duration) {
        let _ = timeout(pause, self.phase.wait_for(|phase| *phase == Phase::Leave)).await;
    }

    /// Whether the user has a session.
    fn has_another(&self) -> bool {
        self.recorder.open().contains_key(self.user)
    }

    /// Dials some node and logs in; else says how long to wait.
    async fn open(&mut self) -> Result<Session, Duration> {
        let door = self.choose().await;
        let number = self.recorder.opened(self.user, &door.node);
        let login = timeout(FAULT_LOGIN_TIMEOUT, log_in(&door.url, self.user)).await;
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
        self.recorder.welcomed(number, self.habit != Habit::Doze);
        Ok(Session { client, number })
    }

    /// Some node: often one that another one names.
    async fn choose(&mut self) -> Door {
        let doors = Arc::clone(&self.doors);
        let asked = &doors[self.dice.usize(..doors.len())];
        if self.dice.bool() {
            return asked.clone();
        }
        let answer = timeout(NODES_TIMEOUT, http::get(asked.address, "/nodes")).await;
        let named = answer.ok().and_then(Result::ok).and_then(|answer| first_url(&answer.body));
        doors.iter().find(|door| Some(&door.url) == named.as_ref()).unwrap_or(asked).clone()
    }

    /// Talks until the session ends, by whoever's wish.
    async fn converse(&mut self, session: Session) -> Next {
        let Session { client, number } = session;
        let mut client = client.with_patience(PATIENCE);
        let mut timers = self.timers();
        // What all do at present is news to a session that has just begun.
        let mut phase = Phase::Quiet;
        self.phase.mark_changed();
        loop {
            let (talks, now) = (phase == Phase::Talk, Instant::now());
            if talks && self.habit == Habit::Doze && timers.tires <= now {
                timers.dozes = now + self.millis(1_000..FAULT_DOZE_MAX.as_millis() as u64);
                timers.tires = timers.dozes + self.millis(500..1_500);
            }
            let reads = !talks || timers.dozes <= now;
            let done = tokio::select! {
                frame = client.next_frame(), if reads => match frame {
                    Ok(frame) => {
                        self.note(number, frame);
                        Ok(())
                    }
                    Err(error) => return self.after(client, number, error).await,
                },
                () = sleep_until(timers.dozes), if !reads => Ok(()),
                () = sleep_until(timers.leaves), if talks && reads => {
                    return self.leave(Session { client, number }).await;
                }
                () = sleep_until(timers.sends), if talks => {
                    timers.sends = now + self.millis(10..60);
                    self.talk(&mut client, number).await
                }
                () = sleep_until(timers.floods), if talks => {
                    timers.floods = now + self.millis(2_000..4_000);
                    self.flood(&mut client, number).await
                }
                _ = self.phase.changed() => {
                    phase = *self.phase.borrow_and_update();
                    match phase {
                        Phase::LastRound => self.write_to_all(&mut client, number).await,
                        Phase::Leave => {
                            self.part(Session { client, number }).await;
                            return Next::Leave;
                        }
                        Phase::Talk | Phase::Quiet => Ok(()),
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
        let never = now + PATIENCE;
        let floods = self.habit == Habit::Flood;
        let leaves = if floods { never } else { now + self.millis(1_000..8_000) };
        let floods = if floods { now + self.millis(200..2_000) } else { never };
        Timers { sends: now, floods, leaves, dozes: now, tires: now + self.millis(300..1_000) }
    }

    /// One send, or now and then several at once.
    async fn talk(&mut self, client: &mut Client, number: usize) -> Result<(), ClientError> {
        let count = if self.dice.u8(..20) == 0 { 20 } else { 1 };
        let users: Vec<_> = Workload::users().chain([NOBODY]).collect();
        let to = users[self.dice.usize(..users.len())];
        let bytes = self.dice.usize(..200);
        for _ in 0..count {
            self.write(client, number, to, bytes).await?;
        }
        Ok(())
    }

    async fn flood(&mut self, client: &mut Client, number: usize) -> Result<(), ClientError> {
        for _ in 0..FLOOD_SENDS {
            self.write(client, number, SLOW, FLOOD_BODY_BYTES).await?;
        }
        Ok(())
    }

    async fn write_to_all(&self, client: &mut Client, number: usize) -> Result<(), ClientError> {
        for user in Workload::users() {
            self.write(client, number, user, 0).await?;
        }
        Ok(())
    }

    async fn write(
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
            Frame::Welcome(_) | Frame::Error(_) => {
                self.recorder.strange(number, format!("this came: {frame:?}"));
            }
        }
    }

    /// Leaves of its own will, in one of the ways that clients do.
    async fn leave(&mut self, session: Session) -> Next {
        match self.dice.u8(..4) {
            0 => {
                self.recorder.ending(session.number, "dropped by the client");
                drop(session);
                Next::Dial(self.millis(0..500))
            }
            1 => {
                self.part(session).await;
                Next::Dial(self.millis(0..1_500))
            }
            _ => Next::Move(Box::new(session)),
        }
    }

    /// Closes a connection, and reads all that comes before the node's answer.
    async fn part(&self, session: Session) {
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

    /// The connection has ended: what now?
    async fn after(&mut self, mut client: Client, number: usize, error: ClientError) -> Next {
        self.recorder.ending(number, &error.to_string());
        let pause = self.pause_after(&error);
        match error {
            ClientError::Closed(Closed { code, .. }) => {
                self.recorder.ended_cleanly(number);
                // The node waits for this answer, but not for long.
                let _ = timeout(pause, client.socket().close(None)).await;
                if code == REPLACED { Next::StayAway(pause) } else { Next::Dial(pause) }
            }
            ClientError::Unknown { .. } | ClientError::Binary(_) => {
                self.recorder.strange(number, error.to_string());
                Next::Dial(pause)
            }
            _ => Next::Dial(pause),
        }
    }

    fn pause_after(&mut self, error: &ClientError) -> Duration {
        match error {
            ClientError::Closed(closed) if closed.code == REPLACED => self.millis(1_000..3_000),
            ClientError::Closed(closed) => closed.retry().unwrap_or(self.millis(100..600)),
            _ => self.millis(50..500),
        }
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.dice.u64(range))
    }
}

async fn log_in(url: &str, user: &str) -> Result<Client, ClientError> {
    let mut client = Client::connect(url).await?;
    client.say_login(user).await?;
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
