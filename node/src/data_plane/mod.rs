//! The data path: sessions, custody, routes and the link's lanes, on one thread and without locks.
//!
//! Tasks call in when they have read something; what is to be written gathers in buffers. A flush
//! then writes each touched buffer once. It runs when every task that had something to read has
//! had its turn, so that a busy node writes large chunks and an idle one loses no time.

mod batches;
mod clients;
mod delivery;
mod floor;
mod latency;
mod message_pool;
mod outbound;
mod sessions;
mod state;
mod tracer;
mod trunk;

pub(crate) use sessions::{CloseReason, ConnectionSlot, SessionKey};
pub(crate) use state::DataPlaneState;

use std::{
    cell::RefCell,
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    select,
    sync::{Notify, mpsc},
    task, time,
};
use tracing::debug;
use trunkline_directory::Registrar;
use trunkline_protocol::{Incarnation, Name, User, control::ToRelay};

use crate::{
    custody::Limits,
    defaults::{RECEIPT_DELAY, TICK},
};

/// The handle to the data path. Cheap to clone; stays on its thread.
#[derive(Clone, Debug)]
pub(crate) struct DataPlane(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    state: RefCell<DataPlaneState>,
    registrar: Registrar,
    /// Something waits to be flushed or asked.
    work: Notify,
    /// Custody has something that comes due.
    dues: Notify,
}

/// What a node is told about itself when it starts.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) name: Name,
    pub(crate) incarnation: Incarnation,
    pub(crate) capacity: u32,
    pub(crate) sessions_per_user: usize,
    /// See [`NodeConfig::ping_interval`](crate::NodeConfig::ping_interval).
    pub(crate) ping_interval: Duration,
    pub(crate) limits: Limits,
    pub(crate) registrar: Registrar,
    /// What is to be told to the relay.
    pub(crate) outbox: mpsc::Sender<ToRelay>,
}

impl DataPlane {
    pub(crate) fn new(setup: Setup) -> Self {
        Self(Rc::new(Shared {
            registrar: setup.registrar.clone(),
            state: RefCell::new(DataPlaneState::new(setup)),
            work: Notify::new(),
            dues: Notify::new(),
        }))
    }

    /// Lets the caller do something with the state, and sees to it that what follows is done.
    ///
    /// # Panics
    /// If the caller comes back here before it has returned.
    pub(crate) fn turn<T>(&self, action: impl FnOnce(&mut DataPlaneState, Instant) -> T) -> T {
        let mut state = self.0.state.borrow_mut();
        let now = state.begin_turn();
        let result = action(&mut state, now);
        state.settle(now);
        if state.has_work() {
            self.0.work.notify_one();
        }
        if state.has_dues() {
            self.0.dues.notify_one();
        }
        result
    }

    /// Flushes what has gathered, each time there is something and everyone else had a turn.
    ///
    /// Receipts go with whatever else goes to other nodes, or after [`RECEIPT_DELAY`] without it:
    /// alone they would cost as much as the messages they answer.
    pub(crate) async fn flush_on_work(self) {
        let mut due = pin!(time::sleep(RECEIPT_DELAY));
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
            let now = state.begin_turn();
            let waiting = state.flush(now, receipts);
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
            self.turn(DataPlaneState::tick);
        }
    }

    async fn look_up(self, user: User) {
        let answer = self.0.registrar.look_up(&user).await;
        let answer = answer.inspect_err(|error| debug!(%user, %error, "a look-up failed"));
        self.turn(|state, now| state.looked_up(now, &user, answer.ok()));
    }
}
