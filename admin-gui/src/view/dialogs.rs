//! What is asked before something is done.

use std::path::PathBuf;

use eframe::egui::{Button, ComboBox, Id, Key, Modal, TextEdit, Ui, vec2};
use trunkline_protocol::{Name, status::AdminCommand};

use super::{
    Showing, Wish, Wishes,
    parts::{label, right},
};
use crate::{
    escape, escaped_text,
    format::{clock, day, plural},
    theme::{self, space, text, tokens},
};

/// How wide a dialog is.
const WIDTH: f32 = 460.0;

/// Something that is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dialog {
    /// Whether to give a command.
    Confirm {
        /// Which.
        action: AdminCommand,
        /// What it will do.
        consequence: String,
        /// The nodes that a test message may be sent from.
        nodes: Vec<Name>,
    },
    /// Where to save a recording.
    Save {
        /// The path so far.
        path: String,
    },
    /// Which recording to open.
    Open {
        /// The path so far.
        path: String,
    },
}

impl Dialog {
    /// Asks whether to give a command.
    pub(crate) fn confirm(action: AdminCommand, showing: &Showing<'_>) -> Self {
        let consequence = match &action {
            AdminCommand::Drain { node } => {
                let picture = showing.picture;
                let users = picture.node(node).map_or(0, |(node, _)| node.load.users);
                let others = picture.present().filter(|other| other.name != *node);
                let free = others.map(|other| other.capacity.saturating_sub(other.load.slots));
                format!(
                    "It takes no new sessions, tells its {} to reconnect elsewhere, and leaves. \
                     The other nodes have {} free.",
                    plural(users.into(), "user"),
                    plural(free.map(u64::from).sum(), "seat")
                )
            }
            AdminCommand::EndUser { .. } => {
                "Every session of the user is ended, on every node, with \
                                       the close code 4010. Nothing keeps the user from coming \
                                       back."
                    .into()
            }
            AdminCommand::Test { user, .. } => format!(
                "The sessions of {} get a message that says it is a test, from you. It is \
                 followed hop by hop to its outcome.",
                escape::text(user.as_str())
            ),
        };
        let nodes = showing.picture.present().map(|node| node.name.clone()).collect();
        Self::Confirm { action, consequence, nodes }
    }

    /// Asks where to save a recording.
    pub(crate) fn save(showing: &Showing<'_>) -> Self {
        let relay = &showing.picture.snapshot.relay.name;
        let at_ms = showing.picture.snapshot.at_ms;
        let time = format!("{}-{}", day(at_ms), clock(at_ms).replace(':', ""));
        let path = home().join(format!("trunkline-{relay}-{time}.jsonl"));
        Self::Save { path: path.display().to_string() }
    }

    /// Asks which recording to open.
    pub(crate) fn open() -> Self {
        Self::Open { path: home().join("trunkline-").display().to_string() }
    }
}

fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_default()
}

/// Draws the dialog; what it is answered becomes a wish.
pub(crate) fn show(ui: &Ui, dialog: &mut Dialog, wishes: &mut Wishes) {
    let response = Modal::new(Id::unique("dialog")).frame(theme::dialog(ui)).show(ui.ctx(), |ui| {
        let most = ui.ctx().content_rect().width() - 4.0 * space::L;
        ui.set_width(WIDTH.min(most));
        match dialog {
            Dialog::Confirm { action, consequence, nodes } => {
                confirm(ui, action, consequence, nodes, wishes);
            }
            Dialog::Save { path } => save(ui, path, wishes),
            Dialog::Open { path } => open(ui, path, wishes),
        }
    });
    if response.should_close() {
        wishes.push(Wish::Dismiss);
    }
}

fn confirm(
    ui: &mut Ui,
    action: &mut AdminCommand,
    consequence: &str,
    nodes: &[Name],
    wishes: &mut Wishes,
) {
    let (title, yes) = match action {
        AdminCommand::Drain { node } => (format!("Drain {node}?"), format!("Drain {node}")),
        AdminCommand::EndUser { user } => {
            let user = escape::text(user.as_str());
            (format!("End every session of {user}?"), format!("End {user}"))
        }
        AdminCommand::Test { user, .. } => {
            let user = escape::text(user.as_str());
            (format!("Send {user} a test message?"), "Send".into())
        }
    };
    head(ui, &title);
    escaped_text::label(ui, consequence, text::body(), tokens(ui).text);
    if let AdminCommand::Test { node, .. } = action {
        sender(ui, node, nodes);
    }
    let hurts = !matches!(action, AdminCommand::Test { .. });
    if foot(ui, Answer { word: &yes, possible: true, hurts }, wishes) {
        wishes.push(Wish::Do(action.clone()));
    }
}

/// Draws which node the message is accepted by.
fn sender(ui: &mut Ui, chosen: &mut Option<Name>, nodes: &[Name]) {
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        let name = label(ui, "accepted by");
        let text = chosen.as_ref().map_or("any node", Name::as_str).to_owned();
        let combo = ComboBox::from_id_salt("test node").selected_text(text);
        let combo = combo.show_ui(ui, |ui| {
            ui.selectable_value(chosen, None, "any node");
            for node in nodes {
                ui.selectable_value(chosen, Some(node.clone()), node.as_str());
            }
        });
        combo.response.labelled_by(name.id);
    });
}

fn save(ui: &mut Ui, path: &mut String, wishes: &mut Wishes) {
    head(ui, "Save a recording");
    ui.label(
        "All that is remembered, up to an hour, as status lines: one JSON object a line. A file \
         of that name is replaced.",
    );
    let entered = path_field(ui, path);
    let answer = Answer { word: "Save", possible: !path.trim().is_empty(), hurts: false };
    if foot(ui, answer, wishes) || entered {
        wishes.extend([Wish::Save(path.trim().into()), Wish::Dismiss]);
    }
}

fn open(ui: &mut Ui, path: &mut String, wishes: &mut Wishes) {
    head(ui, "Open a recording");
    ui.label(
        "A recording, or what `just status` printed into a file. Dropping the file on the window \
         opens it, too.",
    );
    let entered = path_field(ui, path);
    let answer = Answer { word: "Open", possible: !path.trim().is_empty(), hurts: false };
    if foot(ui, answer, wishes) || entered {
        wishes.extend([Wish::Open(path.trim().into()), Wish::Dismiss]);
    }
}

fn head(ui: &mut Ui, title: &str) {
    escaped_text::label(ui, title, text::number(), tokens(ui).text);
    ui.add_space(space::S);
}

/// Draws a field for a path; returns whether it was ended with Enter.
fn path_field(ui: &mut Ui, path: &mut String) -> bool {
    ui.add_space(space::M);
    let name = label(ui, "file");
    let field = TextEdit::singleline(path).desired_width(f32::INFINITY);
    let response = ui.add(field).labelled_by(name.id);
    response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// The answer that is not "Cancel".
struct Answer<'a> {
    word: &'a str,
    possible: bool,
    /// Whether someone loses something by it.
    hurts: bool,
}

/// Draws the answers; returns whether it was not "Cancel".
fn foot(ui: &mut Ui, answer: Answer<'_>, wishes: &mut Wishes) -> bool {
    ui.add_space(space::L);
    let tokens = tokens(ui);
    right(ui, |ui| {
        let fill = if answer.hurts { tokens.bad } else { tokens.accent };
        let on_fill = tokens.on_fill;
        let word =
            escaped_text::layout_with_codes(ui, answer.word, text::strong(), on_fill, on_fill);
        let yes = Button::new(word).fill(fill).min_size(vec2(88.0, 30.0)).truncate();
        // The other answer keeps its room, however long a name is.
        let most = ui.available_width() - 88.0 - space::S;
        let yes = ui.scope(|ui| {
            ui.set_max_width(most);
            ui.add_enabled(answer.possible, yes).clicked()
        });
        let yes = yes.inner;
        let no = ui.add(Button::new("Cancel").min_size(vec2(88.0, 30.0)));
        if yes || no.clicked() {
            wishes.push(Wish::Dismiss);
        }
        yes
    })
}
