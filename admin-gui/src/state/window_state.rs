use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use trunkline_protocol::{
    Name,
    status::{ClusterEvent, EventKind, StatusLine, Trace},
};

use super::{cluster_status::ClusterStatus, events::EventLog, history::SnapshotHistory};
use crate::connection::Update;

/// The state of the connection to the relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConnectionState {
    /// The window dials.
    #[default]
    Dialling,
    /// The relay writes its status stream.
    Connected,
    /// The connection broke, or the dial failed.
    Lost {
        /// Why.
        reason: String,
        /// When the next dial starts.
        retry_at: Instant,
    },
}

/// What the relay says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The relay's name.
    pub relay: Name,
    /// Whether the operator may give commands.
    pub may_act: bool,
}

/// The moment that the window shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// The latest snapshot, and each newer one.
    #[default]
    Latest,
    /// A time of the relay's clock, in Unix milliseconds.
    At(u64),
}

/// What one status stream, live or recorded, has said.
#[derive(Debug, Default)]
pub struct WindowState {
    /// The connection to the relay.
    pub connection: ConnectionState,
    /// What the relay said first on the latest connection.
    pub greeting: Option<Greeting>,
    /// Why the latest connection broke or the latest dial failed; `None` once the relay writes again.
    pub refusal: Option<String>,
    /// The events.
    pub events: EventLog,
    history: SnapshotHistory,
    moment: Moment,
    /// The latest status and the shown one. Computed when a frame needs them, not per snapshot.
    latest: Option<Arc<ClusterStatus>>,
    shown: Option<Arc<ClusterStatus>>,
    received_at: Option<Instant>,
}

/// The relay's answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandAnswer {
    /// The command's id.
    pub id: u64,
    /// Why the relay refused, if it did.
    pub error: Option<String>,
    /// The trace, if the command was a delivery test.
    pub trace: Option<Box<Trace>>,
}

impl WindowState {
    /// Applies an update. Returns the answer to a command, if the update is one.
    pub fn apply(&mut self, update: Update, now: Instant) -> Option<CommandAnswer> {
        match update {
            Update::Dialling => self.connection = ConnectionState::Dialling,
            Update::Lost { reason, retry_at } => {
                if self.connection == ConnectionState::Connected {
                    self.push_own_event(EventKind::RelayLost { reason: reason.clone() }, now);
                }
                self.refusal = Some(reason.clone());
                self.connection = ConnectionState::Lost { reason, retry_at };
            }
            Update::Line(line) => {
                if self.refusal.take().is_some() && self.received_at.is_some() {
                    self.push_own_event(EventKind::RelayBack, now);
                }
                self.connection = ConnectionState::Connected;
                return self.apply_line(line, now);
            }
        }
        None
    }

    /// Adds an event that only this window sees, with the time that the relay's clock shows now.
    fn push_own_event(&mut self, kind: EventKind, now: Instant) {
        let age_ms = self.age(now).unwrap_or_default().as_millis() as u64;
        let Some(latest_ms) = self.history.latest_ms() else { return };
        let at_ms = latest_ms + age_ms;
        self.events.push(ClusterEvent { at_ms, node: None, incarnation: None, kind });
    }

    fn apply_line(&mut self, line: StatusLine, now: Instant) -> Option<CommandAnswer> {
        match line {
            StatusLine::Hello { relay, may_act, .. } => {
                self.greeting = Some(Greeting { relay, may_act })
            }
            StatusLine::Snapshot(snapshot) => {
                self.received_at = Some(now);
                let (at_ms, lineage) = (snapshot.at_ms, self.history.lineage());
                if self.history.push(*snapshot) {
                    self.latest = None;
                    let is_other = lineage != self.history.lineage();
                    // The moment may be later than the snapshot that stood for it.
                    if is_other || matches!(self.moment, Moment::At(moment) if at_ms <= moment) {
                        self.shown = None;
                    }
                }
            }
            StatusLine::Event(event) => self.events.push(event),
            StatusLine::Answer { id, error, trace } => {
                return Some(CommandAnswer { id, error, trace });
            }
            StatusLine::Unknown => {}
        }
        None
    }

    /// The latest status; `None` before the first snapshot.
    pub fn latest(&mut self) -> Option<Arc<ClusterStatus>> {
        if self.latest.is_none() {
            let index = self.history.len().checked_sub(1)?;
            self.latest = Some(Arc::new(self.history.status_at(index)));
        }
        self.latest.clone()
    }

    /// The status at the shown moment; `None` before the first snapshot.
    pub fn shown(&mut self) -> Option<Arc<ClusterStatus>> {
        let Moment::At(at_ms) = self.moment else { return self.latest() };
        if self.shown.is_none() {
            let index = self.history.index_at(at_ms)?;
            self.shown = Some(Arc::new(self.history.status_at(index)));
        }
        self.shown.clone()
    }

    /// The snapshots.
    pub fn history(&self) -> &SnapshotHistory {
        &self.history
    }

    /// The shown moment.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Shows another moment.
    pub fn show(&mut self, moment: Moment) {
        if self.moment != moment {
            self.moment = moment;
            self.shown = None;
        }
    }

    /// How long ago the latest snapshot came; `None` before the first.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.received_at.map(|at| now.saturating_duration_since(at))
    }

    /// The moment at which an event shows: that of the first snapshot after it, as the one before is
    /// of another state.
    pub fn moment_after(&self, event_ms: u64) -> Moment {
        self.history.first_from(event_ms.saturating_add(1)).map_or(Moment::Latest, Moment::At)
    }

    /// Whether the operator may give commands now.
    pub fn may_act(&self) -> bool {
        self.connection == ConnectionState::Connected
            && self.greeting.as_ref().is_some_and(|hello| hello.may_act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::{Cluster, hello, line};

    fn lost(now: Instant) -> Update {
        Update::Lost { reason: "no answer".into(), retry_at: now }
    }

    fn kinds(state: &WindowState) -> Vec<&EventKind> {
        state.events.iter().map(|event| &event.kind).collect()
    }

    #[test]
    fn each_loss_is_one_event_and_failed_redials_are_none() {
        let (mut state, now) = (WindowState::default(), Instant::now());
        let mut cluster = Cluster::of(1);
        state.apply(lost(now), now);
        state.apply(Update::Line(hello(true)), now);
        assert!(kinds(&state).is_empty(), "nothing was lost before the first snapshot");
        state.apply(Update::Line(line(cluster.step(500))), now);
        for _ in 0..3 {
            state.apply(lost(now), now);
            state.apply(Update::Dialling, now);
        }
        state.apply(Update::Line(hello(true)), now);
        let expected =
            [&EventKind::RelayLost { reason: "no answer".into() }, &EventKind::RelayBack];
        assert_eq!(kinds(&state), expected);
    }

    #[test]
    fn only_a_connected_admin_may_act() {
        let (mut state, now) = (WindowState::default(), Instant::now());
        assert!(!state.may_act());
        state.apply(Update::Line(hello(false)), now);
        assert!(!state.may_act());
        state.apply(Update::Line(hello(true)), now);
        assert!(state.may_act());
        state.apply(lost(now), now);
        assert!(!state.may_act());
    }

    #[test]
    fn paused_status_ignores_newer_snapshots() {
        let (mut state, now) = (WindowState::default(), Instant::now());
        let mut cluster = Cluster::of(1);
        state.apply(Update::Line(line(cluster.step(500))), now);
        let paused_ms = cluster.now_ms();
        state.show(Moment::At(paused_ms));
        state.apply(Update::Line(line(cluster.step(500))), now);
        assert_eq!(state.shown().unwrap().snapshot.at_ms, paused_ms);
        assert_eq!(state.latest().unwrap().snapshot.at_ms, cluster.now_ms());
    }
}
