//! The record of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::time::{Instant, sleep};
use trunkline_client::{ReceivedMessage, SendReceipt};

use crate::{
    defaults::STALL_CHECK_INTERVAL,
    faults::history::{
        ConnectionEnd, FaultInterval, MessageRecord, ReceiptRecord, RunHistory, SendRecord,
        SessionRecord,
    },
};

/// The content of a message's body.
#[derive(Deserialize)]
struct Stamp {
    session: usize,
    number: usize,
}

/// Records what clients see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    begin: Instant,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    sessions: Vec<SessionRecord>,
    stalls: Vec<(Duration, Duration)>,
}

impl Recorder {
    /// An empty record. Times count from now on.
    pub fn start() -> Self {
        Self { begin: Instant::now(), record: Arc::default() }
    }

    /// The time now.
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// When times started to count.
    pub fn begin(&self) -> Instant {
        self.begin
    }

    /// Everything so far, together with the faults.
    pub fn history(
        &self,
        intervals: Vec<FaultInterval>,
        final_round: Option<Duration>,
    ) -> RunHistory {
        let record = self.lock();
        let (sessions, stalls) = (record.sessions.clone(), record.stalls.clone());
        RunHistory { sessions, intervals, stalls, final_round }
    }

    /// Records every interval in which this task was not scheduled.
    pub(super) async fn note_stalls(self) {
        loop {
            let due = self.now() + STALL_CHECK_INTERVAL;
            sleep(STALL_CHECK_INTERVAL).await;
            let now = self.now();
            if now > due + STALL_CHECK_INTERVAL {
                self.lock().stalls.push((due, now));
            }
        }
    }

    /// For each user, the nodes with a session of it.
    pub fn open(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut open: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let record = self.lock();
        for session in record.sessions.iter().filter(|session| is_open(session)) {
            open.entry(session.user.clone()).or_default().insert(session.node.clone());
        }
        open
    }

    /// How many sends of open sessions have no receipt yet.
    pub fn waiting(&self) -> usize {
        let record = self.lock();
        let sends = record.sessions.iter().filter(|session| is_open(session));
        sends.flat_map(|session| &session.sent).filter(|sent| sent.receipts.is_empty()).count()
    }

    /// Whether every open session has sent something since `begin`.
    pub fn all_have_sent_since(&self, begin: Duration) -> bool {
        let record = self.lock();
        let mut open = record.sessions.iter().filter(|session| is_open(session));
        open.all(|session| session.sent.last().is_some_and(|sent| sent.at >= begin))
    }

    /// Records a dial. Returns the connection's number.
    pub(super) fn opened(&self, user: &str, node: &str) -> usize {
        let opened = self.now();
        let sessions = &mut self.lock().sessions;
        sessions.push(SessionRecord {
            user: user.to_owned(),
            node: node.to_owned(),
            opened,
            reads_promptly: true,
            welcomed: None,
            ended: None,
            sent: Vec::new(),
            received: Vec::new(),
            unexpected: Vec::new(),
        });
        sessions.len() - 1
    }

    pub(super) fn welcomed(&self, session: usize, reads_promptly: bool) {
        let now = self.now();
        self.with(session, |session| {
            session.welcomed = Some(now);
            session.reads_promptly = reads_promptly;
        });
    }

    /// Records a send that is about to be written. Returns its number.
    pub(super) fn sends(&self, session: usize, to: &str) -> usize {
        let at = self.now();
        self.with(session, |session| {
            session.sent.push(SendRecord { to: to.to_owned(), at, receipts: Vec::new() });
            session.sent.len() - 1
        })
    }

    pub(super) fn receipt(&self, session: usize, receipt: SendReceipt) {
        let at = self.now();
        self.with(session, |session| {
            let number = receipt.id.parse().ok();
            match number.and_then(|number: usize| session.sent.get_mut(number)) {
                Some(sent) => {
                    let SendReceipt { message, outcome, .. } = receipt;
                    sent.receipts.push(ReceiptRecord { at, message, outcome });
                }
                None => session.unexpected.push(format!("a receipt without a send: {receipt:?}")),
            }
        });
    }

    pub(super) fn message(&self, session: usize, message: ReceivedMessage) {
        let stamp = serde_json::from_str(message.body.get());
        self.with(session, |session| match stamp {
            Ok(Stamp { session: sender, number }) => {
                let ReceivedMessage { id, from, .. } = message;
                session.received.push(MessageRecord { id, from, session: sender, number });
            }
            Err(error) => session.unexpected.push(format!("an unknown body: {error}")),
        });
    }

    pub(super) fn unexpected(&self, session: usize, text: String) {
        self.with(session, |session| session.unexpected.push(text));
    }

    /// Records the end of a connection. Only the first call counts.
    pub(super) fn ending(&self, session: usize, how: &str) {
        let at = self.now();
        self.with(session, |session| {
            session.ended.get_or_insert_with(|| ConnectionEnd {
                at,
                clean: false,
                how: how.to_owned(),
            });
        });
    }

    /// Records that both sides closed.
    pub(super) fn ended_cleanly(&self, session: usize) {
        self.with(session, |session| {
            if let Some(ended) = &mut session.ended {
                ended.clean = true;
            }
        });
    }

    fn with<T>(&self, session: usize, change: impl FnOnce(&mut SessionRecord) -> T) -> T {
        change(&mut self.lock().sessions[session])
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // No change under this lock can be left half done.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open(session: &SessionRecord) -> bool {
    session.welcomed.is_some() && session.ended.is_none()
}
