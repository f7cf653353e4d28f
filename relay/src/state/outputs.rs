//! What leaves the state: directory commands, events, and wake-ups.

use std::{net::SocketAddr, rc::Rc};

use tokio::sync::{Notify, mpsc};
use tracing::{error, field::display, info, warn};
use trunkline_ops::{LogThrottle, unix_ms};
use trunkline_protocol::{
    Incarnation, Name,
    status::{ClusterEvent, EventKind},
};

use crate::liveness::DirectoryCommand;

/// A link that comes and goes does not flood the log, nor does a peer that keeps dialling.
static THROTTLE: LogThrottle = LogThrottle::new();

/// Sending never waits and runs no other task, so a change of the state may send in its middle.
#[derive(Debug)]
pub(crate) struct StateOutputs {
    directory: mpsc::Sender<DirectoryCommand>,
    events: mpsc::Sender<ClusterEvent>,
    /// Wakes the task that announces the membership.
    pub(super) members_changed: Rc<Notify>,
    /// Wakes the delivery tests that wait for trace events.
    pub(super) trace_changed: Rc<Notify>,
}

impl StateOutputs {
    pub(crate) fn new(
        directory: mpsc::Sender<DirectoryCommand>,
        events: mpsc::Sender<ClusterEvent>,
    ) -> Self {
        Self { directory, events, members_changed: Rc::default(), trace_changed: Rc::default() }
    }

    pub(super) fn command(&self, command: DirectoryCommand) {
        // The queue has room for every command that liveness can have running.
        if self.directory.try_send(command).is_err()
            && let Some(line) = THROTTLE.admit("directory worker")
        {
            error!(suppressed = line.suppressed, "the directory worker accepts no command");
        }
    }

    /// Logs an event, and passes it to the status streams.
    pub(super) fn report(&self, about: Option<(Name, Incarnation)>, kind: EventKind) {
        let (node, incarnation) = about.unzip();
        let event = ClusterEvent { at_ms: unix_ms(), node, incarnation, kind };
        log(&event);
        if self.events.try_send(event).is_err()
            && let Some(line) = THROTTLE.admit("status streams")
        {
            let suppressed = line.suppressed;
            warn!(suppressed, "an event is missing from the status streams: they are too slow");
        }
    }
}

fn log(event: &ClusterEvent) {
    let node = event.node.as_ref().map_or("", Name::as_str);
    let incarnation = event.incarnation.map(display);
    match &event.kind {
        EventKind::Cleaned { removed, kept, done_ms } => {
            info!(node, incarnation, removed, kept, done_ms, "dead node purged");
        }
        EventKind::Dead { verdict_ms } => {
            warn!(node, incarnation, detection_ms = verdict_ms, "node declared dead");
        }
        EventKind::Suspect => {
            if let Some(line) = THROTTLE.admit(&suspect(node)) {
                let suppressed = line.suppressed;
                warn!(node, incarnation, suppressed, "node suspect: its link is silent or gone");
            }
        }
        EventKind::Recovered if logs_recovery(node) => {
            info!(node, incarnation, "node recovered");
        }
        EventKind::Joined => info!(node, incarnation, "node joined"),
        EventKind::Draining => info!(node, incarnation, "node draining"),
        EventKind::Left => info!(node, incarnation, "node left"),
        EventKind::RedisAway => {
            warn!("Redis does not answer: dead nodes are purged when it is back")
        }
        EventKind::RedisBack => info!("Redis answers"),
        // Logged where it happens, or by the node that it happens to.
        _ => {}
    }
}

/// Whether to log that a node's link is up again: not if its loss was not logged.
pub(crate) fn logs_recovery(node: &str) -> bool {
    THROTTLE.recovered(&suspect(node))
}

pub(super) fn log_rejection(who: &str, address: SocketAddr, reason: &str) {
    if let Some(line) = THROTTLE.admit(&format!("{who}: {reason}")) {
        let suppressed = line.suppressed;
        warn!(who, %address, suppressed, "connection rejected: {reason}");
    }
}

fn suspect(node: &str) -> String {
    format!("{node} is suspect")
}
