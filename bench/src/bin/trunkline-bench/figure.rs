//! A figure, and what it is meant to be.

use std::fmt;

use serde::Serialize;
use trunkline_bench::Parts;

/// What a value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    PerSecond,
    Microseconds,
    Bytes,
    PercentOfACore,
    Times,
    Count,
}

impl Unit {
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

/// What a value is meant to be.
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

/// One thing that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) value: f64,
    /// What Trunkline's is meant to be.
    pub(crate) goal: Option<Goal>,
    /// What Trunkline's, divided by the other system's, is meant to be.
    pub(crate) goal_beside: Option<Goal>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self { name: name.into(), unit, value, goal: None, goal_beside: None }
    }

    pub(crate) fn us(name: impl Into<String>, value: f64) -> Self {
        Self::new(name, Unit::Microseconds, value)
    }

    pub(crate) fn per_second(name: impl Into<String>, value: f64) -> Self {
        Self::new(name, Unit::PerSecond, value)
    }

    pub(crate) fn count(name: impl Into<String>, value: u64) -> Self {
        Self::new(name, Unit::Count, value as f64)
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    pub(crate) fn goal_beside(mut self, goal: Goal) -> Self {
        self.goal_beside = Some(goal);
        self
    }

    /// The sum of the parts, which may have goals, and each part below it.
    pub(crate) fn parts(sum: Self, unit: Unit, parts: Parts, relay: Option<Goal>) -> [Self; 4] {
        let part = |name: &str, value| Self::new(format!("  {name}"), unit, value);
        let mut relay_part = part("relay", parts.relay);
        relay_part.goal = relay;
        [sum, part("nodes", parts.nodes), relay_part, part("Redis", parts.redis)]
    }
}

/// A value, short enough for a table.
pub(crate) fn shown(value: f64, unit: Unit) -> String {
    let decimals = match unit {
        Unit::PerSecond | Unit::Bytes | Unit::Count => 0,
        Unit::Microseconds if value >= 100.0 => 0,
        Unit::Microseconds | Unit::PercentOfACore | Unit::Times => 2,
    };
    let text = grouped(&format!("{value:.decimals$}"));
    [text.as_str(), unit.name()].join(" ").trim_end().to_owned()
}

/// With a comma before every three digits of the whole part.
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
    fn values_are_shown_as_people_read_them() {
        assert_eq!(shown(1_234_567.8, Unit::PerSecond), "1,234,568 /s");
        assert_eq!(shown(0.456, Unit::Microseconds), "0.46 µs");
        assert_eq!(shown(12_345.6, Unit::Microseconds), "12,346 µs");
        assert_eq!(shown(-999.0, Unit::Bytes), "-999 B");
        assert_eq!(shown(3.0, Unit::Count), "3");
    }
}
