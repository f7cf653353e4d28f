//! A measured value and its goal.

use std::fmt;

use serde::Serialize;
use trunkline_bench::PerRole;

/// The unit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MetricUnit {
    PerSecond,
    Microseconds,
    Bytes,
    PercentOfACore,
    Times,
    Count,
}

impl MetricUnit {
    fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Microseconds => "µs",
            Self::Bytes => "B",
            Self::PercentOfACore => "%",
            Self::Times => "×",
            Self::Count => "",
        }
    }
}

/// The goal of a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub(crate) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
        }
    }
}

/// A measured value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) unit: MetricUnit,
    pub(crate) value: f64,
    /// The goal for Trunkline's value.
    pub(crate) goal: Option<Goal>,
    /// The goal for Trunkline's value divided by the other system's.
    pub(crate) goal_beside: Option<Goal>,
}

impl Metric {
    pub(crate) fn new(name: impl Into<String>, unit: MetricUnit, value: f64) -> Self {
        Self { name: name.into(), unit, value, goal: None, goal_beside: None }
    }

    pub(crate) fn us(name: impl Into<String>, value: f64) -> Self {
        Self::new(name, MetricUnit::Microseconds, value)
    }

    pub(crate) fn per_second(name: impl Into<String>, value: f64) -> Self {
        Self::new(name, MetricUnit::PerSecond, value)
    }

    pub(crate) fn count(name: impl Into<String>, value: u64) -> Self {
        Self::new(name, MetricUnit::Count, value as f64)
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    pub(crate) fn goal_beside(mut self, goal: Goal) -> Self {
        self.goal_beside = Some(goal);
        self
    }

    /// A total, which may have goals, and below it the amount of each role.
    pub(crate) fn parts(
        sum: Self,
        unit: MetricUnit,
        amounts: PerRole,
        relay: Option<Goal>,
    ) -> [Self; 4] {
        let part = |name: &str, value| Self::new(format!("  {name}"), unit, value);
        let mut relay_part = part("relay", amounts.relay);
        relay_part.goal = relay;
        [sum, part("nodes", amounts.nodes), relay_part, part("Redis", amounts.redis)]
    }
}

/// A value as text for a table.
pub(crate) fn shown(value: f64, unit: MetricUnit) -> String {
    let decimals = match unit {
        MetricUnit::PerSecond | MetricUnit::Bytes | MetricUnit::Count => 0,
        MetricUnit::Microseconds if value >= 100.0 => 0,
        MetricUnit::Microseconds | MetricUnit::PercentOfACore | MetricUnit::Times => 2,
    };
    let text = grouped(&format!("{value:.decimals$}"));
    [text.as_str(), unit.name()].join(" ").trim_end().to_owned()
}

/// With a comma before every three digits of the integer part.
fn grouped(number: &str) -> String {
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", number),
    };
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut text = sign.to_owned();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_few_digits_and_grouped_thousands() {
        assert_eq!(shown(1_234_567.8, MetricUnit::PerSecond), "1,234,568 /s");
        assert_eq!(shown(0.456, MetricUnit::Microseconds), "0.46 µs");
        assert_eq!(shown(12_345.6, MetricUnit::Microseconds), "12,346 µs");
        assert_eq!(shown(-999.0, MetricUnit::Bytes), "-999 B");
        assert_eq!(shown(3.0, MetricUnit::Count), "3");
    }
}
