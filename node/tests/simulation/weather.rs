//! What a run is like: drawn from its seed, so that every run has its own size and its own faults.

use std::time::Duration;

use fastrand::Rng;
use trunkline_node::custody::Limits;

/// What can happen at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something that is under way gets one stage further.
    Carry,
    PendingSend,
    Wait,
    LogIn,
    LogOut,
    TakePart,
    LookUpFails,
    Break,
    Relink,
    RelayRestarts,
    Freeze,
    Thaw,
    Die,
    Start,
    Condemn,
    Wipe,
}

/// The kinds that a run may be without.
const FAULTS: [Kind; 9] = [
    Kind::LogOut,
    Kind::TakePart,
    Kind::LookUpFails,
    Kind::Break,
    Kind::RelayRestarts,
    Kind::Freeze,
    Kind::Die,
    Kind::Condemn,
    Kind::Wipe,
];

/// How long a wait may be, in milliseconds.
const WAITS_MS: [u64; 14] = [1, 1, 2, 5, 10, 20, 50, 100, 100, 200, 250, 500, 1000, 5000];

/// The keys of the users. A run has some of them.
const USERS: [&str; 3] = ["u0", "u1", "u2"];

/// The size and the faults of a run.
#[derive(Debug)]
pub(crate) struct Weather {
    pub(crate) nodes: usize,
    pub(crate) users: usize,
    /// Sessions that send, on each node.
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
    /// Receipts say that the route is old when the user is elsewhere too.
    pub(crate) tells_old_routes: bool,
    /// Links are mended before the last sends have ended.
    pub(crate) mends_early: bool,
    kinds: Vec<(Kind, u32)>,
    weight: u32,
}

impl Weather {
    pub(crate) fn of(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let kinds = kinds(rng);
        let rare = |rng: &mut Rng, tight: usize| if rng.u8(..4) == 0 { tight } else { 100 };
        Self {
            nodes: rng.usize(2..=4),
            // Most of what is hard happens between few.
            users: [1, 1, 2, USERS.len()][rng.usize(..4)],
            senders: rng.u64(1..=2),
            steps: rng.u32(15..=110),
            limits: limits(rng),
            lane_room: rare(rng, 3),
            relay_room: rare(rng, 1),
            socket_room: rare(rng, 2),
            first_batch: if rng.bool() { 0 } else { u32::MAX - 3 },
            tells_old_routes: rng.bool(),
            mends_early: rng.bool(),
            weight: kinds.iter().map(|(_, weight)| weight).sum(),
            kinds,
        }
    }

    pub(crate) fn draw(&self, rng: &mut Rng) -> Kind {
        let mut at = rng.u32(..self.weight);
        for &(kind, weight) in &self.kinds {
            if at < weight {
                return kind;
            }
            at -= weight;
        }
        Kind::Carry
    }

    pub(crate) fn wait_ms(rng: &mut Rng) -> u64 {
        WAITS_MS[rng.usize(..WAITS_MS.len())]
    }

    pub(crate) fn route_life_ms(&self) -> u64 {
        self.limits.route_life.as_millis() as u64
    }

    /// The number of the user with that key.
    pub(crate) fn user(&self, key: &str) -> usize {
        usize::from(key.as_bytes()[1] - b'0')
    }

    /// The key of the user with that number.
    pub(crate) fn key(user: usize) -> &'static str {
        USERS[user]
    }

    /// From now on there is room for everything.
    pub(crate) fn clear_up(&mut self) {
        (self.lane_room, self.relay_room, self.socket_room) = (100, 100, 100);
    }
}

fn kinds(rng: &mut Rng) -> Vec<(Kind, u32)> {
    let mut kinds = vec![
        (Kind::Carry, rng.u32(30..80)),
        (Kind::PendingSend, rng.u32(8..30)),
        (Kind::Wait, rng.u32(3..15)),
        (Kind::LogIn, 4),
        (Kind::Relink, 3),
        (Kind::Thaw, 2),
        (Kind::Start, 2),
    ];
    for fault in FAULTS {
        if rng.u8(..3) == 0 {
            kinds.push((fault, rng.u32(1..6)));
        }
    }
    kinds
}

fn limits(rng: &mut Rng) -> Limits {
    let millis = |rng: &mut Rng, choices: [u64; 3]| Duration::from_millis(choices[rng.usize(..3)]);
    let tight = rng.u8(..6) == 0;
    Limits {
        deadline: millis(rng, [300, 1000, 5000]),
        route_life: millis(rng, [200, 1000, 5000]),
        recipients_max: if tight { 1 } else { 100 },
        pending_max: if tight { 4 } else { 100 },
        pending_bytes_max: if tight { 45 } else { 10_000 },
    }
}
