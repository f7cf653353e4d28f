use std::{collections::HashMap, fs, io, path::PathBuf};

use eframe::egui::{
    Context, FullOutput, Plugin,
    accesskit::{Node, NodeId, TreeUpdate},
};
use serde::Serialize;
use tracing::warn;

/// Writes the texts of the accessibility tree into a file at each frame, in the order in which a screen
/// reader reads them.
#[derive(Debug)]
pub struct AccessibilityDump(pub PathBuf);

#[derive(Debug, Serialize)]
struct TextNode<'a> {
    role: String,
    #[serde(rename = "words")]
    text: &'a str,
    /// The middle, in points from the upper left corner.
    x: f64,
    y: f64,
}

impl Plugin for AccessibilityDump {
    fn debug_name(&self) -> &'static str {
        "accessibility dump"
    }

    fn setup(&mut self, ctx: &Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        // A screen reader that disconnects turns the tree off for everyone.
        ctx.enable_accesskit();
        if let Some(tree) = &output.platform_output.accesskit_update
            && let Err(error) = self.write(tree)
        {
            warn!(file = %self.0.display(), %error, "cannot write the accessibility dump");
        }
    }
}

impl AccessibilityDump {
    /// Replaces the file in one step: a reader never sees half a frame.
    fn write(&self, tree: &TreeUpdate) -> io::Result<()> {
        let next = self.0.with_extension("next");
        fs::write(&next, serde_json::to_vec(&texts(tree))?)?;
        fs::rename(&next, &self.0)
    }
}

/// The nodes that have a text, depth first.
fn texts(tree: &TreeUpdate) -> Vec<TextNode<'_>> {
    let nodes: HashMap<NodeId, &Node> = tree.nodes.iter().map(|(id, node)| (*id, node)).collect();
    let mut stack: Vec<_> = tree.tree.iter().map(|tree| tree.root).collect();
    let mut texts = Vec::new();
    while let Some(id) = stack.pop() {
        let Some(node) = nodes.get(&id) else { continue };
        stack.extend(node.children().iter().rev());
        if let Some(text) = node.label().or(node.value()).filter(|text| !text.is_empty()) {
            let bounds = node.bounds().unwrap_or_default();
            let (x, y) = (f64::midpoint(bounds.x0, bounds.x1), f64::midpoint(bounds.y0, bounds.y1));
            texts.push(TextNode { role: format!("{:?}", node.role()), text, x, y });
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use eframe::egui::accesskit::{Role, TreeId, TreeInfo};

    use super::*;

    #[test]
    fn texts_are_in_reading_order() {
        let node = |label: &str, children: &[u64]| {
            let mut node = Node::new(Role::Label);
            node.set_label(label);
            node.set_children(children.iter().copied().map(NodeId).collect::<Vec<_>>());
            node
        };
        let nodes = [
            (0, node("", &[1, 3])),
            (3, node("last", &[])),
            (1, node("first", &[2])),
            (2, node("second", &[])),
        ];
        let update = TreeUpdate {
            nodes: nodes.map(|(id, node)| (NodeId(id), node)).into(),
            tree: Some(TreeInfo::new(NodeId(0))),
            tree_id: TreeId::ROOT,
            focus: NodeId(0),
        };
        let texts: Vec<_> = texts(&update).iter().map(|node| node.text).collect();
        assert_eq!(texts, ["first", "second", "last"]);
    }
}
