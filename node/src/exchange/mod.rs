//! The data path: sessions, custody, routes and the link's lanes, on one thread and without locks.
//!
//! Tasks call in when they have read something; what is to be written gathers in buffers. A flush
//! then writes each touched buffer once. It runs when every task that had something to read has
//! had its turn, so that a busy node writes large chunks and an idle one loses no time.

mod batches;
mod delivery;
mod floor;
mod latency;
mod outbound;
mod sessions;

pub(crate) use sessions::{Farewell, Seat, SessionKey};

use std::{
    cell::RefCell,
    hash::BuildHasher,
    io,
    rc::Rc,
    task::{Context, Poll, ready},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use foldhash::fast::FixedState;
use tokio::{net::tcp::OwnedWriteHalf, select, sync::Notify, task, time};
use tracing::debug;
use trunkline_directory::{Directory, Place, Registrar, Registration};
use trunkline_link::Lane;
use trunkline_protocol::{
    Incarnation, Name, User,
    client::{self, ErrorCode, close},
    control::{Member, MemberState},
    lane::{BadLane, Batch, Kind, MESSAGE_LANES, Message, Notice, Receipt, Verdict},
    status::Load,
};

use self::{
    floor::{Floor, Sent},
    sessions::Seats,
};
use crate::{
    custody::{Custody, Fate, Here, Limits, LookUpFailed, Party},
    defaults::{
        LOOK_UPS_MAX, PING_EVERY, RECEIPT_DELAY, ROUTE_LIFE, SESSION_BYTES_MAX,
        SESSION_RECEIPT_BYTES_MAX, SLOW_AFTER, TICK,
    },
};

/// A WebSocket ping without a payload.
const PING_FRAME: [u8; 2] = [0x89, 0x00];

/// The handle to the data path. Cheap to clone; stays on its thread.
#[derive(Clone, Debug)]
pub(crate) struct Exchange(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    state: RefCell<State>,
    directory: Directory,
    /// Something waits to be flushed or asked.
    work: Notify,
    /// Custody has something that comes due.
    dues: Notify,
}

/// The state behind the handle.
#[derive(Debug)]
pub(crate) struct State {
    custody: Custody<Sent>,
    floor: Floor,
    seats: Seats,
    registrar: Registrar,
    members: Vec<Member>,
    sessions_per_user: usize,
    look_ups: usize,
    refused_seats: u64,
}

/// What a node is told about itself when it starts.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) name: Name,
    pub(crate) incarnation: Incarnation,
    pub(crate) capacity: u32,
    pub(crate) sessions_per_user: usize,
    pub(crate) limits: Limits,
    pub(crate) directory: Directory,
    pub(crate) registrar: Registrar,
}

impl Exchange {
    pub(crate) fn new(setup: Setup) -> Self {
        let state = State {
            custody: Custody::new(setup.limits),
            floor: Floor::new(setup.name, setup.incarnation),
            seats: Seats::new(setup.capacity),
            registrar: setup.registrar,
            members: Vec::new(),
            sessions_per_user: setup.sessions_per_user,
            look_ups: 0,
            refused_seats: 0,
        };
        Self(Rc::new(Shared {
            state: RefCell::new(state),
            directory: setup.directory,
            work: Notify::new(),
            dues: Notify::new(),
        }))
    }

    /// Lets the caller do something with the state, and sees to it that what follows is done.
    ///
    /// # Panics
    /// If the caller comes back here before it has returned.
    pub(crate) fn turn<T>(&self, action: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.0.state.borrow_mut();
        let now = time::Instant::now().into_std();
        let result = action(&mut state, now);
        state.settle(now);
        if state.has_work() {
            self.0.work.notify_one();
        }
        if state.custody.next_tick().is_some() {
            self.0.dues.notify_one();
        }
        result
    }

    /// Flushes what has gathered, each time there is something and everyone else had a turn.
    ///
    /// Receipts go with whatever else goes to other nodes, or after [`RECEIPT_DELAY`] without it:
    /// alone they would cost as much as the messages they answer.
    pub(crate) async fn flush_on_work(self) {
        let due = time::sleep(RECEIPT_DELAY);
        let mut due = std::pin::pin!(due);
        let mut waiting = false;
        loop {
            let receipts = select! {
                biased;
                () = &mut due, if waiting => true,
                () = self.0.work.notified() => false,
            };
            let still_waiting = self.flush(receipts);
            if still_waiting && !waiting {
                due.as_mut().reset(time::Instant::now() + RECEIPT_DELAY);
            }
            waiting = still_waiting;
        }
    }

    /// Returns whether receipts wait to go with something else.
    fn flush(&self, receipts: bool) -> bool {
        let (questions, waiting) = {
            let mut state = self.0.state.borrow_mut();
            let waiting = state.flush(time::Instant::now().into_std(), receipts);
            (state.take_questions(), waiting)
        };
        for user in questions {
            task::spawn_local(self.clone().look_up(user));
        }
        waiting
    }

    /// Ends what is due, for as long as anything can come due.
    pub(crate) async fn tick_on_dues(self) {
        loop {
            self.0.dues.notified().await;
            time::sleep(TICK).await;
            self.turn(|state, now| state.custody.tick(now, &mut state.floor));
        }
    }

    async fn look_up(self, user: User) {
        let answer = self.0.directory.look_up(&user).await;
        let answer = answer.inspect_err(|error| debug!(%user, %error, "a look-up failed"));
        self.turn(|state, now| {
            state.look_ups -= 1;
            let nodes: Result<Vec<_>, _> = match answer {
                Ok(places) => Ok(places.into_iter().map(|(_, incarnation)| incarnation).collect()),
                Err(_) => Err(LookUpFailed),
            };
            let nodes = nodes.as_deref().map_err(|failed| *failed);
            state.custody.routed(now, &mut state.floor, &user, nodes);
        });
    }
}

/// What is gathered and done at the end of a turn.
impl State {
    /// Lets custody know what this node's own sessions have answered.
    fn settle(&mut self, now: Instant) {
        while let Some(receipt) = self.floor.answers.pop_front() {
            self.custody.answered(now, &mut self.floor, Party::Here, receipt);
        }
    }

    fn has_work(&self) -> bool {
        !self.floor.touched.is_empty()
            || !self.floor.questions.is_empty()
            || self.floor.batches.has_unsealed()
    }

    /// Writes each touched buffer once; what that sets off for other sessions goes at once too.
    /// Returns whether receipts for other nodes are held back, which they are not with `receipts`.
    fn flush(&mut self, now: Instant, receipts: bool) -> bool {
        while !self.floor.touched.is_empty() {
            let mut touched = std::mem::take(&mut self.floor.touched);
            for key in touched.drain(..) {
                // A socket that is full or broken is its own task's business.
                if !matches!(self.floor.flush_session(key, now), Ok(true)) {
                    self.wake(key);
                }
            }
            self.settle(now);
            if self.floor.touched.is_empty() {
                self.floor.touched = touched;
                break;
            }
        }
        self.floor.batches.flush(receipts)
    }

    fn take_questions(&mut self) -> Vec<User> {
        let now = self.floor.questions.len().min(LOOK_UPS_MAX - self.look_ups);
        self.look_ups += now;
        self.floor.questions.drain(..now).collect()
    }

    fn wake(&mut self, key: SessionKey) {
        if let Some(session) = self.floor.sessions.get_mut(key) {
            session.wake();
        }
    }
}

/// What a session's task calls.
impl State {
    /// Takes a seat, unless all are taken.
    pub(crate) fn take_seat(&mut self) -> Option<Seat> {
        let seat = self.seats.take();
        self.refused_seats += u64::from(seat.is_none());
        seat
    }

    /// Lets nobody take a seat any more, because the node is leaving.
    pub(crate) fn close_seats(&mut self) {
        self.seats.close();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.seats.are_closed()
    }

    /// A connection was upgraded.
    pub(crate) fn open(&mut self, socket: OwnedWriteHalf) -> SessionKey {
        self.floor.sessions.open(socket)
    }

    /// The session's socket is about to be closed: whatever waits for it is taken back.
    pub(crate) fn close(&mut self, key: SessionKey) {
        self.log_out(key);
        self.floor.take_back(key, true);
        self.floor.sessions.close(key);
    }

    /// Asks the directory to register a login. [`Self::finish_login`] has to follow.
    pub(crate) fn start_login(&mut self, user: &User) -> Registration {
        self.floor.sessions.start_login(user);
        self.registrar.want(user)
    }

    /// Welcomes a session whose login was registered, and ends those whose place it takes. `others`
    /// are the user's other nodes; `None` if the registration has failed.
    pub(crate) fn finish_login(&mut self, key: SessionKey, user: &User, others: Option<&[Place]>) {
        self.floor.sessions.end_login(user);
        if let (Some(others), true) = (others, self.floor.sessions.get(key).is_some()) {
            self.replace_oldest(user);
            let id = format!("{}-{key}", self.floor.incarnation);
            let node = self.floor.name.clone();
            self.floor.write(key, |out| client::welcome(out, user, &id, &node));
            self.floor.sessions.log_in(key, user);
            self.notify_others(user, others);
        }
        self.forget_if_absent(user);
    }

    /// A session sends a message. `to` is a valid user key, `id` a valid send id.
    pub(crate) fn send(&mut self, now: Instant, key: SessionKey, id: &str, to: &str, body: &[u8]) {
        let Some(session) = self.floor.sessions.get_mut(key) else { return };
        let Some(from) = &session.user else { return };
        let message = Message {
            seq: self.custody.next_seq(),
            sent_at_ms: unix_ms(),
            to,
            from: from.as_str(),
            body,
        };
        let mut frame = Vec::with_capacity(message.encoded_bytes());
        message.encode(&mut frame);
        let sent = Sent {
            session: key,
            id: id.into(),
            origin: self.floor.incarnation,
            accepted_at: now,
            lane: lane_of(to),
            frame,
        };
        session.owed_bytes += sent.receipt_bytes();
        self.floor.counters.accepted += 1;
        self.custody.accept(now, &mut self.floor, to, sent);
    }

    pub(crate) fn error(
        &mut self,
        key: SessionKey,
        code: ErrorCode,
        reason: &str,
        id: Option<&str>,
    ) {
        self.floor.write_error(key, code, reason, id);
    }

    /// Appends a WebSocket frame that is already whole.
    pub(crate) fn write_raw(&mut self, key: SessionKey, frame: &[u8]) {
        let Some(session) = self.floor.sessions.get_mut(key) else { return };
        session.outbound.raw(&mut self.floor.pool, frame);
        self.floor.touch(key);
    }

    /// The client has been heard.
    pub(crate) fn heard(&mut self, key: SessionKey, now: Instant) {
        if let Some(session) = self.floor.sessions.get_mut(key) {
            session.heard_at = now;
        }
    }

    /// Whether the session may be read: every receipt that its next send could cause has room.
    pub(crate) fn may_read(&self, key: SessionKey) -> bool {
        self.floor.sessions.get(key).is_some_and(|session| {
            session.owed_bytes + session.outbound.queued()
                < SESSION_BYTES_MAX + SESSION_RECEIPT_BYTES_MAX
        })
    }

    /// Why the session is to end, if it is. Else has the task of `cx` woken when it is.
    pub(crate) fn poll_farewell(&mut self, key: SessionKey, cx: &Context<'_>) -> Poll<Farewell> {
        let Some(session) = self.floor.sessions.get_mut(key) else { return Poll::Pending };
        match &session.farewell {
            Some(farewell) => Poll::Ready(farewell.clone()),
            None => {
                session.register(cx);
                Poll::Pending
            }
        }
    }

    /// Writes on what a full socket has left waiting. Ready when nothing waits any more.
    pub(crate) fn poll_flush(
        &mut self,
        key: SessionKey,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let Some(session) = self.floor.sessions.get_mut(key) else {
                return Poll::Ready(Ok(()));
            };
            session.register(cx);
            if session.outbound.queued() == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(session.socket.as_ref().poll_write_ready(cx))?;
            self.floor.flush_session(key, now)?;
        }
    }

    /// Has the session end, for the reason that its client is told.
    pub(crate) fn end_session(&mut self, key: SessionKey, code: u16, reason: impl Into<String>) {
        self.floor.end_session(key, Farewell { code, reason: reason.into() });
    }

    /// The session gets no more messages. One that reads too slowly also loses those that wait.
    pub(crate) fn retire(&mut self, key: SessionKey, farewell: &Farewell) {
        self.log_out(key);
        if farewell.code == close::TOO_SLOW {
            self.floor.take_back(key, false);
        }
    }

    fn log_out(&mut self, key: SessionKey) {
        if let Some(user) = self.floor.sessions.log_out(key) {
            self.forget_if_absent(&user);
        }
    }

    fn forget_if_absent(&mut self, user: &User) {
        if !self.floor.sessions.has(user) {
            self.registrar.unwant(user);
        }
    }

    fn replace_oldest(&mut self, user: &User) {
        let sessions = self.floor.sessions.of(user.as_str());
        let too_many = (sessions.len() + 1).saturating_sub(self.sessions_per_user);
        for &oldest in &sessions[..too_many] {
            self.end_session(oldest, close::REPLACED, "replaced by a newer session of this user");
            // The user stays: another session is about to be theirs.
            self.floor.sessions.log_out(oldest);
        }
    }

    fn notify_others(&mut self, user: &User, others: &[Place]) {
        let notice = Notice { user: user.as_str(), replaces: self.sessions_per_user == 1 };
        for (_, node) in others {
            self.floor.batches.notice(*node, notice);
        }
    }
}

/// What the link calls.
impl State {
    pub(crate) fn link_up(&mut self, now: Instant, lanes: Vec<Lane>) {
        self.floor.batches.link_up(lanes);
        self.custody.link_up(now, &mut self.floor);
    }

    pub(crate) fn link_lost(&mut self, now: Instant) {
        if let Some(handed) = self.floor.batches.link_lost() {
            self.custody.link_lost(now, &mut self.floor, handed);
        }
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.floor.batches.is_up()
    }

    /// A batch has arrived.
    pub(crate) fn batch(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let header = batch.header;
        let seqs = header.first..=header.first.saturating_add(header.span.into());
        let refused = |fate| (header.peer, header.batch, seqs, fate);
        let (node, number, seqs, fate) = match header.kind {
            Kind::Messages => return self.messages(now, batch),
            Kind::Receipts => return self.receipts(now, batch),
            Kind::Notices => return self.notices(now, batch),
            Kind::RefusedFull => refused(Fate::Full),
            Kind::RefusedGone => refused(Fate::NotReached),
        };
        self.custody.refused(now, &mut self.floor, node, number, seqs, fate);
        Ok(())
    }

    fn messages(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let origin = batch.header.peer;
        for message in batch.messages() {
            let message = message?;
            let route_old = self.floor.is_elsewhere(message.to, now);
            let verdict = match self.floor.deliver(origin, &message, route_old) {
                Here::Waiting => continue,
                Here::Full => Verdict::Full,
                Here::Nobody => {
                    self.disown(message.to);
                    Verdict::NotHere
                }
            };
            let seq = message.seq;
            self.floor.answer(origin, Receipt { seq, verdict, route_old, missed: 0 });
        }
        Ok(())
    }

    /// Somebody was told that a user is here who is not.
    fn disown(&mut self, user: &str) {
        let user: User = user.parse().expect("the frame's decoder has checked it");
        if !self.floor.sessions.has(&user) {
            self.registrar.disown(&user);
        }
    }

    fn receipts(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        let party = Party::Node(batch.header.peer);
        for receipt in batch.receipts() {
            self.custody.answered(now, &mut self.floor, party, receipt?);
        }
        Ok(())
    }

    fn notices(&mut self, now: Instant, batch: Batch<'_>) -> Result<(), BadLane> {
        for notice in batch.notices() {
            let Notice { user, replaces } = notice?;
            let Some((user, sessions)) = self.floor.sessions.user(user) else { continue };
            self.floor.note_elsewhere(user, now);
            for key in sessions.into_iter().filter(|_| replaces) {
                self.end_session(key, close::REPLACED, "replaced by a newer session elsewhere");
                self.log_out(key);
            }
        }
        Ok(())
    }

    /// The relay has told who the nodes are.
    pub(crate) fn set_members(&mut self, now: Instant, members: Vec<Member>) {
        let reachable =
            |member: &Member| !matches!(member.state, MemberState::Dead | MemberState::Left);
        let stays = |gone: &Member| {
            members.iter().any(|member| member.incarnation == gone.incarnation && reachable(member))
        };
        let before = std::mem::take(&mut self.members);
        for gone in before.iter().filter(|member| reachable(member) && !stays(member)) {
            self.custody.gone(now, gone.incarnation);
            self.floor.batches.forget(gone.incarnation);
        }
        self.floor.rebuilding = members.iter().any(|member| member.rebuilding);
        self.members = members;
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Ends every session of a user, by an operator's command.
    pub(crate) fn end_user(&mut self, user: &User) -> usize {
        let sessions = self.floor.sessions.of(user.as_str());
        for &key in &sessions {
            self.end_session(key, close::ENDED, "ended by an operator");
        }
        sessions.len()
    }
}

/// What goes on around the data path.
impl State {
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.floor.incarnation
    }

    /// The node goes on as another incarnation.
    pub(crate) fn reincarnate(&mut self, incarnation: Incarnation) {
        self.floor.reincarnate(incarnation);
        self.registrar.reincarnate(incarnation);
    }

    /// How many connections there are, and how many sends without an outcome.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.seats.taken(), self.custody.pending())
    }

    pub(crate) fn session_keys(&self) -> Vec<SessionKey> {
        self.floor.sessions.keys()
    }

    /// Pings sessions, and ends those that are silent or read too slowly.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.floor.elsewhere.retain(|_, since| now < *since + ROUTE_LIFE);
        for key in self.floor.sessions.keys() {
            let Some(session) = self.floor.sessions.get_mut(key) else { continue };
            let quiet = now.saturating_duration_since(session.heard_at);
            let blocked = session.outbound.blocked_since();
            if blocked.is_some_and(|since| since + SLOW_AFTER <= now) {
                self.floor.counters.ended_slow += 1;
                self.end_session(key, close::TOO_SLOW, "this client reads too slowly");
            } else if quiet >= 2 * PING_EVERY {
                self.end_session(key, close::POLICY, "no answer to two pings");
            } else if quiet >= PING_EVERY && session.pinged_at + PING_EVERY <= now {
                session.pinged_at = now;
                self.write_raw(key, &PING_FRAME);
            }
        }
    }

    /// What the relay and the metrics are told. Latencies are those since the last call.
    pub(crate) fn load(&mut self) -> Load {
        let Self { custody, floor, seats, .. } = self;
        let (counts, standing) = (self.registrar.counts(), *self.registrar.standing().borrow());
        let counters = &floor.counters;
        Load {
            sessions: floor.sessions.logged_in() as u32,
            seats: seats.taken() as u32,
            users: floor.sessions.users() as u32,
            rebuilding: standing.rebuilding,
            redis: !standing.redis_away,
            accepted: counters.accepted,
            delivered_locally: counters.delivered_here,
            delivered_from_links: counters.delivered_from_links,
            outcomes: counters.outcomes,
            untold: counters.untold,
            pending: custody.pending() as u32,
            pending_bytes: custody.pending_bytes() as u64,
            lane_bytes: floor.batches.queued_bytes() as u64,
            session_bytes: floor.sessions.queued_bytes() as u64,
            receipts_dropped: floor.batches.receipts_dropped(),
            refused_full: counters.refused_full,
            ended_slow: counters.ended_slow,
            refused_seats: self.refused_seats,
            look_ups: counters.look_ups,
            ghosts: counts.ghosts_removed,
            latency: floor.latencies.report(),
            ..Load::default()
        }
    }
}

fn lane_of(user: &str) -> u8 {
    (FixedState::default().hash_one(user) % MESSAGE_LANES as u64) as u8
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
