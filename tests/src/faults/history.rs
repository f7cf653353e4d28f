//! What was observed of a run: what every client sent and received, and which faults happened when.

use std::time::Duration;

use super::schedule::Fault;

/// A run as it was observed. Times count from its start.
#[derive(Clone, Debug, Default)]
pub struct RunHistory {
    /// Every connection that a client dialled. Its index is its number.
    pub sessions: Vec<SessionRecord>,
    /// The faults, with the times at which they really happened.
    pub intervals: Vec<FaultInterval>,
    /// Intervals in which the observer itself was not scheduled.
    pub stalls: Vec<(Duration, Duration)>,
    /// The begin of the final round, in which everyone sends to everyone after the last fault.
    pub final_round: Option<Duration>,
}

/// One connection of one client.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// The user.
    pub user: String,
    /// The node.
    pub node: String,
    /// When it was dialled.
    pub opened: Duration,
    /// Whether it reads without pauses, and so learns of its end at once.
    pub reads_promptly: bool,
    /// When it read its welcome.
    pub welcomed: Option<Duration>,
    /// How it ended; `None` while it is open.
    pub ended: Option<ConnectionEnd>,
    /// Its sends. The index is the number.
    pub sent: Vec<SendRecord>,
    /// The messages that it read, in order.
    pub received: Vec<MessageRecord>,
    /// Frames that the protocol does not allow.
    pub unexpected: Vec<String>,
}

/// The end of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionEnd {
    /// When the client noticed or began it.
    pub at: Duration,
    /// Whether both sides closed, so that everything that the node had sent was read.
    pub clean: bool,
    /// How, as text.
    pub how: String,
}

/// A send.
#[derive(Clone, Debug)]
pub struct SendRecord {
    /// The recipient.
    pub to: String,
    /// When.
    pub at: Duration,
    /// All receipts for it.
    pub receipts: Vec<ReceiptRecord>,
}

/// A receipt.
#[derive(Clone, Debug)]
pub struct ReceiptRecord {
    /// When it was read.
    pub at: Duration,
    /// The message's id.
    pub message: String,
    /// The outcome, as the protocol spells it.
    pub outcome: String,
}

/// A message that a client read.
#[derive(Clone, Debug)]
pub struct MessageRecord {
    /// The message's id.
    pub id: String,
    /// The sender, as the node names it.
    pub from: String,
    /// The number of the sending session, from the body.
    pub session: usize,
    /// The number of the send in that session, from the body.
    pub number: usize,
}

/// A fault and when it really happened.
#[derive(Clone, Debug)]
pub struct FaultInterval {
    /// The fault.
    pub fault: Fault,
    /// When it began.
    pub from: Duration,
    /// When it ended.
    pub until: Duration,
}

impl RunHistory {
    /// How long `node` was paused between `from` and `until`.
    pub fn frozen(&self, node: &str, from: Duration, until: Duration) -> Duration {
        let freezes = |interval: &&FaultInterval| matches!(&interval.fault, Fault::FreezeNode(name) if name == node);
        let intervals = self.intervals.iter().filter(freezes);
        intervals
            .map(|interval| interval.until.min(until).saturating_sub(interval.from.max(from)))
            .sum()
    }

    /// How long the observer was not scheduled between `from` and `until`. The machine is so busy then
    /// that the cluster may be late too.
    pub fn stalled(&self, from: Duration, until: Duration) -> Duration {
        let overlap =
            |&(begin, end): &(Duration, Duration)| end.min(until).saturating_sub(begin.max(from));
        self.stalls.iter().map(overlap).sum()
    }

    /// Whether a fault that `concerns` selects overlaps with `from` to `until`.
    pub fn any(&self, from: Duration, until: Duration, concerns: impl Fn(&Fault) -> bool) -> bool {
        let mut intervals = self.intervals.iter().filter(|interval| concerns(&interval.fault));
        intervals.any(|interval| interval.from <= until && interval.until >= from)
    }
}

impl SessionRecord {
    /// Whether it was open from `from` to `until`, in its client's eyes.
    pub fn is_open(&self, from: Duration, until: Duration) -> bool {
        self.welcomed.is_some_and(|welcomed| welcomed <= from)
            && self.ended.as_ref().is_none_or(|ended| ended.at > until)
    }
}
