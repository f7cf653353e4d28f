//! What the window knows of the cluster, and since when.

mod counters;
mod directory;
mod events;
mod health;
mod history;
mod names;
mod parts;
mod picture;
mod recording;
mod report_time;
mod reports;
mod series;
mod trial;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use trunkline_protocol::{
    Name,
    status::{ClusterEvent, EventKind, StatusLine, Trace},
};

use crate::connection::Update;

pub use counters::{Counter, Counts, Rates};
pub use directory::{Known, Search, Sought};
pub use events::{EventLog, Told};
pub(crate) use events::{WORDS, severity, still_online, tell};
pub(crate) use health::judge_node;
pub use health::{Finding, Health, Severity};
pub use history::{History, Kept};
pub(crate) use names::by_name;
pub use parts::{Part, Parts};
pub use picture::Picture;
pub(crate) use picture::is_present;
pub use recording::{RecordingError, Tape, read, write};
pub use series::Sample;
pub use trial::Trial;
pub(crate) use trial::{outcome_severity, reason};

/// How the window stands with its relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is being dialled.
    Dialling,
    /// It writes.
    Reached,
    /// It is gone, or could not be reached.
    Lost {
        /// Why.
        reason: String,
        /// When it is dialled again.
        retry_at: Instant,
    },
}

/// Who is at the other end of the status stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The relay's name.
    pub relay: Name,
    /// Whether the operator may give commands.
    pub may_act: bool,
}

/// Which moment the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The latest there is.
    Latest,
    /// The one at this time of the relay's clock, in Unix milliseconds.
    At(u64),
}

/// All that is known.
#[derive(Debug)]
pub struct State {
    /// How it stands with the relay.
    pub reach: Reach,
    /// What the relay said first, when it was last reached.
    pub greeting: Option<Greeting>,
    /// Why the relay was lost, or could not be reached, when it was dialled last.
    pub refusal: Option<String>,
    /// What happened.
    pub events: EventLog,
    history: History,
    moment: Moment,
    /// The pictures of the latest moment and of the one that is shown, once they were asked for.
    latest: Option<Arc<Picture>>,
    shown: Option<Arc<Picture>>,
    heard_at: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            reach: Reach::Dialling,
            greeting: None,
            refusal: None,
            events: EventLog::default(),
            history: History::default(),
            moment: Moment::Latest,
            latest: None,
            shown: None,
            heard_at: None,
        }
    }
}

/// What the relay made of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The command's id.
    pub id: u64,
    /// Why it was refused, if it was.
    pub error: Option<String>,
    /// The way of a test message, if that was the command.
    pub walk: Option<Box<Trace>>,
}

impl State {
    /// Takes an update in. Returns an answer for the operator, if it was one.
    pub fn apply(&mut self, update: Update, now: Instant) -> Option<Answer> {
        match update {
            Update::Dialling => self.reach = Reach::Dialling,
            Update::Lost { reason, retry_at } => {
                if self.reach == Reach::Reached {
                    self.note(EventKind::RelayLost { reason: reason.clone() }, now);
                }
                self.refusal = Some(reason.clone());
                self.reach = Reach::Lost { reason, retry_at };
            }
            Update::Line(line) => {
                if self.refusal.take().is_some() && self.heard_at.is_some() {
                    self.note(EventKind::RelayBack, now);
                }
                self.reach = Reach::Reached;
                return self.take_line(line, now);
            }
        }
        None
    }

    /// Adds to the events what only this window knows, by the relay's clock.
    fn note(&mut self, kind: EventKind, now: Instant) {
        let age_ms = self.age(now).unwrap_or_default().as_millis() as u64;
        let Some(latest_ms) = self.history.latest_ms() else { return };
        let at_ms = latest_ms + age_ms;
        self.events.push(ClusterEvent { at_ms, node: None, incarnation: None, kind });
    }

    fn take_line(&mut self, line: StatusLine, now: Instant) -> Option<Answer> {
        match line {
            StatusLine::Hello { relay, may_act, .. } => {
                self.greeting = Some(Greeting { relay, may_act })
            }
            StatusLine::Snapshot(snapshot) => {
                self.heard_at = Some(now);
                if self.history.push(*snapshot) {
                    self.latest = None;
                }
            }
            StatusLine::Event(event) => self.events.push(event),
            StatusLine::Answer { id, error, trace } => {
                return Some(Answer { id, error, walk: trace });
            }
            StatusLine::Unknown => {}
        }
        None
    }

    /// The cluster at the latest moment; `None` as long as nothing was heard.
    pub fn latest(&mut self) -> Option<Arc<Picture>> {
        if self.latest.is_none() {
            let at = self.history.len().checked_sub(1)?;
            self.latest = Some(Arc::new(self.history.picture(at)));
        }
        self.latest.clone()
    }

    /// The cluster at the moment that is shown; `None` as long as nothing was heard.
    pub fn picture(&mut self) -> Option<Arc<Picture>> {
        let Moment::At(at_ms) = self.moment else { return self.latest() };
        if self.shown.is_none() {
            let at = self.history.at(at_ms)?;
            self.shown = Some(Arc::new(self.history.picture(at)));
        }
        self.shown.clone()
    }

    /// What is remembered.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Which moment is shown.
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

    /// How long ago the latest snapshot came; `None` if none has.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.heard_at.map(|at| now.saturating_duration_since(at))
    }

    /// Whether the operator may give commands now.
    pub fn may_act(&self) -> bool {
        self.reach == Reach::Reached && self.greeting.as_ref().is_some_and(|hello| hello.may_act)
    }
}
