use egui_plot::GridMark;

use super::unit::ChartUnit;

/// The height of a chart, as a multiple of its highest value.
const HEADROOM: f64 = 1.15;

/// The most marks on a logarithmic axis: a low chart has room for no more.
const MARKS_MAX: usize = 4;

/// The vertical axis of a chart. Times are logarithmic: those of a cluster that is well and of one that
/// is not differ by orders of magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ValueScale {
    unit: ChartUnit,
    /// The bottom and the top, as places on the axis.
    pub(super) bounds: (f64, f64),
}

impl ValueScale {
    /// The scale on which all of `values` are seen.
    pub(super) fn of(unit: ChartUnit, values: impl Iterator<Item = f64>) -> Self {
        let (lowest, highest) = values
            .filter(|&value| value > 0.0)
            .fold((f64::MAX, 0.0), |(low, high): (f64, f64), value| {
                (low.min(value), high.max(value))
            });
        let highest = highest.max(unit.least());
        if !is_logarithmic(unit) {
            return Self { unit, bounds: (0.0, highest * HEADROOM) };
        }
        let bottom = lowest.min(highest).max(1.0).log10().floor();
        Self { unit, bounds: (bottom, (highest * HEADROOM).log10().max(bottom + 1.0)) }
    }

    /// The place of a value on the axis.
    pub(super) fn place(self, value: f64) -> f64 {
        if is_logarithmic(self.unit) { value.max(1.0).log10() } else { value }
    }

    /// The value at a place on the axis, in words.
    pub(super) fn words(self, place: f64) -> String {
        // The powers of ten of whole microseconds are exact.
        let value = if is_logarithmic(self.unit) { 10_f64.powf(place).round() } else { place };
        self.unit.format(value)
    }

    /// Marks at a few round values.
    pub(super) fn marks(self) -> Vec<GridMark> {
        let (bottom, top) = self.bounds;
        if !is_logarithmic(self.unit) {
            return steps(0.0, top, self.unit.round_up(top / 3.5));
        }
        let fine: Vec<_> = (bottom as i32..=top as i32)
            .flat_map(|decade| [1.0, 2.0, 5.0].map(|part: f64| part.log10() + f64::from(decade)))
            .filter(|place| (bottom..=top).contains(place))
            .map(|value| GridMark { value, step_size: 0.3 })
            .collect();
        if fine.len() <= MARKS_MAX {
            return fine;
        }
        let decades = (top - bottom).floor() as usize + 1;
        steps(bottom, top, decades.div_ceil(MARKS_MAX) as f64)
    }
}

fn is_logarithmic(unit: ChartUnit) -> bool {
    matches!(unit, ChartUnit::Micros)
}

/// Marks from `from` to `to`, at the multiples of `step`.
pub(super) fn steps(from: f64, to: f64, step: f64) -> Vec<GridMark> {
    let first = (from / step).ceil() as i64;
    let last = (to / step).floor() as i64;
    (first..=last).map(|at| GridMark { value: at as f64 * step, step_size: step }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(unit: ChartUnit, values: &[f64]) -> Vec<String> {
        let scale = ValueScale::of(unit, values.iter().copied());
        scale.marks().into_iter().map(|mark| scale.words(mark.value)).collect()
    }

    #[test]
    fn times_are_marked_at_round_values() {
        use ChartUnit::Micros;
        assert_eq!(labels(Micros, &[]), ["100 µs", "200 µs", "500 µs", "1.0 ms"]);
        assert_eq!(labels(Micros, &[240.0, 700.0]), ["100 µs", "200 µs", "500 µs", "1.0 ms"]);
        assert_eq!(labels(Micros, &[240.0, 7_000.0]), ["100 µs", "1.0 ms"]);
        let outage = labels(Micros, &[240.0, 700.0, 4_900_000.0]);
        assert_eq!(outage, ["100 µs", "10.0 ms", "1.0 s"]);
    }

    #[test]
    fn every_time_is_within_the_axis() {
        for value in [1.0, 99.0, 100.0, 101.0, 999.0, 1_000.0, 5_000_000.0] {
            let scale = ValueScale::of(ChartUnit::Micros, [value, 2.0 * value].into_iter());
            let (bottom, top) = scale.bounds;
            assert!(bottom <= scale.place(value) && scale.place(2.0 * value) < top, "{value}");
        }
    }

    #[test]
    fn other_values_start_at_zero() {
        let scale = ValueScale::of(ChartUnit::Rate, [40.0, 300.0].into_iter());
        assert_eq!(scale.bounds.0, 0.0);
        assert_eq!(labels(ChartUnit::Rate, &[40.0, 300.0]), ["0", "100", "200", "300"]);
    }
}
