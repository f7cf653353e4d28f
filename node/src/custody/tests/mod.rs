//! Custody, one situation at a time. What no one thought of is found by `tests/simulation`.

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
    BranchResult, Custody, Ended, Environment, Forwarded, Letter, Limits, LocalDelivery,
    LookUpFailed, Target,
};

/// A session that sends, where it does not matter which.
const ALICE: u64 = 1;

/// Another one.
const CAROL: u64 = 2;

fn node(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

/// The node that has custody.
fn home() -> Incarnation {
    node(0)
}

#[derive(Debug)]
struct Note {
    sender: u64,
}

impl Letter for Note {
    fn bytes(&self) -> usize {
        10
    }

    fn sender(&self) -> u64 {
        self.sender
    }
}

/// A world that does what it is told and writes down what it is asked for.
#[derive(Debug)]
struct World {
    /// What this node's own sessions do with a message.
    here: LocalDelivery,
    /// What the lane does, if it does not take the message.
    lane: Option<Forwarded>,
    rebuilding: bool,
    delivered_here: Vec<u64>,
    /// Every message that a lane took, in a batch of its own.
    batches: Vec<(Incarnation, u64)>,
    forwarded: Vec<(Incarnation, u64)>,
    look_ups: usize,
    told: Vec<(u64, Outcome)>,
    missed: u32,
    /// How many messages came back.
    recycle: usize,
}

impl Environment<Note> for World {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        incarnation == home()
    }

    fn deliver_here(&mut self, seq: u64, _to: &User, _letter: &Note) -> LocalDelivery {
        if self.here == LocalDelivery::Waiting {
            self.delivered_here.push(seq);
        }
        self.here
    }

    fn forward(&mut self, node: Incarnation, seq: u64, _letter: &Note) -> Forwarded {
        if let Some(refused) = self.lane {
            return refused;
        }
        self.batches.push((node, seq));
        self.forwarded.push((node, seq));
        Forwarded::InBatch { lane: 0, batch: self.batches.len() as u32 }
    }

    fn look_up(&mut self, _user: &User) {
        self.look_ups += 1;
    }

    fn rebuilding(&self) -> bool {
        self.rebuilding
    }

    fn tell(&mut self, ended: Ended<'_, Note>) {
        self.told.push((ended.seq, ended.outcome));
        self.missed = ended.missed;
    }

    fn recycle(&mut self, _letter: Note) {
        self.recycle += 1;
    }
}

/// A custody on its stage.
struct Stage {
    custody: Custody<Note>,
    world: World,
    now: Instant,
}

/// What happens.
impl Stage {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let world = World {
            here: LocalDelivery::Nobody,
            lane: None,
            rebuilding: false,
            delivered_here: Vec::new(),
            batches: Vec::new(),
            forwarded: Vec::new(),
            look_ups: 0,
            told: Vec::new(),
            missed: 0,
            recycle: 0,
        };
        Self { custody: Custody::new(limits), world, now: Instant::now() }
    }

    /// A stage on which the route to bob is known.
    fn with_route(nodes: &[Incarnation]) -> Self {
        let mut stage = Self::new();
        stage.send("bob");
        stage.routed("bob", nodes);
        for (node, seq) in stage.forwarded() {
            stage.ends(node, seq, BranchResult::Taken);
        }
        if mem::take(&mut stage.world.delivered_here) == [1] {
            stage.ends_here(1, ReceiptStatus::Taken);
        }
        stage.told();
        stage.look_ups();
        stage
    }

    fn send(&mut self, to: &str) -> u64 {
        self.send_from(ALICE, to)
    }

    fn send_from(&mut self, sender: u64, to: &str) -> u64 {
        self.custody.accept(self.now, &mut self.world, to, Note { sender });
        self.custody.next_seq() - 1
    }

    fn routed(&mut self, user: &str, nodes: &[Incarnation]) {
        let user = user.parse().unwrap();
        self.custody.routed(self.now, &mut self.world, &user, Ok(nodes));
    }

    fn look_up_fails(&mut self, user: &str) {
        let user = user.parse().unwrap();
        self.custody.routed(self.now, &mut self.world, &user, Err(LookUpFailed));
    }

    /// The branch at another node comes to its end.
    fn ends(&mut self, node: Incarnation, seq: u64, fate: BranchResult) {
        let status = match fate {
            BranchResult::Taken => ReceiptStatus::Taken,
            BranchResult::Maybe => ReceiptStatus::Maybe,
            BranchResult::Full => ReceiptStatus::Full,
            BranchResult::NotHere => ReceiptStatus::NotHere,
            BranchResult::NotReached => return self.refused(node, seq, fate),
        };
        self.answered(Target::Node(node), receipt(seq, status));
    }

    fn ends_here(&mut self, seq: u64, status: ReceiptStatus) {
        self.answered(Target::LocalDelivery, receipt(seq, status));
    }

    fn answered(&mut self, party: Target, receipt: Receipt) {
        self.custody.answered(self.now, &mut self.world, party, receipt);
    }

    /// The last batch with that message comes back.
    fn refused(&mut self, node: Incarnation, seq: u64, fate: BranchResult) {
        let batch = self.batch(node, seq);
        self.custody.refused(self.now, &mut self.world, node, batch, seq..=seq, fate);
    }

    fn batch(&self, node: Incarnation, seq: u64) -> u32 {
        let last = self.world.batches.iter().rposition(|&batch| batch == (node, seq));
        last.expect("it was forwarded") as u32 + 1
    }

    /// The link breaks, after QUIC took the batch of that message.
    fn link_lost_after(&mut self, node: Incarnation, seq: u64) {
        let mut handed = [0; MESSAGE_LANES];
        handed[0] = self.batch(node, seq);
        self.link_lost(handed);
    }

    fn link_lost(&mut self, handed: [u32; MESSAGE_LANES]) {
        self.world.lane = Some(Forwarded::NoLink);
        self.custody.link_lost(self.now, &mut self.world, handed);
    }

    fn link_up(&mut self) {
        self.world.lane = None;
        self.custody.link_up(self.now, &mut self.world);
    }

    /// Time goes by, with a tick at its end.
    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.custody.tick(self.now, &mut self.world);
    }
}

/// What came of it, since it was last asked for.
impl Stage {
    fn told(&mut self) -> Vec<(u64, Outcome)> {
        mem::take(&mut self.world.told)
    }

    fn forwarded(&mut self) -> Vec<(Incarnation, u64)> {
        mem::take(&mut self.world.forwarded)
    }

    fn delivered_here(&mut self) -> Vec<u64> {
        mem::take(&mut self.world.delivered_here)
    }

    fn look_ups(&mut self) -> usize {
        mem::take(&mut self.world.look_ups)
    }
}

fn receipt(seq: u64, status: ReceiptStatus) -> Receipt {
    Receipt { seq, status, route_stale: false, missed: 0 }
}
