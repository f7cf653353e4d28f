//! Where the window stands on the screens that are there. The place that it had when it was closed
//! may be on one that has gone since.

use eframe::{
    Frame,
    egui::{Pos2, Rect, Vec2, pos2, vec2},
};
use winit::{
    dpi::{PhysicalPosition, PhysicalSize},
    monitor::MonitorHandle,
};

use crate::defaults::REACHABLE;

/// Has the window stand where it can be seen and moved.
pub(crate) fn settle(frame: &Frame) {
    let Some(window) = frame.winit_window() else { return };
    // Where the desktop alone says where windows stand, it says so to nobody.
    let Ok(position) = window.outer_position() else { return };
    let screens: Vec<_> = window.available_monitors().map(|screen| area(&screen)).collect();
    let first = window.primary_monitor().map(|screen| area(&screen));
    let size = window.outer_size();
    let now = Rect::from_min_size(
        pos2(position.x as f32, position.y as f32),
        vec2(size.width as f32, size.height as f32),
    );
    let Some(place) = place(now, first, &screens) else { return };
    if place.size() != now.size() {
        let around = vec2(
            size.width.saturating_sub(window.inner_size().width) as f32,
            size.height.saturating_sub(window.inner_size().height) as f32,
        );
        let inner = (place.size() - around).max(Vec2::splat(1.0));
        let size = PhysicalSize::new(inner.x as u32, inner.y as u32);
        // Whether it was done at once or will be makes no difference here.
        let _ = window.request_inner_size(size);
    }
    window.set_outer_position(PhysicalPosition::new(place.min.x as i32, place.min.y as i32));
}

fn area(screen: &MonitorHandle) -> Rect {
    let (position, size) = (screen.position(), screen.size());
    Rect::from_min_size(
        pos2(position.x as f32, position.y as f32),
        vec2(size.width as f32, size.height as f32),
    )
}

/// Where a window belongs that cannot be reached where it is; `None` where it can.
fn place(window: Rect, first: Option<Rect>, screens: &[Rect]) -> Option<Rect> {
    let seen = |screen: &Rect| {
        let shared = window.intersect(*screen);
        if shared.is_positive() { shared.area() } else { 0.0 }
    };
    let fits =
        |screen: &Rect| window.width() <= screen.width() && window.height() <= screen.height();
    let best = screens.iter().copied().max_by(|one, other| seen(one).total_cmp(&seen(other)))?;
    let screen = if seen(&best) > 0.0 { best } else { first.unwrap_or(best) };
    if screen.area() <= 0.0 {
        return None;
    }
    // By its upper edge a window is moved, and told from others.
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
    let within = |at: f32, from: f32, room: f32| at.clamp(from, from + room);
    let min = if seen(&screen) > 0.0 {
        pos2(within(window.min.x, screen.min.x, room.x), within(window.min.y, screen.min.y, room.y))
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
    fn a_window_that_is_seen_stays() {
        let screens = [rect(0.0, 0.0, 1920.0, 1080.0), rect(1920.0, 0.0, 2560.0, 1440.0)];
        for window in [
            rect(100.0, 100.0, 1280.0, 800.0),
            rect(2000.0, 50.0, 2400.0, 1300.0),
            rect(1500.0, 200.0, 1280.0, 800.0),
            rect(-900.0, 0.0, 1280.0, 800.0),
            rect(0.0, 900.0, 1280.0, 800.0),
        ] {
            assert_eq!(place(window, Some(screens[0]), &screens), None, "{window:?}");
        }
    }

    #[test]
    fn a_window_on_a_screen_that_has_gone_comes_to_one_that_is_there() {
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
            assert_eq!(place(window, Some(screen), &[screen]), Some(expected), "{window:?}");
            assert_eq!(place(expected, Some(screen), &[screen]), None, "{expected:?}");
        }
    }

    #[test]
    fn without_a_screen_nothing_is_moved() {
        let window = rect(3000.0, 0.0, 1280.0, 800.0);
        assert_eq!(place(window, None, &[]), None);
        assert_eq!(place(window, None, &[rect(0.0, 0.0, 0.0, 0.0)]), None);
    }
}
