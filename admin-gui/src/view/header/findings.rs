use eframe::egui::{Align, Button, Layout, Response, ScrollArea, Ui};
use trunkline_protocol::control::MemberState;

use crate::{
    escaped_text,
    format::plural,
    state::{ClusterHealth, Finding, FindingPlace, Moment},
    theme::{space, text, tokens},
    view::{
        UiCommand, ViewContext,
        tabs::tab::Tab,
        widgets::{draw_symbol, tooltip},
    },
};

/// The width of "9 findings".
const MORE: f32 = 104.0;

/// The width and the largest height of the list.
const LIST: [f32; 2] = [560.0, 360.0];

/// Draws the worst finding, and a list of all. Each is a link to where more of it is seen.
pub(super) fn show(ui: &mut Ui, health: &ClusterHealth, ctx: &ViewContext<'_>) {
    let Some(worst) = health.findings.first() else {
        let live = ctx.status.count(MemberState::Live) as u64;
        ui.label(format!("{} live, no problems", plural(live, "node")));
        return;
    };
    let others = health.findings.len() - 1;
    let room = ui.available_width() - if others > 0 { MORE + space::S } else { 0.0 };
    // An error text of Redis may be long.
    let finding = ui.scope(|ui| {
        ui.set_max_width(room.max(MORE));
        link(ui, worst)
    });
    if finding.inner.clicked() {
        open(worst, ctx);
    }
    if others == 0 {
        return;
    }
    let title = format!("{} ▾", plural(health.findings.len() as u64, "finding"));
    ui.menu_button(title, |ui| list(ui, health, ctx))
        .response
        .on_hover_text("All that is not as it should be, the worst first.");
}

fn list(ui: &mut Ui, health: &ClusterHealth, ctx: &ViewContext<'_>) {
    let [width, height] = LIST;
    ui.set_width(width.min(ui.ctx().content_rect().width() - space::XL));
    ScrollArea::vertical().max_height(height).show(ui, |ui| {
        for finding in &health.findings {
            let clicked = ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                draw_symbol(ui, tokens(ui).severity(finding.severity), space::L);
                link(ui, finding).clicked()
            });
            if clicked.inner {
                open(finding, ctx);
                ui.close();
            }
        }
    });
}

fn link(ui: &mut Ui, finding: &Finding) -> Response {
    let words = escaped_text::layout(ui, &finding.text, text::body(), tokens(ui).text);
    let explained = match &finding.place {
        FindingPlace::Node(name) => format!("Click to show {name}."),
        FindingPlace::Nodes => "Click to show the nodes.".into(),
        FindingPlace::Outcomes => "Click to show the sends by outcome and node.".into(),
        FindingPlace::EventsAt(_) => "Click to show the events, at the time it began.".into(),
        FindingPlace::Events => "Click to show the events.".into(),
    };
    let explained = tooltip(ui, &explained);
    ui.add(Button::new(words).frame(false).wrap()).on_hover_text(explained)
}

/// Shows where more of a finding is seen.
fn open(finding: &Finding, ctx: &ViewContext<'_>) {
    let tab = match &finding.place {
        FindingPlace::Node(_) | FindingPlace::Nodes => Tab::Nodes,
        FindingPlace::Outcomes => Tab::Outcomes,
        FindingPlace::EventsAt(_) | FindingPlace::Events => Tab::Events,
    };
    ctx.send(UiCommand::OpenTab(tab));
    match &finding.place {
        FindingPlace::Node(name) => ctx.send(UiCommand::Select(Some(name.clone()))),
        FindingPlace::EventsAt(at_ms) => ctx.send(UiCommand::ShowMoment(Moment::At(*at_ms))),
        FindingPlace::Nodes | FindingPlace::Outcomes | FindingPlace::Events => {}
    }
}
