use std::time::Duration;

use fastrand::Rng;

use super::Traffic;

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the node to the relay.
    ToRelay,
    /// From the relay to the node.
    ToNode,
}

impl Way {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::ToRelay, Self::ToNode];
}

/// What happens to the datagrams of one direction. [`Weather::default`] lets all pass at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// The chance that a datagram is lost, from 0 to 1. With 1 the direction is cut.
    pub loss: f64,
    /// The chance that one comes twice, from 0 to 1.
    pub twice: f64,
    /// How late each comes.
    pub delay: Duration,
    /// How much later than that it may come: with any of it, datagrams overtake each other.
    pub jitter: Duration,
}

impl Weather {
    /// Nothing passes.
    pub const CUT: Self =
        Self { loss: 1.0, twice: 0.0, delay: Duration::ZERO, jitter: Duration::ZERO };
}

/// What is to become of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is lost.
    Lost,
    /// It passes so much later, and perhaps once more.
    Passed { after: Duration, again: Option<Duration> },
}

/// The weather of both directions, and the dice.
#[derive(Debug)]
pub(super) struct Sky {
    dice: Rng,
    to_relay: (Weather, Traffic),
    to_node: (Weather, Traffic),
}

impl Sky {
    pub(super) fn new(seed: u64) -> Self {
        let fair = (Weather::default(), Traffic::default());
        Self { dice: Rng::with_seed(seed), to_relay: fair, to_node: fair }
    }

    pub(super) fn set(&mut self, way: Way, weather: Weather) {
        self.of(way).0 = weather;
    }

    pub(super) fn traffic(&self, way: Way) -> Traffic {
        match way {
            Way::ToRelay => self.to_relay.1,
            Way::ToNode => self.to_node.1,
        }
    }

    /// Whether nothing at all passes in this direction.
    pub(super) fn is_cut(&mut self, way: Way) -> bool {
        self.of(way).0.loss >= 1.0
    }

    /// Draws what becomes of the next datagram.
    pub(super) fn fate(&mut self, way: Way) -> Fate {
        let (loss, twice) = (self.dice.f64(), self.dice.f64());
        let (now, later) = (self.dice.f64(), self.dice.f64());
        let (weather, traffic) = self.of(way);
        if loss < weather.loss {
            traffic.lost += 1;
            return Fate::Lost;
        }
        let again = (twice < weather.twice).then(|| weather.delay + weather.jitter.mul_f64(later));
        traffic.passed += 1 + u64::from(again.is_some());
        Fate::Passed { after: weather.delay + weather.jitter.mul_f64(now), again }
    }

    fn of(&mut self, way: Way) -> &mut (Weather, Traffic) {
        match way {
            Way::ToRelay => &mut self.to_relay,
            Way::ToNode => &mut self.to_node,
        }
    }
}
