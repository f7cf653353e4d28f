use eframe::egui::{Color32, IconData, Pos2, Vec2, pos2};

use crate::theme;

/// The icon's width and height, in pixels.
const SIZE: usize = 64;

/// The window's icon: a relay and the three nodes around it.
pub(crate) fn icon() -> IconData {
    let (ground, links, nodes) = theme::icon();
    let center = pos2(32.0, 34.0);
    let places = [pos2(32.0, 11.0), pos2(12.0, 49.0), pos2(52.0, 49.0)];
    let color = |at: Pos2| {
        if places.iter().any(|place| place.distance(at) < 7.5) || center.distance(at) < 9.5 {
            nodes
        } else if places.iter().any(|&place| distance_to_line(at, center, place) < 2.0) {
            links
        } else if is_in_rounded_square(at) {
            ground
        } else {
            Color32::TRANSPARENT
        }
    };
    let center_of = |pixel| pos2((pixel % SIZE) as f32 + 0.5, (pixel / SIZE) as f32 + 0.5);
    let rgba = (0..SIZE * SIZE)
        .flat_map(|pixel| color(center_of(pixel)).to_srgba_unmultiplied())
        .collect();
    IconData { rgba, width: SIZE as u32, height: SIZE as u32 }
}

fn distance_to_line(at: Pos2, from: Pos2, to: Pos2) -> f32 {
    let line: Vec2 = to - from;
    let share = ((at - from).dot(line) / line.length_sq()).clamp(0.0, 1.0);
    at.distance(from + share * line)
}

fn is_in_rounded_square(at: Pos2) -> bool {
    const RADIUS: f32 = 14.0;
    let inner = at.clamp(pos2(RADIUS, RADIUS), pos2(SIZE as f32 - RADIUS, SIZE as f32 - RADIUS));
    at.distance(inner) < RADIUS
}
