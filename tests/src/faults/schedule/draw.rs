use std::{iter, time::Duration};

use fastrand::Rng;

use super::{Fault, Part, Planned, Schedule};
use trunkline_bench::proxy::{Way, Weather};

/// The kinds of faults, by how often they are in the deck.
const DECK: [Kind; 14] = [
    Kind::KillNode,
    Kind::KillNode,
    Kind::DrainNode,
    Kind::BlinkNode,
    Kind::FreezeNode,
    Kind::CutLink,
    Kind::CutLink,
    Kind::BadWeather,
    Kind::Rival,
    Kind::Relay,
    Kind::Relay,
    Kind::FreezeRedis,
    Kind::KillRedis,
    Kind::FlushRedis,
];

/// How much time there is for each fault, on average: several are under way at a time.
const PACE: Duration = Duration::from_millis(1_100);

/// How long a part has to be itself again before its next fault.
const APART: Duration = Duration::from_millis(300);

/// The same for a node that is to defend its name: it has to have a link again.
const APART_FROM_RIVAL: Duration = Duration::from_secs(3);

/// How often a place in the schedule is looked for before a fault is left out.
const TRIES: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    KillNode,
    DrainNode,
    /// Shorter than anything that is noticed.
    BlinkNode,
    /// Past the lease.
    FreezeNode,
    CutLink,
    BadWeather,
    Rival,
    Relay,
    FreezeRedis,
    KillRedis,
    FlushRedis,
}

/// Deals kinds from a shuffled deck, so that a short schedule is not all of one kind, and finds a
/// time for each at which its part is whole.
pub(super) fn schedule(seed: u64, lasting: Duration, nodes: usize) -> Schedule {
    let mut dice = Rng::with_seed(seed);
    let count = (lasting.as_secs_f64() / PACE.as_secs_f64()).ceil() as usize;
    let mut faults: Vec<Planned> = Vec::new();
    let mut deck = Vec::new();
    for _ in 0..count {
        if deck.is_empty() {
            deck = DECK.to_vec();
            dice.shuffle(&mut deck);
        }
        let Some(kind) = deck.pop() else { continue };
        let places = iter::repeat_with(|| place(&mut dice, kind, lasting, nodes));
        let found = places.take(TRIES).find(|place| fits(place, lasting, &faults));
        faults.extend(found);
    }
    faults.sort_by_key(|planned| planned.at);
    Schedule { seed, lasting, faults }
}

fn place(dice: &mut Rng, kind: Kind, lasting: Duration, nodes: usize) -> Planned {
    let (fault, millis) = fault(dice, kind, nodes);
    let whole = lasting.as_millis() as u64;
    let at = Duration::from_millis(dice.u64(..=whole.saturating_sub(millis)));
    Planned { at, until: at + Duration::from_millis(millis), fault }
}

/// A fault of a kind, and how many milliseconds it lasts.
fn fault(dice: &mut Rng, kind: Kind, nodes: usize) -> (Fault, u64) {
    let node = format!("node-{}", dice.usize(1..=nodes));
    match kind {
        Kind::KillNode => (Fault::KillNode(node), dice.u64(50..3_500)),
        Kind::DrainNode => (Fault::DrainNode(node), dice.u64(800..3_000)),
        Kind::BlinkNode => (Fault::FreezeNode(node), dice.u64(100..1_400)),
        Kind::FreezeNode => (Fault::FreezeNode(node), dice.u64(2_300..4_500)),
        Kind::CutLink => (Fault::CutLink(node, ways(dice)), dice.u64(300..4_500)),
        Kind::BadWeather => (Fault::BadWeather(node, weather(dice)), dice.u64(1_000..5_000)),
        Kind::Rival => (Fault::Rival(node), 2_500),
        Kind::Relay => match dice.u8(..4) {
            0 => (Fault::LeaveRelay, dice.u64(100..2_000)),
            1 => (Fault::FreezeRelay, dice.u64(300..3_500)),
            _ => (Fault::KillRelay, dice.u64(50..3_000)),
        },
        Kind::FreezeRedis => (Fault::FreezeRedis, dice.u64(300..4_000)),
        Kind::KillRedis => (Fault::KillRedis, dice.u64(50..3_500)),
        Kind::FlushRedis => (Fault::FlushRedis, 0),
    }
}

fn ways(dice: &mut Rng) -> Vec<Way> {
    match dice.u8(..3) {
        0 => vec![Way::ToRelay],
        1 => vec![Way::ToNode],
        _ => Way::BOTH.to_vec(),
    }
}

fn weather(dice: &mut Rng) -> Weather {
    let loss = [0.0, 0.01, 0.1, 0.3][dice.usize(..4)];
    let twice = [0.0, 0.05, 0.5][dice.usize(..3)];
    let (delay, jitter) = [(0, 0), (0, 5), (20, 30), (150, 100)][dice.usize(..4)];
    let (delay, jitter) = (Duration::from_millis(delay), Duration::from_millis(jitter));
    Weather { loss, twice, delay, jitter }
}

/// Whether a fault ends in time, and touches no part that another one touches meanwhile.
fn fits(planned: &Planned, lasting: Duration, faults: &[Planned]) -> bool {
    let parts = touched(&planned.fault);
    let disjoint = |other: &Planned| touched(&other.fault).iter().all(|part| !parts.contains(part));
    planned.until <= lasting
        && faults.iter().all(|other| disjoint(other) || are_apart(planned, other))
}

fn are_apart(one: &Planned, other: &Planned) -> bool {
    let rivals = [one, other].iter().any(|planned| matches!(planned.fault, Fault::Rival(_)));
    let apart = if rivals { APART_FROM_RIVAL } else { APART };
    other.at >= one.until + apart || one.at >= other.until + apart
}

fn touched(fault: &Fault) -> Vec<Part> {
    let mut parts = fault.needs();
    parts.push(fault.part());
    parts
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, mem::discriminant};

    use super::*;

    const LASTING: Duration = Duration::from_secs(10);

    #[test]
    fn a_seed_stands_for_one_schedule() {
        assert_eq!(schedule(7, LASTING, 3), schedule(7, LASTING, 3));
        assert_ne!(schedule(7, LASTING, 3), schedule(8, LASTING, 3));
    }

    #[test]
    fn no_part_has_two_faults_at_a_time_and_all_are_over_at_the_end() {
        for seed in 0..200 {
            let schedule = schedule(seed, LASTING, 3);
            assert!(schedule.faults.len() > 3, "{schedule:?}");
            for (number, planned) in schedule.faults.iter().enumerate() {
                assert!(fits(planned, LASTING, &schedule.faults[..number]), "{planned}");
            }
            let steps = schedule.steps();
            assert!(steps.is_sorted_by_key(|step| step.at));
            assert_eq!(steps.len(), 2 * schedule.faults.len());
        }
    }

    #[test]
    fn a_hundred_schedules_have_every_kind_many_times() {
        let schedules = (0..100).map(|seed| schedule(seed, LASTING, 3));
        let faults: Vec<_> = schedules.flat_map(|schedule| schedule.faults).collect();
        let kinds: Vec<_> = faults.iter().map(|planned| discriminant(&planned.fault)).collect();
        let different: HashSet<_> = kinds.iter().collect();
        assert_eq!(different.len(), 12);
        for kind in different {
            assert!(kinds.iter().filter(|other| *other == kind).count() >= 10);
        }
    }
}
