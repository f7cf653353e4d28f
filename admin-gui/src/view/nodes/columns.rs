use std::cmp::Ordering;

use eframe::egui::{Role, Ui, WidgetInfo, vec2};
use trunkline_protocol::status::NodeStatus;

use crate::{
    escape,
    format::{UNKNOWN, bytes, count, micros, percent, rate, since},
    state::{Counter, Rates, by_name, check_node, is_present, urgency},
    theme::{BAR, space, tokens},
    view::widgets::{
        bar, fill_color, label, node_symbol, number, ratio, right_aligned, sessions_left,
        short_incarnation, spoken_status, symbol_with_word, text_button, tooltip,
    },
};

/// What the cells of a row are drawn from.
pub(super) struct Row<'a> {
    /// The node as the relay reports it.
    pub(super) node: &'a NodeStatus,
    /// The rates of its counters.
    pub(super) rates: &'a Rates,
    /// The time of the snapshot, by the relay's clock.
    pub(super) at_ms: u64,
}

/// A column of the table.
pub(super) struct NodeColumn {
    /// Its head.
    pub(super) head: &'static str,
    /// The tooltip of its head.
    pub(super) explained: &'static str,
    /// Its width before it is stretched.
    pub(super) width: f32,
    cell: Cell,
}

/// What the cells hold, and thereby how rows are sorted.
enum Cell {
    State,
    Name,
    Sessions,
    Rate(fn(&Rates) -> f64, fn(f64) -> String),
    Gauge(fn(&NodeStatus) -> Option<u64>, fn(u64) -> String),
    Uptime,
    Incarnation,
    Version,
}

/// The index of the column of states, by which the table is sorted at first.
pub(super) const STATE: usize = 0;

/// The index of the column of names.
pub(super) const NAME: usize = 1;

/// The columns that are left out where the table is too narrow, the first to go first. The details of
/// a node show them all.
const EXPENDABLE: [&str; 12] = [
    "window",
    "version",
    "incarnation",
    "queued",
    "uptime",
    "loss",
    "memory",
    "RTT",
    "pending",
    "forwarded / s",
    "CPU",
    "out / s",
];

/// The columns, from left to right.
pub(super) const COLUMNS: [NodeColumn; 16] = [
    column(
        "state",
        82.0,
        Cell::State,
        "State of the node as the relay sees it: joining (in the directory, no link yet), live, \
         suspect (silent, not declared dead yet), draining (about to leave), dead (declared \
         dead) or left. A live node is full if no slot is free, failing if more than 1 % of its \
         sends fail, degraded if something else is wrong. Problems come first.",
    ),
    column("node", 96.0, Cell::Name, "Name of the node, as in its certificate."),
    column("sessions", 138.0, Cell::Sessions, "Logged-in sessions, and the node's capacity."),
    column(
        "in / s",
        54.0,
        Cell::Rate(|rates| rates[Counter::Accepted], rate),
        "Messages per second that the node accepted from its clients.",
    ),
    column(
        "out / s",
        54.0,
        Cell::Rate(Rates::delivered, rate),
        "Messages per second that were delivered to its sessions, sent here or on other nodes.",
    ),
    column(
        "forwarded / s",
        80.0,
        Cell::Rate(|rates| rates[Counter::ForwardedFrom], rate),
        "Messages per second that the relay forwarded from this node.",
    ),
    column(
        "CPU",
        48.0,
        Cell::Rate(Rates::cpu, percent),
        "Share of one core that the process uses. The data path of a node is one thread: at 100 % \
         it is saturated.",
    ),
    column(
        "memory",
        68.0,
        Cell::Gauge(|node| Some(node.load.memory_bytes), bytes),
        "Resident memory of the process.",
    ),
    column(
        "pending",
        58.0,
        Cell::Gauge(|node| Some(node.load.pending.into()), count),
        "Accepted messages that have no outcome yet.",
    ),
    column(
        "queued",
        62.0,
        Cell::Gauge(|node| Some(node.load.lane_bytes + node.load.session_bytes), bytes),
        "Bytes in the buffers of the node's lanes and sessions.",
    ),
    column(
        "RTT",
        56.0,
        Cell::Gauge(|node| node.link.as_ref().map(|link| link.rtt_us), micros),
        "Smoothed round-trip time of the link.",
    ),
    column(
        "loss",
        46.0,
        Cell::Rate(Rates::loss, percent),
        "Share of the link's packets that were lost in the last seconds.",
    ),
    column(
        "window",
        66.0,
        Cell::Gauge(|node| node.link.as_ref().map(|link| link.window_bytes), bytes),
        "Congestion window of the link: the bytes that may be in flight.",
    ),
    column("uptime", 78.0, Cell::Uptime, "Time since the process started."),
    column(
        "incarnation",
        84.0,
        Cell::Incarnation,
        "Incarnation of the node. A new one begins at each start, and after the node was declared \
         dead.",
    ),
    column("version", 52.0, Cell::Version, "Version of the program."),
];

const fn column(head: &'static str, width: f32, cell: Cell, explained: &'static str) -> NodeColumn {
    NodeColumn { head, explained, width, cell }
}

/// The indices of the columns that fit into `room`. The one that the table is sorted by is kept.
pub(super) fn fitting(room: f32, sorted: usize) -> Vec<usize> {
    let mut columns: Vec<_> = (0..COLUMNS.len()).collect();
    let needed =
        |columns: &[usize]| columns.iter().map(|&at| COLUMNS[at].width + space::S).sum::<f32>();
    for head in EXPENDABLE {
        if needed(&columns) <= room {
            break;
        }
        columns.retain(|&at| COLUMNS[at].head != head || at == sorted);
    }
    columns
}

impl NodeColumn {
    /// Whether its cells are numbers, which are right-aligned.
    pub(super) fn is_numeric(&self) -> bool {
        matches!(self.cell, Cell::Sessions | Cell::Rate(..) | Cell::Gauge(..) | Cell::Uptime)
    }

    /// Draws a cell; returns whether a button in it was clicked.
    pub(super) fn draw(&self, ui: &mut Ui, row: &Row<'_>) -> bool {
        let node = row.node;
        match self.cell {
            Cell::State => state(ui, row),
            Cell::Name => return name(ui, node),
            Cell::Sessions if is_present(node.state) => sessions(ui, node),
            Cell::Sessions => {
                let left = sessions_left(node).map(|left| count(left.into()));
                number(ui, left.unwrap_or(UNKNOWN.into()));
            }
            // The last report of a node that is gone is no current value.
            Cell::Rate(..) | Cell::Gauge(..) | Cell::Uptime if !is_present(node.state) => {
                number(ui, UNKNOWN);
            }
            Cell::Rate(of, format) => number(ui, format(of(row.rates))),
            Cell::Gauge(of, format) => number(ui, of(node).map_or(UNKNOWN.to_owned(), format)),
            Cell::Uptime => number(ui, since(node.started_at_ms, row.at_ms)),
            Cell::Incarnation => {
                let short = short_incarnation(node.incarnation);
                label(ui, short).on_hover_text(node.incarnation.to_string());
            }
            Cell::Version => drop(label(ui, escape::text(&node.software))),
        }
        false
    }

    /// The order of two rows by this column.
    pub(super) fn order(&self, a: &Row<'_>, b: &Row<'_>) -> Ordering {
        match self.cell {
            Cell::State => urgency(a.node, a.rates).cmp(&urgency(b.node, b.rates)),
            Cell::Name => by_name(&a.node.name, &b.node.name),
            Cell::Sessions => a.node.load.sessions.cmp(&b.node.load.sessions),
            Cell::Rate(of, _) => of(a.rates).total_cmp(&of(b.rates)),
            Cell::Gauge(of, _) => of(a.node).cmp(&of(b.node)),
            Cell::Uptime => b.node.started_at_ms.cmp(&a.node.started_at_ms),
            Cell::Incarnation => a.node.incarnation.cmp(&b.node.incarnation),
            Cell::Version => a.node.software.cmp(&b.node.software),
        }
    }
}

/// Draws the problem of a node, else its state.
fn state(ui: &mut Ui, row: &Row<'_>) {
    let (symbol, word) = node_symbol(tokens(ui), row.node, row.rates);
    let response = symbol_with_word(ui, symbol, word);
    if let Some(finding) = check_node(row.node, row.rates) {
        let words = tooltip(ui, &escape::text(&finding.text));
        response.on_hover_text(words);
    }
}

fn name(ui: &mut Ui, node: &NodeStatus) -> bool {
    let response = text_button(ui, node.name.as_str());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, spoken_status(node)));
    response.clicked()
}

fn sessions(ui: &mut Ui, node: &NodeStatus) {
    let (sessions, capacity) = (u64::from(node.load.sessions), u64::from(node.capacity));
    let ratio = ratio(sessions, capacity);
    right_aligned(ui, |ui| {
        let name = format!("{}: share of its capacity", node.name);
        bar(ui, &name, vec2(44.0, BAR.y), ratio, fill_color(ui, ratio));
        ui.add_space(space::XS);
        ui.spacing_mut().item_spacing.x = space::XS;
        label(ui, format!("/ {}", count(capacity)));
        ui.label(count(sessions));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(room: f32, sorted: usize) -> Vec<&'static str> {
        fitting(room, sorted).into_iter().map(|at| COLUMNS[at].head).collect()
    }

    #[test]
    fn narrow_table_leaves_out_columns_and_keeps_the_sorted_one() {
        assert_eq!(heads(2_000.0, STATE).len(), COLUMNS.len());
        assert_eq!(heads(0.0, STATE), ["state", "node", "sessions", "in / s"]);
        let memory = COLUMNS.iter().position(|column| column.head == "memory").unwrap();
        assert!(heads(0.0, memory).contains(&"memory"));
        for head in EXPENDABLE {
            assert!(COLUMNS.iter().any(|column| column.head == head), "{head}");
        }
    }
}
