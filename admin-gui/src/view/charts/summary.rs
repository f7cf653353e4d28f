use super::unit::ChartUnit;
use crate::format::{UNKNOWN, span};
use std::time::Duration;

/// What a line of a chart shows, in numbers.
pub(super) struct LineSummary<'a> {
    /// Its name in the legend.
    pub(super) name: &'a str,
    /// Its value in the legend.
    pub(super) value: Option<f64>,
    /// The least and the greatest value in the span.
    pub(super) range: Option<(f64, f64)>,
}

impl<'a> LineSummary<'a> {
    /// The summary of a line with these values in the span.
    pub(super) fn of(
        name: &'a str,
        value: Option<f64>,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let range = values.into_iter().fold(None, |range, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        });
        Self { name, value, range }
    }
}

/// A chart in words, for screen readers.
pub(super) fn summary<'a>(
    title: &str,
    seconds: (f64, f64),
    unit: ChartUnit,
    lines: impl Iterator<Item = LineSummary<'a>>,
) -> String {
    let lines = lines.map(|LineSummary { name, value, range }| {
        let value = value.map_or(UNKNOWN.into(), |value| unit.format(value));
        match range {
            Some((low, high)) => {
                format!("{name} {value}, from {} to {}", unit.format(low), unit.format(high))
            }
            None => format!("{name} not known"),
        }
    });
    let lines: Vec<_> = lines.collect();
    let over = span(Duration::from_secs_f64((seconds.1 - seconds.0).max(0.0)));
    format!("Chart: {title}, over {over}: {}", lines.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_has_last_value_and_range() {
        let lines = [
            LineSummary::of("offline", Some(2.0), [0.0, 12.0, 2.0]),
            LineSummary::of("busy", None, []),
        ];
        let words = summary("Not delivered / s", (60.0, 120.0), ChartUnit::Rate, lines.into_iter());
        assert_eq!(
            words,
            "Chart: Not delivered / s, over 1 min 0 s: offline 2.0, from 0 to 12; busy not known"
        );
    }
}
