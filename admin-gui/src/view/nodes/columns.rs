use std::cmp::Ordering;

use eframe::egui::{Role, Ui, WidgetInfo, vec2};
use trunkline_protocol::{control::MemberState, status::NodeStatus};

use crate::{
    escape,
    format::{UNKNOWN, bytes, count, micros, percent, rate, since},
    state::{Counter, Rates, by_name, is_present},
    theme::{BAR, space, state_word, tokens},
    view::parts::{
        bar, figure, fullness, label, marked, read_out, right, sessions_left, share, short, way,
    },
};

/// A node and what is known of it.
pub(super) struct Row<'a> {
    /// What the relay wrote.
    pub(super) node: &'a NodeStatus,
    /// How fast its counters grow.
    pub(super) rates: &'a Rates,
    /// When that was, by the relay's clock.
    pub(super) at_ms: u64,
}

/// A column of the table.
pub(super) struct Column {
    /// What stands above it.
    pub(super) head: &'static str,
    /// What it tells.
    pub(super) explained: &'static str,
    /// How wide it is at first.
    pub(super) width: f32,
    cell: Cell,
}

/// What a column's cells hold, and thereby how they are sorted.
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

/// The place of the column with the names, which the table is sorted by at first.
pub(super) const NAME: usize = 1;

/// The columns, from left to right.
pub(super) const COLUMNS: [Column; 16] = [
    Column {
        head: "state",
        explained: "What the relay thinks of the node: joining (in the directory, no link yet), \
                    live, suspect (silent, not judged yet), draining (leaving), dead (judged) or \
                    left.",
        width: 76.0,
        cell: Cell::State,
    },
    Column {
        head: "node",
        explained: "The node's name, as in its certificate.",
        width: 96.0,
        cell: Cell::Name,
    },
    Column {
        head: "sessions",
        explained: "Sessions that are logged in, of how many the node takes.",
        width: 138.0,
        cell: Cell::Sessions,
    },
    Column {
        head: "in / s",
        explained: "Messages a second that it accepted from its clients.",
        width: 54.0,
        cell: Cell::Rate(|rates| rates[Counter::Accepted], rate),
    },
    Column {
        head: "out / s",
        explained: "Messages a second that its sessions took, sent from here or from elsewhere.",
        width: 54.0,
        cell: Cell::Rate(Rates::delivered, rate),
    },
    Column {
        head: "forwarded / s",
        explained: "Messages a second that the relay passed on from it.",
        width: 80.0,
        cell: Cell::Rate(|rates| rates[Counter::ForwardedFrom], rate),
    },
    Column {
        head: "CPU",
        explained: "The share of one core that its process used. A node's data path is one \
                    thread: at 100 % it is full.",
        width: 48.0,
        cell: Cell::Rate(Rates::cpu, percent),
    },
    Column {
        head: "memory",
        explained: "Resident memory of its process.",
        width: 68.0,
        cell: Cell::Gauge(|node| Some(node.load.memory_bytes), bytes),
    },
    Column {
        head: "pending",
        explained: "Sends that it accepted and that have no outcome yet.",
        width: 58.0,
        cell: Cell::Gauge(|node| Some(node.load.pending.into()), count),
    },
    Column {
        head: "queued",
        explained: "Bytes that wait in the buffers of its lanes and of its sessions.",
        width: 62.0,
        cell: Cell::Gauge(|node| Some(node.load.lane_bytes + node.load.session_bytes), bytes),
    },
    Column {
        head: "RTT",
        explained: "The smoothed round-trip time of its link.",
        width: 56.0,
        cell: Cell::Gauge(|node| node.link.as_ref().map(|link| link.rtt_us), micros),
    },
    Column {
        head: "loss",
        explained: "The share of its link's packets that were lost lately.",
        width: 46.0,
        cell: Cell::Rate(Rates::loss, percent),
    },
    Column {
        head: "window",
        explained: "Its link's congestion window: how many bytes may be under way at once.",
        width: 66.0,
        cell: Cell::Gauge(|node| node.link.as_ref().map(|link| link.window_bytes), bytes),
    },
    Column {
        head: "uptime",
        explained: "How long its process has run.",
        width: 78.0,
        cell: Cell::Uptime,
    },
    Column {
        head: "incarnation",
        explained: "Which life it is in: a new one begins at each start, and each time it was \
                    judged dead.",
        width: 84.0,
        cell: Cell::Incarnation,
    },
    Column {
        head: "version",
        explained: "The version of its program.",
        width: 52.0,
        cell: Cell::Version,
    },
];

impl Column {
    /// Whether its cells are figures, which stand to the right.
    pub(super) fn is_figures(&self) -> bool {
        matches!(self.cell, Cell::Sessions | Cell::Rate(..) | Cell::Gauge(..) | Cell::Uptime)
    }

    /// Whether the larger of its values are looked for first.
    pub(super) fn is_largest_first(&self) -> bool {
        self.is_figures()
    }

    /// Draws a row's cell; returns whether it was pressed, if that is what it is for.
    pub(super) fn draw(&self, ui: &mut Ui, row: &Row<'_>) -> bool {
        let node = row.node;
        match self.cell {
            Cell::State => {
                marked(ui, tokens(ui).state(node.state), state_word(node.state));
            }
            Cell::Name => return name(ui, node),
            Cell::Sessions if is_present(node.state) => sessions(ui, node),
            Cell::Sessions => {
                let left = sessions_left(node).map(|left| count(left.into()));
                drop(figure(ui, left.unwrap_or(UNKNOWN.into())));
            }
            // What a node that is gone said last is no figure of now.
            Cell::Rate(..) | Cell::Gauge(..) | Cell::Uptime if !is_present(node.state) => {
                drop(figure(ui, UNKNOWN));
            }
            Cell::Rate(of, format) => drop(figure(ui, format(of(row.rates)))),
            Cell::Gauge(of, format) => {
                drop(figure(ui, of(node).map_or(UNKNOWN.to_owned(), format)));
            }
            Cell::Uptime => drop(figure(ui, since(node.started_at_ms, row.at_ms))),
            Cell::Incarnation => incarnation(ui, node),
            Cell::Version => drop(label(ui, escape::text(&node.software))),
        }
        false
    }

    /// How two rows stand to each other in this column.
    pub(super) fn order(&self, a: &Row<'_>, b: &Row<'_>) -> Ordering {
        match self.cell {
            Cell::State => rank(a.node.state).cmp(&rank(b.node.state)),
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

/// States by how much they ask for an eye.
fn rank(state: MemberState) -> u8 {
    match state {
        MemberState::Dead => 0,
        MemberState::Suspect => 1,
        MemberState::Draining => 2,
        MemberState::Joining => 3,
        MemberState::Live => 4,
        MemberState::Left => 5,
    }
}

fn name(ui: &mut Ui, node: &NodeStatus) -> bool {
    let response = way(ui, node.name.as_str());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, read_out(node)));
    response.clicked()
}

fn sessions(ui: &mut Ui, node: &NodeStatus) {
    let (sessions, capacity) = (u64::from(node.load.sessions), u64::from(node.capacity));
    let share = share(sessions, capacity);
    right(ui, |ui| {
        bar(ui, vec2(44.0, BAR.y), share, fullness(ui, share));
        ui.add_space(space::XS);
        ui.spacing_mut().item_spacing.x = space::XS;
        label(ui, format!("/ {}", count(capacity)));
        ui.label(count(sessions));
    });
}

fn incarnation(ui: &mut Ui, node: &NodeStatus) {
    label(ui, short(node.incarnation)).on_hover_text(node.incarnation.to_string());
}
