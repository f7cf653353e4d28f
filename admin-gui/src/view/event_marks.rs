//! Events as marks on an axis of time.

use std::ops::Range;

use eframe::egui::Ui;
use trunkline_protocol::Name;

use super::ViewContext;
use crate::{
    escaped_text,
    state::{EventLog, Severity, describe_event, severity},
    theme::{text, tokens},
};

/// How many events the tooltip of a mark lists.
const LISTED_MAX: usize = 8;

/// How near a pointer has to be to a mark, in points.
pub(super) const REACH: f32 = 6.0;

/// Events that are too close to one another to have marks of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventMark {
    /// The time of the first event, in Unix milliseconds.
    pub(super) at_ms: u64,
    /// The severity of the worst one.
    pub(super) severity: Severity,
    /// Their indices in the log.
    events: Range<usize>,
}

/// The marks of the events in a span, each for all events within `step_ms`.
pub(super) fn event_marks(
    log: &EventLog,
    (from_ms, to_ms): (u64, u64),
    step_ms: u64,
) -> Vec<EventMark> {
    let mut marks: Vec<EventMark> = Vec::new();
    let within = log.indices(from_ms, to_ms);
    for (index, event) in within.clone().zip(log.range(within)) {
        let severity = severity(event);
        match marks.last_mut().filter(|mark| event.at_ms - mark.at_ms < step_ms) {
            Some(mark) => {
                mark.severity = mark.severity.max(severity);
                mark.events.end = index + 1;
            }
            None => {
                marks.push(EventMark { at_ms: event.at_ms, severity, events: index..index + 1 });
            }
        }
    }
    marks
}

/// The mark that is nearest to a moment, and not farther than `reach_ms`.
pub(super) fn nearest(marks: &[EventMark], at_ms: u64, reach_ms: u64) -> Option<&EventMark> {
    let nearest = marks.iter().min_by_key(|mark| mark.at_ms.abs_diff(at_ms))?;
    (nearest.at_ms.abs_diff(at_ms) <= reach_ms).then_some(nearest)
}

/// Draws what the events of a mark are.
pub(super) fn describe_mark(ui: &mut Ui, mark: &EventMark, ctx: &ViewContext<'_>) {
    let log = &ctx.state.events;
    for event in log.range(mark.events.clone()).take(LISTED_MAX) {
        let described = describe_event(event, log, ctx.clock);
        let node = event.node.as_ref().map_or("", Name::as_str);
        let words = format!("{}  {node} {}", ctx.clock.millis(event.at_ms), described.label);
        let color = tokens(ui).severity(described.severity).color;
        escaped_text::label(ui, &words, text::strong(), color);
        escaped_text::label(ui, &described.text, text::label(), tokens(ui).text);
    }
    let more = mark.events.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        ui.label(format!("and {more} more"));
    }
}

#[cfg(test)]
mod tests {
    use trunkline_protocol::status::{ClusterEvent, EventKind};

    use super::*;

    fn log(events: impl IntoIterator<Item = (u64, EventKind)>) -> EventLog {
        let mut log = EventLog::default();
        for (at_ms, kind) in events {
            log.push(ClusterEvent { at_ms, node: None, incarnation: None, kind });
        }
        log
    }

    #[test]
    fn close_events_share_a_mark_of_the_worst() {
        let log = log([
            (100, EventKind::Joined),
            (140, EventKind::RedisAway),
            (300, EventKind::RedisBack),
            (900, EventKind::RedisBack),
        ]);
        let marks = event_marks(&log, (0, 500), 50);
        let expected = [(100, Severity::Bad, 0..2), (300, Severity::Good, 2..3)]
            .map(|(at_ms, severity, events)| EventMark { at_ms, severity, events });
        assert_eq!(marks, expected, "the event at 900 is outside the span");
        assert_eq!(nearest(&marks, 270, 40), Some(&marks[1]));
        assert_eq!(nearest(&marks, 200, 40), None);
    }
}
