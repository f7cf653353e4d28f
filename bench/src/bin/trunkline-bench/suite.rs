//! Running cases on systems, in turn.

use anyhow::Result;
use trunkline_bench::Peer;

use crate::{
    cases::Case,
    figure::Figure,
    machine::Machine,
    progress::Progress,
    report::{Report, Section},
    stand::{Setup, Stand},
};

/// A system that cases are run on.
pub(crate) trait Suite {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Its version.
    fn version(&self) -> Result<String>;

    /// Runs one case.
    fn run(&mut self, case: Case) -> Result<Vec<Figure>>;
}

/// A [`Suite`] on one kind of system.
pub(crate) struct Bench<'a, S> {
    setup: &'a Setup,
    /// Two nodes, started when they are first needed.
    usual: Option<S>,
}

impl<'a, S: Stand> Bench<'a, S> {
    pub(crate) fn new(setup: &'a Setup) -> Self {
        Self { setup, usual: None }
    }
}

impl<S: Stand> Suite for Bench<'_, S> {
    fn name(&self) -> &'static str {
        S::Peer::NAME
    }

    fn version(&self) -> Result<String> {
        S::version(self.setup)
    }

    fn run(&mut self, case: Case) -> Result<Vec<Figure>> {
        let usual = match &mut self.usual {
            Some(usual) => usual,
            None => self.usual.insert(S::start(self.setup, 2)?),
        };
        case.run::<S>(self.setup, &usual.system())
    }
}

/// Runs all cases so often on all systems, which take turns.
pub(crate) fn run(
    systems: &mut [Box<dyn Suite + '_>],
    cases: &[Case],
    runs: u32,
) -> Result<Report> {
    let versions = systems.iter().map(|system| system.version()).collect::<Result<_>>()?;
    let names: Vec<_> = systems.iter().map(|system| system.name()).collect();
    let mut sections: Vec<_> =
        cases.iter().map(|case| Section::new(*case, systems.len())).collect();
    let turns = u64::from(runs) * names.len() as u64;
    let seconds = cases.iter().map(|case| case.seconds()).sum::<u64>() * turns;
    let progress = Progress::start(turns as usize * cases.len(), seconds);
    for run in 1..=runs {
        for section in &mut sections {
            for (at, system) in systems.iter_mut().enumerate() {
                let of_runs =
                    if runs > 1 { format!(", run {run} of {runs}") } else { String::new() };
                progress.next(format!("{} · {}{of_runs}", section.case.title(), names[at]));
                section.add(at, system.run(section.case)?);
            }
        }
    }
    drop(progress);
    Ok(Report { machine: Machine::read()?, systems: names, versions, sections })
}
