//! Moves the window onto a screen: the position that was stored when it was closed may be on a screen
//! that has been unplugged since.

use eframe::{
    Frame,
    egui::{Pos2, Rect, Vec2, pos2, vec2},
};
use winit::{
    dpi::{PhysicalPosition, PhysicalSize},
    monitor::MonitorHandle,
};

use crate::defaults::REACHABLE;

/// Moves the window to where it can be seen and dragged.
pub(crate) fn move_onto_screen(frame: &Frame) {
    let Some(window) = frame.winit_window() else { return };
    // Wayland tells no window its position, and places it by itself.
    let Ok(position) = window.outer_position() else { return };
    let screens: Vec<_> = window.available_monitors().map(|screen| area(&screen)).collect();
    let primary = window.primary_monitor().map(|screen| area(&screen));
    let now = physical_rect(position, window.outer_size());
    let Some(target) = reachable_rect(now, primary, &screens) else { return };
    if target.size() != now.size() {
        let inner = window.inner_size();
        let border = now.size() - vec2(inner.width as f32, inner.height as f32);
        let inner = (target.size() - border.max(Vec2::ZERO)).max(Vec2::splat(1.0));
        let size = PhysicalSize::new(inner.x as u32, inner.y as u32);
        // The returned size says whether the desktop has resized already; nothing here depends on it.
        let _ = window.request_inner_size(size);
    }
    window.set_outer_position(PhysicalPosition::new(target.min.x as i32, target.min.y as i32));
}

fn area(screen: &MonitorHandle) -> Rect {
    physical_rect(screen.position(), screen.size())
}

fn physical_rect(position: PhysicalPosition<i32>, size: PhysicalSize<u32>) -> Rect {
    Rect::from_min_size(
        pos2(position.x as f32, position.y as f32),
        vec2(size.width as f32, size.height as f32),
    )
}

/// Where to move a window that cannot be reached or does not fit; `None` if it may stay.
fn reachable_rect(window: Rect, primary: Option<Rect>, screens: &[Rect]) -> Option<Rect> {
    let visible_area = |screen: &Rect| {
        let shared = window.intersect(*screen);
        if shared.is_positive() { shared.area() } else { 0.0 }
    };
    let fits =
        |screen: &Rect| window.width() <= screen.width() && window.height() <= screen.height();
    let best = screens
        .iter()
        .copied()
        .max_by(|one, other| visible_area(one).total_cmp(&visible_area(other)))?;
    let is_visible = visible_area(&best) > 0.0;
    let screen = if is_visible { best } else { primary.unwrap_or(best) };
    if screen.area() <= 0.0 {
        return None;
    }
    // A window is dragged by its upper edge.
    let edge = Rect::from_min_size(window.min, vec2(window.width(), REACHABLE.y));
    let is_reachable = |screen: &Rect| {
        let shared = edge.intersect(*screen);
        shared.width() >= REACHABLE.x.min(window.width()) && shared.height() >= REACHABLE.y
    };
    if screens.iter().any(is_reachable) && screens.iter().any(fits) {
        return None;
    }
    let size = window.size().min(screen.size());
    let room = screen.size() - size;
    let min = if is_visible {
        window.min.clamp(screen.min, screen.min + room)
    } else {
        screen.min + room / 2.0
    };
    Some(Rect::from_min_size(Pos2::new(min.x.round(), min.y.round()), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: f32, y: f32, width: f32, height: f32) -> Rect {
        Rect::from_min_size(pos2(x, y), vec2(width, height))
    }

    #[test]
    fn reachable_window_stays() {
        let screens = [rect(0.0, 0.0, 1920.0, 1080.0), rect(1920.0, 0.0, 2560.0, 1440.0)];
        for window in [
            rect(100.0, 100.0, 1280.0, 800.0),
            rect(2000.0, 50.0, 2400.0, 1300.0),
            rect(1500.0, 200.0, 1280.0, 800.0),
            rect(-900.0, 0.0, 1280.0, 800.0),
            rect(0.0, 900.0, 1280.0, 800.0),
        ] {
            assert_eq!(reachable_rect(window, Some(screens[0]), &screens), None, "{window:?}");
        }
    }

    #[test]
    fn unreachable_window_moves_onto_a_screen() {
        let screen = rect(0.0, 0.0, 1280.0, 800.0);
        let cases = [
            (rect(3000.0, 200.0, 1000.0, 700.0), rect(140.0, 50.0, 1000.0, 700.0)),
            (rect(-2560.0, 0.0, 2400.0, 1300.0), rect(0.0, 0.0, 1280.0, 800.0)),
            (rect(1270.0, 10.0, 1000.0, 700.0), rect(280.0, 10.0, 1000.0, 700.0)),
            (rect(100.0, -690.0, 1000.0, 700.0), rect(100.0, 0.0, 1000.0, 700.0)),
            (rect(100.0, 790.0, 1000.0, 700.0), rect(100.0, 100.0, 1000.0, 700.0)),
            (rect(0.0, 0.0, 2400.0, 1300.0), rect(0.0, 0.0, 1280.0, 800.0)),
        ];
        for (window, expected) in cases {
            assert_eq!(
                reachable_rect(window, Some(screen), &[screen]),
                Some(expected),
                "{window:?}"
            );
            assert_eq!(reachable_rect(expected, Some(screen), &[screen]), None, "{expected:?}");
        }
    }

    #[test]
    fn nothing_moves_without_a_screen() {
        let window = rect(3000.0, 0.0, 1280.0, 800.0);
        assert_eq!(reachable_rect(window, None, &[]), None);
        assert_eq!(reachable_rect(window, None, &[rect(0.0, 0.0, 0.0, 0.0)]), None);
    }
}
