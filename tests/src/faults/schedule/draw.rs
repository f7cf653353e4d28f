//! The drawing of a schedule from a seed.

use std::{iter, time::Duration};

use fastrand::Rng;

use super::{Component, Fault, PlannedFault, Schedule};
use trunkline_bench::proxy::{Direction, NetworkConditions};

/// Each kind of fault as often as it is in the deck.
const DECK: [Kind; 14] = [
    Kind::KillNode,
    Kind::KillNode,
    Kind::DrainNode,
    Kind::FreezeNodeBriefly,
    Kind::FreezeNode,
    Kind::CutLink,
    Kind::CutLink,
    Kind::Impair,
    Kind::DuplicateName,
    Kind::Relay,
    Kind::Relay,
    Kind::FreezeRedis,
    Kind::KillRedis,
    Kind::FlushRedis,
];

/// The schedule has one fault for each of these intervals; several overlap.
const FAULT_EVERY: Duration = Duration::from_millis(1_100);

/// How long a component has no fault before its next one.
const FAULT_GAP: Duration = Duration::from_millis(300);

/// The same around a duplicate name: the node needs its link to defend its name.
const DUPLICATE_NAME_GAP: Duration = Duration::from_secs(3);

/// How many times are tried for a fault before it is left out.
const TRIES: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    KillNode,
    DrainNode,
    /// Shorter than any failure detection.
    FreezeNodeBriefly,
    /// Longer than the lease.
    FreezeNode,
    CutLink,
    Impair,
    DuplicateName,
    Relay,
    FreezeRedis,
    KillRedis,
    FlushRedis,
}

/// Deals kinds from a shuffled deck, so that even a short schedule has many kinds, and finds a time for
/// each at which its component has no other fault.
pub(super) fn schedule(seed: u64, lasting: Duration, nodes: usize) -> Schedule {
    let mut rng = Rng::with_seed(seed);
    let count = (lasting.as_secs_f64() / FAULT_EVERY.as_secs_f64()).ceil() as usize;
    let mut faults: Vec<PlannedFault> = Vec::new();
    let mut deck = Vec::new();
    for _ in 0..count {
        if deck.is_empty() {
            deck = DECK.to_vec();
            rng.shuffle(&mut deck);
        }
        let Some(kind) = deck.pop() else { continue };
        let candidates = iter::repeat_with(|| draw_fault(&mut rng, kind, lasting, nodes));
        let found = candidates.take(TRIES).find(|candidate| fits(candidate, lasting, &faults));
        faults.extend(found);
    }
    faults.sort_by_key(|planned| planned.at);
    Schedule { seed, lasting, faults }
}

fn draw_fault(rng: &mut Rng, kind: Kind, lasting: Duration, nodes: usize) -> PlannedFault {
    let (fault, millis) = fault(rng, kind, nodes);
    let whole = lasting.as_millis() as u64;
    let at = Duration::from_millis(rng.u64(..=whole.saturating_sub(millis)));
    PlannedFault { at, until: at + Duration::from_millis(millis), fault }
}

/// A fault of a kind, and how many milliseconds it lasts.
fn fault(rng: &mut Rng, kind: Kind, nodes: usize) -> (Fault, u64) {
    let node = format!("node-{}", rng.usize(1..=nodes));
    match kind {
        Kind::KillNode => (Fault::KillNode(node), rng.u64(50..3_500)),
        Kind::DrainNode => (Fault::DrainNode(node), rng.u64(800..3_000)),
        Kind::FreezeNodeBriefly => (Fault::FreezeNode(node), rng.u64(100..1_400)),
        Kind::FreezeNode => (Fault::FreezeNode(node), rng.u64(2_300..4_500)),
        Kind::CutLink => (Fault::CutLink(node, directions(rng)), rng.u64(300..4_500)),
        Kind::Impair => (Fault::Impair(node, conditions(rng)), rng.u64(1_000..5_000)),
        Kind::DuplicateName => (Fault::DuplicateName(node), 2_500),
        Kind::Relay => match rng.u8(..4) {
            0 => (Fault::StopRelay, rng.u64(100..2_000)),
            1 => (Fault::FreezeRelay, rng.u64(300..3_500)),
            _ => (Fault::KillRelay, rng.u64(50..3_000)),
        },
        Kind::FreezeRedis => (Fault::FreezeRedis, rng.u64(300..4_000)),
        Kind::KillRedis => (Fault::KillRedis, rng.u64(50..3_500)),
        Kind::FlushRedis => (Fault::FlushRedis, 0),
    }
}

fn directions(rng: &mut Rng) -> Vec<Direction> {
    match rng.u8(..3) {
        0 => vec![Direction::ToRelay],
        1 => vec![Direction::ToNode],
        _ => Direction::BOTH.to_vec(),
    }
}

fn conditions(rng: &mut Rng) -> NetworkConditions {
    let loss = [0.0, 0.01, 0.1, 0.3][rng.usize(..4)];
    let duplication = [0.0, 0.05, 0.5][rng.usize(..3)];
    let (delay, jitter) = [(0, 0), (0, 5), (20, 30), (150, 100)][rng.usize(..4)];
    let (delay, jitter) = (Duration::from_millis(delay), Duration::from_millis(jitter));
    NetworkConditions { loss, duplication, delay, jitter }
}

/// Whether a fault ends in time, and no other fault affects its components at the same time.
fn fits(planned: &PlannedFault, lasting: Duration, faults: &[PlannedFault]) -> bool {
    let components = affected(&planned.fault);
    let disjoint = |other: &PlannedFault| {
        affected(&other.fault).iter().all(|component| !components.contains(component))
    };
    planned.until <= lasting
        && faults.iter().all(|other| disjoint(other) || are_apart(planned, other))
}

fn are_apart(one: &PlannedFault, other: &PlannedFault) -> bool {
    let duplicates =
        [one, other].iter().any(|planned| matches!(planned.fault, Fault::DuplicateName(_)));
    let apart = if duplicates { DUPLICATE_NAME_GAP } else { FAULT_GAP };
    other.at >= one.until + apart || one.at >= other.until + apart
}

fn affected(fault: &Fault) -> Vec<Component> {
    let mut components = fault.needs();
    components.push(fault.component());
    components
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, mem::discriminant};

    use super::*;

    const LASTING: Duration = Duration::from_secs(10);

    #[test]
    fn seed_determines_the_schedule() {
        assert_eq!(schedule(7, LASTING, 3), schedule(7, LASTING, 3));
        assert_ne!(schedule(7, LASTING, 3), schedule(8, LASTING, 3));
    }

    #[test]
    fn no_component_has_two_faults_at_once_and_none_outlasts_the_schedule() {
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
    fn hundred_schedules_have_every_kind_many_times() {
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
