use std::{collections::HashMap, fs, io, path::PathBuf};

use eframe::egui::{
    Context, FullOutput, Plugin,
    accesskit::{Node, NodeId, TreeUpdate},
};
use serde::Serialize;
use tracing::warn;

/// Writes what the window says into a file at each frame, as whoever has it read out hears it.
#[derive(Debug)]
pub struct Dump(pub PathBuf);

/// Something that the window says.
#[derive(Debug, Serialize)]
struct Said<'a> {
    /// What says it.
    role: String,
    /// The words.
    words: &'a str,
    /// Its middle, in points from the upper left corner.
    x: f64,
    /// The same, downwards.
    y: f64,
}

impl Plugin for Dump {
    fn debug_name(&self) -> &'static str {
        "dump"
    }

    fn setup(&mut self, ctx: &Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        // Whoever stops to listen to the window turns this off for all.
        ctx.enable_accesskit();
        if let Some(tree) = &output.platform_output.accesskit_update
            && let Err(error) = self.write(tree)
        {
            warn!(file = %self.0.display(), %error, "what the window says cannot be written");
        }
    }
}

impl Dump {
    /// Whoever reads the file sees one frame or the next, and nothing in between.
    fn write(&self, tree: &TreeUpdate) -> io::Result<()> {
        let beside = self.0.with_extension("next");
        fs::write(&beside, serde_json::to_vec(&said(tree))?)?;
        fs::rename(&beside, &self.0)
    }
}

/// All that is said, in the order in which it is read out.
fn said(tree: &TreeUpdate) -> Vec<Said<'_>> {
    let nodes: HashMap<NodeId, &Node> = tree.nodes.iter().map(|(id, node)| (*id, node)).collect();
    let mut ahead: Vec<_> = tree.tree.iter().map(|tree| tree.root).collect();
    let mut said = Vec::new();
    while let Some(id) = ahead.pop() {
        let Some(node) = nodes.get(&id) else { continue };
        ahead.extend(node.children().iter().rev());
        if let Some(words) = node.label().or(node.value()).filter(|words| !words.is_empty()) {
            let bounds = node.bounds().unwrap_or_default();
            let (x, y) = (f64::midpoint(bounds.x0, bounds.x1), f64::midpoint(bounds.y0, bounds.y1));
            said.push(Said { role: format!("{:?}", node.role()), words, x, y });
        }
    }
    said
}
