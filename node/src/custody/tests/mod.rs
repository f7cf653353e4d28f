//! One rule of custody per test. `node/tests/simulation` looks for what these do not think of.

mod deadline;
mod delivery;
mod limits;
mod link;
mod order;
mod retry;
mod route;

use std::{
    mem,
    time::{Duration, Instant},
};

use trunkline_protocol::{
    Incarnation, Outcome, User,
    lane::{MESSAGE_LANES, Receipt, ReceiptStatus},
};

use super::{
    BranchResult, Custody, Environment, Forwarded, Limits, LocalDelivery, LookUpFailed,
    OutcomeReport, Payload, RefusedBatch, RelayLinkId, Target,
};

/// A session that sends.
const ALICE: u64 = 1;

/// Another session that sends.
const CAROL: u64 = 2;

fn node(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

/// The node that has custody.
fn home() -> Incarnation {
    node(0)
}

#[derive(Debug)]
struct TestMessage {
    sender: u64,
}

impl Payload for TestMessage {
    fn bytes(&self) -> usize {
        10
    }

    fn sender(&self) -> u64 {
        self.sender
    }
}

/// An environment that answers as it is set, and records each effect.
#[derive(Debug)]
struct FakeEnvironment {
    /// What this node's own sessions answer.
    local: LocalDelivery,
    /// What the lane answers, if it does not take the message.
    lane: Option<Forwarded>,
    /// The link that takes messages.
    link: RelayLinkId,
    rebuilding: bool,
    delivered_here: Vec<u64>,
    /// Every message that a lane took, in a batch of its own.
    batches: Vec<(Incarnation, u64, RelayLinkId)>,
    forwarded: Vec<(Incarnation, u64)>,
    look_ups: usize,
    reported: Vec<(u64, Outcome)>,
    missed: u32,
    recycled: usize,
}

impl Environment<TestMessage> for FakeEnvironment {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        incarnation == home()
    }

    fn deliver_here(&mut self, seq: u64, _to: &User, _message: &TestMessage) -> LocalDelivery {
        if self.local == LocalDelivery::Waiting {
            self.delivered_here.push(seq);
        }
        self.local
    }

    fn forward(&mut self, node: Incarnation, seq: u64, _message: &TestMessage) -> Forwarded {
        if let Some(refused) = self.lane {
            return refused;
        }
        self.batches.push((node, seq, self.link));
        self.forwarded.push((node, seq));
        Forwarded::InBatch { link: self.link, lane: 0, batch: self.batches.len() as u32 }
    }

    fn look_up(&mut self, _user: &User) {
        self.look_ups += 1;
    }

    fn rebuilding(&self) -> bool {
        self.rebuilding
    }

    fn report(&mut self, report: OutcomeReport<'_, TestMessage>) {
        self.reported.push((report.seq, report.outcome));
        self.missed = report.missed;
    }

    fn recycle(&mut self, _message: TestMessage) {
        self.recycled += 1;
    }
}

/// A custody in a fake environment.
struct Harness {
    custody: Custody<TestMessage>,
    env: FakeEnvironment,
    now: Instant,
}

/// Events.
impl Harness {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let env = FakeEnvironment {
            local: LocalDelivery::Nobody,
            lane: None,
            link: RelayLinkId::default(),
            rebuilding: false,
            delivered_here: Vec::new(),
            batches: Vec::new(),
            forwarded: Vec::new(),
            look_ups: 0,
            reported: Vec::new(),
            missed: 0,
            recycled: 0,
        };
        Self { custody: Custody::new(limits), env, now: Instant::now() }
    }

    /// A harness in which the route to bob is known.
    fn with_route(nodes: &[Incarnation]) -> Self {
        let mut harness = Self::new();
        harness.send("bob");
        harness.routed("bob", nodes);
        for (node, seq) in harness.forwarded() {
            harness.ends(node, seq, BranchResult::Taken);
        }
        harness.reported();
        harness.look_ups();
        harness
    }

    fn send(&mut self, to: &str) -> u64 {
        self.send_from(ALICE, to)
    }

    fn send_from(&mut self, sender: u64, to: &str) -> u64 {
        self.custody.accept(self.now, &mut self.env, to, TestMessage { sender });
        self.custody.next_seq() - 1
    }

    fn routed(&mut self, user: &str, nodes: &[Incarnation]) {
        let user = user.parse().unwrap();
        self.custody.routed(self.now, &mut self.env, &user, Ok(nodes));
    }

    fn look_up_fails(&mut self, user: &str) {
        let user = user.parse().unwrap();
        self.custody.routed(self.now, &mut self.env, &user, Err(LookUpFailed));
    }

    /// The branch to another node ends.
    fn ends(&mut self, node: Incarnation, seq: u64, result: BranchResult) {
        let status = match result {
            BranchResult::Taken => ReceiptStatus::Taken,
            BranchResult::Maybe => ReceiptStatus::Maybe,
            BranchResult::Full => ReceiptStatus::Full,
            BranchResult::NotHere => ReceiptStatus::NotHere,
            BranchResult::NotReached => return self.refused(node, seq, result),
        };
        self.answered(Target::Node(node), receipt(seq, status));
    }

    fn answered_here(&mut self, seq: u64, status: ReceiptStatus) {
        self.answered(Target::Local, receipt(seq, status));
    }

    fn answered(&mut self, target: Target, receipt: Receipt) {
        self.custody.answered(self.now, &mut self.env, target, receipt);
    }

    /// The last batch with that message is refused.
    fn refused(&mut self, node: Incarnation, seq: u64, result: BranchResult) {
        let batch = self.batch(node, seq);
        self.refused_batch(RefusedBatch {
            link: self.env.link,
            destination: node,
            number: batch,
            seqs: seq..=seq,
            result,
        });
    }

    fn refused_batch(&mut self, batch: RefusedBatch) {
        self.custody.refused(self.now, &mut self.env, batch);
    }

    fn batch(&self, node: Incarnation, seq: u64) -> u32 {
        let last = self.env.batches.iter().rposition(|&(to, of, _)| (to, of) == (node, seq));
        last.expect("it was forwarded") as u32 + 1
    }

    /// The link is lost after QUIC took the batch of that message.
    fn link_lost_after(&mut self, node: Incarnation, seq: u64) {
        let mut handed = [0; MESSAGE_LANES];
        handed[0] = self.batch(node, seq);
        self.link_lost(handed);
    }

    fn link_lost(&mut self, handed: [u32; MESSAGE_LANES]) {
        self.env.lane = Some(Forwarded::NoLink);
        let link = self.env.link;
        self.custody.link_lost(self.now, &mut self.env, link, handed);
    }

    fn link_up(&mut self) {
        self.env.lane = None;
        let link = self.env.link.next();
        self.env.link = link;
        self.custody.link_up(self.now, &mut self.env, link);
    }

    /// Time passes, and custody ticks.
    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.custody.tick(self.now, &mut self.env);
    }
}

/// Effects, since they were last taken.
impl Harness {
    fn reported(&mut self) -> Vec<(u64, Outcome)> {
        mem::take(&mut self.env.reported)
    }

    fn forwarded(&mut self) -> Vec<(Incarnation, u64)> {
        mem::take(&mut self.env.forwarded)
    }

    fn delivered_here(&mut self) -> Vec<u64> {
        mem::take(&mut self.env.delivered_here)
    }

    fn look_ups(&mut self) -> usize {
        mem::take(&mut self.env.look_ups)
    }
}

fn receipt(seq: u64, status: ReceiptStatus) -> Receipt {
    Receipt { seq, status, route_stale: false, missed: 0 }
}
