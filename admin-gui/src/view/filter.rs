//! The filter of the nodes that a tab shows.

use eframe::egui::{Button, RichText, Ui};
use trunkline_protocol::status::NodeStatus;

use super::{ViewContext, keys, widgets::label};
use crate::{
    format::plural,
    state::{NodeProblem, Rates},
    theme::{space, state_word, text, tokens},
};

/// The word that stands for any problem.
const ANY_PROBLEM: &str = "problem";

/// The width of the field.
const FIELD: f32 = 180.0;

/// The height of the bar, with the space beneath it.
pub(crate) const BAR_HEIGHT: f32 = 26.0 + space::S;

/// Which nodes are shown: those whose name, state or problem contains each of the words.
#[derive(Debug, Default)]
pub(crate) struct NodeFilter {
    words: String,
}

impl NodeFilter {
    /// Draws the field, and returns the nodes that it leaves, in the order of the snapshot.
    pub(super) fn show<'a>(
        &mut self,
        ui: &mut Ui,
        ctx: &ViewContext<'a>,
    ) -> Vec<(&'a NodeStatus, &'a Rates)> {
        let all = ctx.status.snapshot.nodes.len();
        let problems =
            ctx.status.nodes().filter(|(node, rates)| NodeProblem::of(node, rates).is_some());
        let problems = problems.count();
        ui.horizontal(|ui| {
            let name = label(ui, "filter");
            let field = keys::search_field(&mut self.words).desired_width(FIELD);
            let field = ui.add(field.hint_text("name or state")).labelled_by(name.id);
            field.on_hover_text(
                "Shows the nodes whose name, state or problem contains each of these words: \
                 live, draining, dead, suspect, full, failing, degraded, or problem for any.",
            );
            self.problems(ui, problems);
            if !self.words.is_empty() && ui.button("Show all").clicked() {
                self.words.clear();
            }
            let left = ctx.status.nodes().filter(self.matcher()).count();
            label(ui, format!("{left} of {}", plural(all as u64, "node")));
        });
        ui.add_space(space::S - ui.spacing().item_spacing.y);
        ctx.status.nodes().filter(self.matcher()).collect()
    }

    /// A button that leaves the nodes with problems alone.
    fn problems(&mut self, ui: &mut Ui, count: usize) {
        let is_chosen = self.words == ANY_PROBLEM;
        if count == 0 && !is_chosen {
            return;
        }
        let words = RichText::new(plural(count as u64, ANY_PROBLEM)).font(text::strong());
        let button = Button::new(words.color(tokens(ui).bad)).selected(is_chosen);
        if ui.add(button).on_hover_text("Show only the nodes with a problem.").clicked() {
            self.words = if is_chosen { String::new() } else { ANY_PROBLEM.into() };
        }
    }

    fn matcher(&self) -> impl Fn(&(&NodeStatus, &Rates)) -> bool + use<> {
        let words = self.words.to_lowercase();
        move |(node, rates)| {
            let problem = NodeProblem::of(node, rates);
            let name = node.name.as_str().to_lowercase();
            words.split_whitespace().all(|word| {
                name.contains(word)
                    || state_word(node.state).contains(word)
                    || problem.is_some_and(|it| it.word().contains(word) || word == ANY_PROBLEM)
            })
        }
    }
}
