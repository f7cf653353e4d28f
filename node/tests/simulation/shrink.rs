//! Makes a failing run as short as it gets, and tells what happens in it.

use crate::{checker::Demand, scheduler::Plan};

/// Leaves out steps as long as the same demand fails, and returns what is left, written down.
pub(crate) fn explain(plan: &Plan, demand: Demand) -> String {
    let shortest = shorten(plan.clone(), demand);
    let logged = Plan { logged: true, ..shortest }.run();
    let what = logged.violation.map(|violation| violation.what).unwrap_or_default();
    format!("seed {}: {demand:?} does not hold: {what}\n{}", plan.seed, logged.log.join("\n"))
}

fn shorten(mut plan: Plan, demand: Demand) -> Plan {
    let mut length = plan.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < plan.steps.len() {
            let mut shorter = plan.clone();
            shorter.steps.drain(at..(at + length).min(plan.steps.len()));
            if fails(&shorter, demand) {
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

fn fails(plan: &Plan, demand: Demand) -> bool {
    plan.run().violation.is_some_and(|violation| violation.demand == demand)
}
