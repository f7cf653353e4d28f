//! The one cell.

use std::{cell::RefCell, collections::VecDeque, net::SocketAddr, time::Instant};

use tokio::sync::{Notify, futures::Notified, mpsc};
use tracing::{error, warn};
use trunkline_ops::{LogThrottle, unix_ms};
use trunkline_protocol::{Incarnation, Name, lane::Batch, status::ClusterEvent, status::EventKind};

use super::{effect::StateEffect, event_log, link_control::LinkSignal, relay_state::RelayState};
use crate::{
    liveness::{DirectoryCommand, LinkId},
    switch::{DirtyLanes, Port, ProtocolViolation},
};

static THROTTLE: LogThrottle = LogThrottle::new();

/// A link's queue of control messages is full.
struct QueueFull(LinkId);

/// The state, and where its effects go.
#[derive(Debug)]
pub(crate) struct SharedState {
    state: RefCell<RelayState>,
    directory: mpsc::Sender<DirectoryCommand>,
    events: mpsc::Sender<ClusterEvent>,
    members_changed: Notify,
    trace_changed: Notify,
}

impl SharedState {
    pub(crate) fn new(
        state: RelayState,
        directory: mpsc::Sender<DirectoryCommand>,
        events: mpsc::Sender<ClusterEvent>,
    ) -> Self {
        Self {
            state: RefCell::new(state),
            directory,
            events,
            members_changed: Notify::new(),
            trace_changed: Notify::new(),
        }
    }

    /// Asks the state something.
    pub(crate) fn query<T>(&self, query: impl FnOnce(&RelayState) -> T) -> T {
        query(&self.state.borrow())
    }

    /// Changes the state, and then carries out the effects. `change` must not use this cell.
    pub(crate) fn apply<T>(&self, change: impl FnOnce(&mut RelayState, Instant) -> T) -> T {
        let (output, effects) = {
            let mut state = self.state.borrow_mut();
            (change(&mut state, Instant::now()), state.take_effects())
        };
        self.carry_out(effects);
        output
    }

    /// Forwards a batch. Apart from [`Self::apply`], because it runs for every batch and never has
    /// effects.
    pub(crate) fn forward(
        &self,
        origin: &Port,
        lane: usize,
        batch: &Batch<'_>,
        dirty: &mut DirtyLanes,
    ) -> Result<(), ProtocolViolation> {
        self.state.borrow_mut().switch.forward(origin, lane, batch, dirty)
    }

    /// Logs that a connection was rejected, and reports it to operators. `who` is empty if the peer
    /// has shown no certificate.
    pub(crate) fn connection_rejected(&self, who: &str, address: SocketAddr, reason: &str) {
        event_log::log_rejection(who, address, reason);
        let at = if who.is_empty() { String::new() } else { format!("{who} at ") };
        self.apply(|state, _| state.connection_rejected(format!("{at}{address}: {reason}")));
    }

    /// Completes when the membership has to be announced.
    pub(crate) async fn members_changed(&self) {
        self.members_changed.notified().await;
    }

    /// Completes when a node reports a trace event after this call.
    pub(crate) fn trace_changed(&self) -> Notified<'_> {
        self.trace_changed.notified()
    }

    /// Carries out effects in order. Nothing is borrowed meanwhile, and what an effect causes is
    /// appended to the list, so that an effect can never find the state in the middle of a change.
    fn carry_out(&self, effects: Vec<StateEffect>) {
        let mut work = VecDeque::from(effects);
        while let Some(effect) = work.pop_front() {
            if let Err(QueueFull(link)) = self.carry_out_one(effect) {
                let mut state = self.state.borrow_mut();
                state.control_not_read(link);
                work.extend(state.take_effects());
            }
        }
    }

    fn carry_out_one(&self, effect: StateEffect) -> Result<(), QueueFull> {
        match effect {
            StateEffect::Admit(link) => self.signal(link, LinkSignal::Admitted),
            StateEffect::Close(link, reason) => self.signal(link, LinkSignal::Close(reason)),
            StateEffect::Send(link, message) => {
                let control = self.query(|state| state.link_control(link));
                if control.is_some_and(|control| !control.send(message)) {
                    return Err(QueueFull(link));
                }
            }
            StateEffect::Directory(command) => self.command(command),
            StateEffect::Report { node, kind } => self.report(node, kind),
            StateEffect::MembersChanged => self.members_changed.notify_one(),
            StateEffect::TraceChanged => self.trace_changed.notify_waiters(),
        }
        Ok(())
    }

    fn signal(&self, link: LinkId, signal: LinkSignal) {
        if let Some(control) = self.query(|state| state.link_control(link)) {
            control.signal(signal);
        }
    }

    fn command(&self, command: DirectoryCommand) {
        // The queue has room for every command that liveness can have running.
        if self.directory.try_send(command).is_err()
            && let Some(line) = THROTTLE.admit("directory worker")
        {
            error!(suppressed = line.suppressed, "the directory worker accepts no command");
        }
    }

    fn report(&self, about: Option<(Name, Incarnation)>, kind: EventKind) {
        let (node, incarnation) = about.unzip();
        let event = ClusterEvent { at_ms: unix_ms(), node, incarnation, kind };
        event_log::log(&event);
        if self.events.try_send(event).is_err()
            && let Some(line) = THROTTLE.admit("status streams")
        {
            let suppressed = line.suppressed;
            warn!(suppressed, "an event is missing from the status streams: they are too slow");
        }
    }
}
