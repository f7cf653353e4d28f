//! Runs cases on systems, which take turns.

use anyhow::Result;
use trunkline_bench::WireProtocol;

use crate::{
    cases::Case,
    machine::Machine,
    metric::Metric,
    progress::Progress,
    report::{BenchReport, Section},
    system_under_test::{BenchSetup, SystemUnderTest},
};

/// A system that cases run on.
pub(crate) trait Suite {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its version.
    fn version(&self) -> Result<String>;

    /// Runs one case.
    fn run(&mut self, case: Case) -> Result<Vec<Metric>>;
}

/// A [`Suite`] on one kind of system.
pub(crate) struct SystemSuite<'a, S> {
    setup: &'a BenchSetup,
    /// A system with two nodes, started when it is first needed.
    shared: Option<S>,
}

impl<'a, S: SystemUnderTest> SystemSuite<'a, S> {
    pub(crate) fn new(setup: &'a BenchSetup) -> Self {
        Self { setup, shared: None }
    }
}

impl<S: SystemUnderTest> Suite for SystemSuite<'_, S> {
    fn name(&self) -> &'static str {
        S::WireProtocol::NAME
    }

    fn version(&self) -> Result<String> {
        S::version(self.setup)
    }

    fn run(&mut self, case: Case) -> Result<Vec<Metric>> {
        let shared = match &mut self.shared {
            Some(shared) => shared,
            None => self.shared.insert(S::start(self.setup, 2)?),
        };
        case.run::<S>(self.setup, &shared.system())
    }
}

/// Runs every case `runs` times on every system. Systems take turns, so that drift of the machine
/// affects all alike.
pub(crate) fn run(
    systems: &mut [Box<dyn Suite + '_>],
    cases: &[Case],
    runs: u32,
) -> Result<BenchReport> {
    let versions = systems.iter().map(|system| system.version()).collect::<Result<_>>()?;
    let names: Vec<_> = systems.iter().map(|system| system.name()).collect();
    let mut sections: Vec<_> =
        cases.iter().map(|case| Section::new(*case, systems.len())).collect();
    let runs_of_all = u64::from(runs) * names.len() as u64;
    let seconds = cases.iter().map(|case| case.seconds()).sum::<u64>() * runs_of_all;
    let progress = Progress::start(runs_of_all as usize * cases.len(), seconds);
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
    Ok(BenchReport { machine: Machine::read()?, systems: names, versions, sections })
}
