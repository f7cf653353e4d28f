//! What a proxy does to datagrams, and the random numbers that decide it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fastrand::Rng;

/// A direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the node to the relay.
    ToRelay,
    /// From the relay to the node.
    ToNode,
}

impl Direction {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::ToRelay, Self::ToNode];
}

/// What happens to the datagrams of one direction. By default, all pass at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NetworkConditions {
    /// The probability that a datagram is lost. With 1 the direction is cut.
    pub loss: f64,
    /// The probability that a datagram arrives twice.
    pub duplication: f64,
    /// How long each datagram is delayed.
    pub delay: Duration,
    /// The upper bound of a random delay on top: with any, datagrams overtake each other.
    pub jitter: Duration,
}

impl NetworkConditions {
    /// Nothing passes.
    pub const CUT: Self =
        Self { loss: 1.0, duplication: 0.0, delay: Duration::ZERO, jitter: Duration::ZERO };
}

/// The datagrams of one direction so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramCounts {
    /// Passed on, duplicates included.
    pub passed: u64,
    /// Lost.
    pub lost: u64,
}

/// What to do with one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatagramAction {
    Drop,
    /// Pass it on after a delay, and a duplicate after another one.
    Pass {
        after: Duration,
        duplicate_after: Option<Duration>,
    },
}

/// The conditions and counts of both directions.
#[derive(Debug)]
pub(super) struct LinkConditions {
    rng: Rng,
    to_relay: (NetworkConditions, DatagramCounts),
    to_node: (NetworkConditions, DatagramCounts),
}

impl LinkConditions {
    pub(super) fn new(seed: u64) -> Self {
        let unimpaired = (NetworkConditions::default(), DatagramCounts::default());
        Self { rng: Rng::with_seed(seed), to_relay: unimpaired, to_node: unimpaired }
    }

    pub(super) fn set(&mut self, direction: Direction, conditions: NetworkConditions) {
        self.of(direction).0 = conditions;
    }

    pub(super) fn counts(&self, direction: Direction) -> DatagramCounts {
        match direction {
            Direction::ToRelay => self.to_relay.1,
            Direction::ToNode => self.to_node.1,
        }
    }

    pub(super) fn is_cut(&mut self, direction: Direction) -> bool {
        self.of(direction).0.loss >= 1.0
    }

    /// Draws what to do with the next datagram. Always draws the same number of random numbers, so
    /// that a change of the conditions does not shift those of later datagrams.
    pub(super) fn draw(&mut self, direction: Direction) -> DatagramAction {
        let (loss, duplication) = (self.rng.f64(), self.rng.f64());
        let (first, second) = (self.rng.f64(), self.rng.f64());
        let (conditions, counts) = self.of(direction);
        if loss < conditions.loss {
            counts.lost += 1;
            return DatagramAction::Drop;
        }
        let delay = |random| conditions.delay + conditions.jitter.mul_f64(random);
        let duplicate_after = (duplication < conditions.duplication).then(|| delay(second));
        counts.passed += 1 + u64::from(duplicate_after.is_some());
        DatagramAction::Pass { after: delay(first), duplicate_after }
    }

    fn of(&mut self, direction: Direction) -> &mut (NetworkConditions, DatagramCounts) {
        match direction {
            Direction::ToRelay => &mut self.to_relay,
            Direction::ToNode => &mut self.to_node,
        }
    }
}

/// The conditions of a link, shared between a proxy and its flows.
#[derive(Clone, Debug)]
pub(super) struct SharedConditions(Arc<Mutex<LinkConditions>>);

impl SharedConditions {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(LinkConditions::new(seed))))
    }

    pub(super) fn with<T>(&self, access: impl FnOnce(&mut LinkConditions) -> T) -> T {
        // No change under this lock can be left half done.
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
