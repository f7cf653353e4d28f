use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use trunkline_client::{Message, Receipt};

use crate::{
    defaults::FAULT_PULSE,
    faults::history::{Ended, Got, History, Sent, Session, Spell, Told},
};

/// What a message's body says of itself.
#[derive(Deserialize)]
struct Stamp {
    session: usize,
    number: usize,
}

/// Writes down what clients see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    begin: Instant,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    sessions: Vec<Session>,
    stalls: Vec<(Duration, Duration)>,
}

impl Recorder {
    /// An empty record, whose time begins now.
    pub fn start() -> Self {
        Self { begin: Instant::now(), record: Arc::default() }
    }

    /// The time now.
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// When the record's time began.
    pub fn begin(&self) -> Instant {
        self.begin
    }

    /// Everything so far, with the faults that somebody else has noted.
    pub fn history(&self, spells: Vec<Spell>, last_round: Option<Duration>) -> History {
        let record = self.lock();
        let (sessions, stalls) = (record.sessions.clone(), record.stalls.clone());
        History { sessions, spells, stalls, last_round }
    }

    /// Notes each time at which this could not go on though it should.
    pub(super) async fn note_stalls(self) {
        loop {
            let due = self.now() + FAULT_PULSE;
            sleep(FAULT_PULSE).await;
            let now = self.now();
            if now > due + FAULT_PULSE {
                self.lock().stalls.push((due, now));
            }
        }
    }

    /// For each user, the nodes where it has a session now.
    pub fn open(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut open: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let record = self.lock();
        for session in record.sessions.iter().filter(|session| is_open(session)) {
            open.entry(session.user.clone()).or_default().insert(session.node.clone());
        }
        open
    }

    /// How many sends of sessions that are open still have no receipt.
    pub fn waiting(&self) -> usize {
        let record = self.lock();
        let sends = record.sessions.iter().filter(|session| is_open(session));
        sends.flat_map(|session| &session.sent).filter(|sent| sent.told.is_empty()).count()
    }

    /// Whether every session that is open has sent something since then.
    pub fn all_have_sent_since(&self, begin: Duration) -> bool {
        let record = self.lock();
        let mut open = record.sessions.iter().filter(|session| is_open(session));
        open.all(|session| session.sent.last().is_some_and(|sent| sent.at >= begin))
    }

    /// A client dials. Returns the connection's number.
    pub(super) fn opened(&self, user: &str, node: &str) -> usize {
        let opened = self.now();
        let sessions = &mut self.lock().sessions;
        sessions.push(Session {
            user: user.to_owned(),
            node: node.to_owned(),
            opened,
            attentive: true,
            welcomed: None,
            ended: None,
            sent: Vec::new(),
            got: Vec::new(),
            strange: Vec::new(),
        });
        sessions.len() - 1
    }

    pub(super) fn welcomed(&self, session: usize, attentive: bool) {
        let now = self.now();
        self.with(session, |session| {
            session.welcomed = Some(now);
            session.attentive = attentive;
        });
    }

    /// A send is about to be written. Returns its number.
    pub(super) fn sends(&self, session: usize, to: &str) -> usize {
        let at = self.now();
        self.with(session, |session| {
            session.sent.push(Sent { to: to.to_owned(), at, told: Vec::new() });
            session.sent.len() - 1
        })
    }

    pub(super) fn receipt(&self, session: usize, receipt: Receipt) {
        let at = self.now();
        self.with(session, |session| {
            let number = receipt.id.parse().ok();
            match number.and_then(|number: usize| session.sent.get_mut(number)) {
                Some(sent) => {
                    let Receipt { message, outcome, .. } = receipt;
                    sent.told.push(Told { at, message, outcome });
                }
                None => session.strange.push(format!("a receipt for nothing: {receipt:?}")),
            }
        });
    }

    pub(super) fn message(&self, session: usize, message: Message) {
        let stamp = serde_json::from_str(message.body.get());
        self.with(session, |session| match stamp {
            Ok(Stamp { session: sender, number }) => {
                let Message { id, from, .. } = message;
                session.got.push(Got { message: id, from, session: sender, number });
            }
            Err(error) => session.strange.push(format!("a body that nobody wrote: {error}")),
        });
    }

    pub(super) fn strange(&self, session: usize, text: String) {
        self.with(session, |session| session.strange.push(text));
    }

    /// The end of a connection has begun: what comes first counts.
    pub(super) fn ending(&self, session: usize, how: &str) {
        let at = self.now();
        self.with(session, |session| {
            session.ended.get_or_insert_with(|| Ended { at, clean: false, how: how.to_owned() });
        });
    }

    /// Both sides have said that it is over.
    pub(super) fn ended_cleanly(&self, session: usize) {
        self.with(session, |session| {
            if let Some(ended) = &mut session.ended {
                ended.clean = true;
            }
        });
    }

    fn with<T>(&self, session: usize, change: impl FnOnce(&mut Session) -> T) -> T {
        change(&mut self.lock().sessions[session])
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // Each change under this lock is whole in itself.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open(session: &Session) -> bool {
    session.welcomed.is_some() && session.ended.is_none()
}
