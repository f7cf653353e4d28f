//! Shortens a failing run, and describes what happens in it.

use crate::{checker::Invariant, scheduler::RunPlan};

/// Leaves out steps as long as the same invariant is violated, and returns the log of what is left.
pub(crate) fn explain(plan: &RunPlan, invariant: Invariant) -> String {
    let shortest = shorten(plan.clone(), invariant);
    let logged = RunPlan { logged: true, ..shortest }.run();
    let detail = logged.violation.map(|violation| violation.detail).unwrap_or_default();
    let log = logged.log.join("\n");
    format!("seed {}: {invariant:?} is violated: {detail}\n{log}", plan.seed)
}

fn shorten(mut plan: RunPlan, invariant: Invariant) -> RunPlan {
    let mut length = plan.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < plan.steps.len() {
            let mut shorter = plan.clone();
            shorter.steps.drain(at..(at + length).min(plan.steps.len()));
            if fails(&shorter, invariant) {
                plan = shorter;
            } else {
                at += length;
            }
        }
        if length == 1 {
            return plan;
        }
        length = length.div_ceil(2);
    }
}

fn fails(plan: &RunPlan, invariant: Invariant) -> bool {
    plan.run().violation.is_some_and(|violation| violation.invariant == invariant)
}
