//! The report: a table, or JSON.

use std::fmt;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    cases::Case,
    growth::median,
    machine::Machine,
    metric::{Goal, Metric, MetricUnit, shown},
};

const BOLD: Style = Style::new().bold();
const MET: Style = AnsiColor::Green.on_default();
const MISSED: Style = AnsiColor::Red.on_default();

/// The results of all cases.
#[derive(Debug, Serialize)]
pub(crate) struct BenchReport {
    pub(crate) machine: Machine,
    pub(crate) systems: Vec<&'static str>,
    pub(crate) versions: Vec<String>,
    pub(crate) sections: Vec<Section>,
}

/// The results of one case.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    #[serde(serialize_with = "title")]
    pub(crate) case: Case,
    systems: usize,
    rows: Vec<Row>,
}

/// The values of one metric, of every run on every system.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    unit: MetricUnit,
    goal: Option<Goal>,
    goal_beside: Option<Goal>,
    /// For each system, the value of each run.
    values: Vec<Vec<f64>>,
}

impl BenchReport {
    /// As JSON.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and strings are always JSON")
    }
}

impl Section {
    pub(crate) fn new(case: Case, systems: usize) -> Self {
        Self { case, systems, rows: Vec::new() }
    }

    /// Adds the metrics of one run on the system at index `system`. Every run of a case has the same
    /// metrics in the same order.
    pub(crate) fn add(&mut self, system: usize, metrics: Vec<Metric>) {
        for (at, Metric { name, unit, value, goal, goal_beside }) in metrics.into_iter().enumerate()
        {
            if at == self.rows.len() {
                let values = vec![Vec::new(); self.systems];
                self.rows.push(Row { name, unit, goal, goal_beside, values });
            }
            self.rows[at].values[system].push(value);
        }
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, processors, kernel, load, optimised } = &self.machine;
        writeln!(f, "{processors} × {processor}, Linux {kernel}, load {load}")?;
        for version in &self.versions {
            writeln!(f, "{version}")?;
        }
        if !optimised {
            writeln!(f, "{MISSED}built without optimisation: these metrics say nothing{MISSED:#}")?;
        }
        for section in &self.sections {
            writeln!(f, "\n{BOLD}{}{BOLD:#}", section.case.title())?;
            if self.systems.len() > 1 {
                heading(f, &self.systems)?;
            }
            for row in &section.rows {
                writeln!(f, "{row}")?;
            }
        }
        Ok(())
    }
}

fn heading(f: &mut fmt::Formatter<'_>, systems: &[&str]) -> fmt::Result {
    write!(f, "{:NAME$}", "")?;
    for system in systems {
        write!(f, " {system:>VALUE$} {:SPREAD$}", "")?;
    }
    writeln!(f, " {:>RATIO$}", "ratio")
}

/// The widths of the columns.
const NAME: usize = 43;
const VALUE: usize = 12;
const SPREAD: usize = 19;
const RATIO: usize = 6;

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:width$}", self.name, width = NAME - 2)?;
        for values in &self.values {
            write!(f, " {:>VALUE$}", shown(median(values.clone()), self.unit))?;
            if values.len() > 1 || self.values.len() > 1 {
                write!(f, " {:SPREAD$}", spread(values, self.unit))?;
            }
        }
        let medians: Vec<_> = self.values.iter().cloned().map(median).collect();
        match medians[..] {
            [ours] => goal(f, ours, self.goal),
            [ours, theirs] if theirs != 0.0 => {
                write!(f, " {:>RATIO$.2}", ours / theirs)?;
                goal(f, ours / theirs, self.goal_beside)
            }
            _ => Ok(()),
        }
    }
}

/// The lowest and the highest value.
fn spread(values: &[f64], unit: MetricUnit) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 2 || most == 0.0 {
        return String::new();
    }
    let number = |value| {
        let text = shown(value, unit);
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    format!("({}–{})", number(least), number(most))
}

fn goal(f: &mut fmt::Formatter<'_>, value: f64, goal: Option<Goal>) -> fmt::Result {
    let Some(goal) = goal else { return Ok(()) };
    let (style, mark) = if goal.is_met_by(value) { (MET, "✓") } else { (MISSED, "✗") };
    write!(f, "  {style}{mark} goal {goal}{style:#}")
}

fn title<S: serde::Serializer>(case: &Case, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(case.title())
}
