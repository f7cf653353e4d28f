use crate::format::{bytes, count, micros, percent, rate};

/// The unit of the values of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChartUnit {
    /// Events per second.
    Rate,
    /// A number of things.
    Count,
    /// Microseconds.
    Micros,
    /// A fraction, shown in percent.
    Share,
    /// Bytes.
    Bytes,
}

impl ChartUnit {
    /// A value in words.
    pub(super) fn format(self, value: f64) -> String {
        match self {
            Self::Rate => rate(value),
            Self::Count => count(value as u64),
            Self::Micros => micros(value as u64),
            Self::Share => percent(value),
            Self::Bytes => bytes(value as u64),
        }
    }

    /// The top of a chart whose values are all zero.
    pub(super) fn least(self) -> f64 {
        match self {
            Self::Rate | Self::Count => 1.0,
            Self::Micros => 100.0,
            Self::Share => 0.01,
            Self::Bytes => 1_024.0,
        }
    }

    /// The least round value that is not below `rough`.
    pub(super) fn round_up(self, rough: f64) -> f64 {
        let (base, parts): (f64, &[f64]) = match self {
            Self::Bytes => (2.0, &[1.0]),
            _ => (10.0, &[1.0, 2.0, 5.0]),
        };
        let unit = base.powf(rough.log(base).floor());
        let round = parts.iter().map(|part| part * unit).find(|&round| round >= rough);
        round.unwrap_or(base * unit)
    }
}
