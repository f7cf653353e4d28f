use std::f32::consts::TAU;

use eframe::egui::{Pos2, Rect, vec2};

/// The number of points at which the length of the ellipse is measured.
const STEPS: usize = 3_600;

/// `count` places on the ellipse that fills `area`, clockwise from the top, at equal distances along
/// the ellipse. Equal angles would crowd them at its narrow ends.
pub(super) fn places(area: Rect, count: usize) -> Vec<Pos2> {
    let at = |step: usize| {
        let angle = TAU * step as f32 / STEPS as f32 - TAU / 4.0;
        area.center() + vec2(angle.cos(), angle.sin()) * area.size() / 2.0
    };
    let mut length = vec![0.0];
    for step in 1..=STEPS {
        length.push(length[step - 1] + at(step).distance(at(step - 1)));
    }
    let whole = length[STEPS];
    let place = |number: usize| {
        let wanted = whole * number as f32 / count as f32;
        at(length.partition_point(|&length| length < wanted))
    };
    (0..count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_have_equal_distances() {
        let area = Rect::from_min_size(Pos2::ZERO, vec2(900.0, 300.0));
        let places = places(area, 20);
        assert!(places[0].distance(Pos2::new(450.0, 0.0)) < 1.0);
        let gaps: Vec<_> = (0..20).map(|at| places[at].distance(places[(at + 1) % 20])).collect();
        let (least, most) = gaps
            .iter()
            .fold((f32::MAX, 0.0), |(least, most), &gap| (gap.min(least), gap.max(most)));
        assert!(most / least < 1.2, "{gaps:?}");
    }

    #[test]
    fn no_nodes_have_no_places() {
        assert_eq!(places(Rect::EVERYTHING, 0), []);
    }
}
