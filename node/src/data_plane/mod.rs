//! The data plane: sessions, custody, routes and the link's lanes, on one thread and without locks.
//!
//! Two inputs drive it: [session events](session_events) and [link events](link_events). Each is
//! handled in a [turn](DataPlane::turn), which runs to quiescence: custody and delivery exchange
//! receipts until nothing is left. What is to be written gathers in buffers, and a flush writes each
//! dirty buffer once. The flush runs when every task that had something to read has run, so that a
//! busy node writes large chunks and an idle one loses no time.
//!
//! The rooms: [`delivery`] (this node's sessions), [`links`] (other nodes), [`metrics`] and
//! [`tracer`]. [`environment`] shows them to custody.

mod delivery;
mod environment;
mod identity;
mod link_events;
mod links;
mod look_ups;
mod membership;
mod metrics;
mod pending_message;
mod replacements;
mod session_events;
mod slots;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod tracer;

pub(crate) use delivery::{CloseReason, SessionKey};
pub(crate) use slots::{ConnectionSlot, ConnectionSlots, GrantedSlot};
pub(crate) use state::{DataPlaneSetup, DataPlaneState};

use std::{cell::RefCell, pin::pin, rc::Rc, time::Instant};

use tokio::{select, sync::Notify, task::JoinSet, time};
use tracing::debug;
use trunkline_directory::Registrar;
use trunkline_protocol::User;

use self::replacements::Replacement;
use crate::defaults::{RECEIPT_DELAY, REGISTER_WITHIN, RETRY, TICK};

/// The handle to the data plane. Cheap to clone; stays on its thread.
#[derive(Clone, Debug)]
pub(crate) struct DataPlane(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    state: RefCell<DataPlaneState>,
    registrar: Registrar,
    /// A turn has left something to flush.
    flush_needed: Notify,
    /// Custody has something that comes due.
    tick_needed: Notify,
}

impl DataPlane {
    pub(crate) fn new(setup: DataPlaneSetup) -> Self {
        Self(Rc::new(Shared {
            registrar: setup.registrar.clone(),
            state: RefCell::new(DataPlaneState::new(setup)),
            flush_needed: Notify::new(),
            tick_needed: Notify::new(),
        }))
    }

    pub(crate) fn registrar(&self) -> &Registrar {
        &self.0.registrar
    }

    /// Runs `action` on the state, and then the state to quiescence. Schedules the flush and the
    /// tick that `action` makes necessary.
    ///
    /// # Panics
    /// If `action` calls this again.
    pub(crate) fn turn<T>(&self, action: impl FnOnce(&mut DataPlaneState, Instant) -> T) -> T {
        let mut state = self.0.state.borrow_mut();
        let now = state.begin_turn();
        let result = action(&mut state, now);
        state.run_to_quiescence(now);
        if state.needs_flush() {
            self.0.flush_needed.notify_one();
        }
        if state.needs_tick() {
            self.0.tick_needed.notify_one();
        }
        result
    }

    /// Flushes whenever turns have left something, after all tasks that were ready have run.
    ///
    /// Receipts go with whatever else goes to other nodes, or after [`RECEIPT_DELAY`] without it:
    /// alone they would cost as much as the messages they answer.
    pub(crate) async fn flush_when_needed(self) {
        let mut due = pin!(time::sleep(RECEIPT_DELAY));
        let mut waiting = false;
        let mut look_ups = JoinSet::new();
        loop {
            let receipts_due = select! {
                biased;
                () = &mut due, if waiting => true,
                () = self.0.flush_needed.notified() => false,
                Some(ended) = look_ups.join_next() => {
                    ended.expect("a look-up that panics ends the data plane");
                    continue;
                }
            };
            let still_waiting = self.flush(receipts_due);
            let replacements = self.0.state.borrow_mut().replacements.take();
            for replacement in replacements {
                look_ups.spawn_local(self.clone().confirm(replacement));
            }
            let users = self.0.state.borrow_mut().take_look_ups();
            for user in users {
                look_ups.spawn_local(self.clone().look_up(user));
            }
            if still_waiting && !waiting {
                due.as_mut().reset(time::Instant::now() + RECEIPT_DELAY);
            }
            waiting = still_waiting;
        }
    }

    /// Returns whether receipts wait for something to go with.
    fn flush(&self, receipts_due: bool) -> bool {
        let mut state = self.0.state.borrow_mut();
        let now = state.begin_turn();
        state.flush(now, receipts_due)
    }

    /// Ticks custody while anything can come due.
    pub(crate) async fn tick_when_needed(self) {
        loop {
            self.0.tick_needed.notified().await;
            time::sleep(TICK).await;
            self.turn(DataPlaneState::tick);
        }
    }

    /// Asks the directory whether the user is where a notice came from. A directory that is away for a
    /// moment is asked again.
    async fn confirm(self, replacement: Replacement) {
        let asked = time::timeout(REGISTER_WITHIN, async {
            loop {
                match self.0.registrar.look_up(&replacement.user).await {
                    Ok(found) => return found,
                    Err(error) => debug!(user = %replacement.user, %error, "look-up failed"),
                }
                time::sleep(RETRY).await;
            }
        });
        if let Ok(found) = asked.await {
            self.turn(|state, _| state.replace(&replacement, &found));
        }
    }

    async fn look_up(self, user: User) {
        let answer = self.0.registrar.look_up(&user).await;
        let answer = answer.inspect_err(|error| debug!(%user, %error, "look-up failed"));
        self.turn(|state, now| state.looked_up(now, &user, answer.ok()));
    }
}
