//! The network conditions of a run, drawn from its seed: every run has its own size and faults.

use std::time::Duration;

use fastrand::Rng;
use trunkline_node::custody::Limits;

/// What a step of a run can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunAction {
    /// One of the pending events happens.
    Advance,
    Send,
    Wait,
    LogIn,
    LogOut,
    WritePart,
    FailLookUp,
    BreakLink,
    Relink,
    RestartRelay,
    Freeze,
    Thaw,
    Die,
    Start,
    DeclareDead,
    EmptyDirectory,
}

/// The faults. A run has some of them.
const FAULTS: [RunAction; 9] = [
    RunAction::LogOut,
    RunAction::WritePart,
    RunAction::FailLookUp,
    RunAction::BreakLink,
    RunAction::RestartRelay,
    RunAction::Freeze,
    RunAction::Die,
    RunAction::DeclareDead,
    RunAction::EmptyDirectory,
];

/// How long a wait may be, in milliseconds.
const WAITS_MS: [u64; 14] = [1, 1, 2, 5, 10, 20, 50, 100, 100, 200, 250, 500, 1000, 5000];

/// The keys of the users. A run has some of them.
const USERS: [&str; 3] = ["u0", "u1", "u2"];

/// The size, the limits and the faults of a run.
#[derive(Debug)]
pub(crate) struct Conditions {
    pub(crate) nodes: usize,
    pub(crate) users: usize,
    /// How many sessions send, on each node.
    pub(crate) senders: u64,
    pub(crate) steps: u32,
    pub(crate) limits: Limits,
    /// How many messages fit into a lane, into the relay's queue (in batches), and into the buffer
    /// of a session.
    pub(crate) lane_room: usize,
    pub(crate) relay_room: usize,
    pub(crate) socket_room: usize,
    /// Batches are numbered from here.
    pub(crate) first_batch: u32,
    /// Receipts may report that the route is stale.
    pub(crate) reports_stale_routes: bool,
    /// Faults are repaired before the last sends have ended, and not only after.
    pub(crate) repairs_early: bool,
    actions: Vec<(RunAction, u32)>,
    weight: u32,
}

impl Conditions {
    pub(crate) fn of(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let actions = actions(rng);
        let rare = |rng: &mut Rng, tight: usize| if rng.u8(..4) == 0 { tight } else { 100 };
        Self {
            nodes: rng.usize(2..=4),
            // Most faults of custody need only two nodes and one user.
            users: [1, 1, 2, USERS.len()][rng.usize(..4)],
            senders: rng.u64(1..=2),
            steps: rng.u32(15..=110),
            limits: limits(rng),
            lane_room: rare(rng, 3),
            relay_room: rare(rng, 1),
            socket_room: rare(rng, 2),
            first_batch: if rng.bool() { 0 } else { u32::MAX - 3 },
            reports_stale_routes: rng.bool(),
            repairs_early: rng.bool(),
            weight: actions.iter().map(|(_, weight)| weight).sum(),
            actions,
        }
    }

    pub(crate) fn draw(&self, rng: &mut Rng) -> RunAction {
        let mut at = rng.u32(..self.weight);
        for &(action, weight) in &self.actions {
            if at < weight {
                return action;
            }
            at -= weight;
        }
        RunAction::Advance
    }

    pub(crate) fn wait_ms(rng: &mut Rng) -> u64 {
        WAITS_MS[rng.usize(..WAITS_MS.len())]
    }

    pub(crate) fn route_ttl_ms(&self) -> u64 {
        self.limits.route_ttl.as_millis() as u64
    }

    /// The number of the user with that key.
    pub(crate) fn user(&self, key: &str) -> usize {
        usize::from(key.as_bytes()[1] - b'0')
    }

    /// The key of the user with that number.
    pub(crate) fn key(user: usize) -> &'static str {
        USERS[user]
    }

    /// Makes room for everything.
    pub(crate) fn remove_limits(&mut self) {
        (self.lane_room, self.relay_room, self.socket_room) = (100, 100, 100);
    }
}

fn actions(rng: &mut Rng) -> Vec<(RunAction, u32)> {
    let mut actions = vec![
        (RunAction::Advance, rng.u32(30..80)),
        (RunAction::Send, rng.u32(8..30)),
        (RunAction::Wait, rng.u32(3..15)),
        (RunAction::LogIn, 4),
        (RunAction::Relink, 3),
        (RunAction::Thaw, 2),
        (RunAction::Start, 2),
    ];
    for fault in FAULTS {
        if rng.u8(..3) == 0 {
            actions.push((fault, rng.u32(1..6)));
        }
    }
    actions
}

fn limits(rng: &mut Rng) -> Limits {
    let millis = |rng: &mut Rng, choices: [u64; 3]| Duration::from_millis(choices[rng.usize(..3)]);
    let tight = rng.u8(..6) == 0;
    Limits {
        deadline: millis(rng, [300, 1000, 5000]),
        route_ttl: millis(rng, [200, 1000, 5000]),
        recipients_max: if tight { 1 } else { 100 },
        pending_max: if tight { 4 } else { 100 },
        pending_bytes_max: if tight { 45 } else { 10_000 },
    }
}
