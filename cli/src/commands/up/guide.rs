//! What `up` says to whoever looks at it: where to connect, and what to try.

use crate::local_cluster::{Cluster, Kind};

use crate::terminal::{BOLD, DIM, LINK, Painted, tell};

/// The first line.
pub(crate) fn headline() {
    tell(format_args!("\n  {} {}\n", Painted(BOLD, "trunkline"), Painted(DIM, "local cluster")));
}

/// Everything is up.
pub(crate) fn ready(cluster: &Cluster) {
    let nodes: Vec<_> = cluster.members().filter(|member| member.kind() == Kind::Node).collect();
    let Some(last) = nodes.last() else { return };
    let url = nodes[0].ws_url();
    tell(format_args!("\n  {}  {}", Painted(BOLD, "Connect"), Painted(LINK, url)));
    let bob = format!("just chat bob {}", last.name());
    row("Try", "just chat alice", "in a second terminal");
    row("", &bob, "in a third, then type: alice hello");
    row("", &format!("just kill {}", last.name()), "and see what becomes of bob");
    row("", &format!("just node node-{}", nodes.len() + 1), "one more node");
    row("", "just status", "what the relay sees");
    row("Stop", "Ctrl-C", "or just down");
    let logs = last.log().parent().map(|logs| logs.display().to_string()).unwrap_or_default();
    row("Logs", &logs, "");
    tell("");
}

/// The end begins.
pub(crate) fn stopping() {
    tell(format_args!("\n  {}", Painted(BOLD, "Stopping")));
}

fn row(title: &str, what: &str, why: &str) {
    let (title, what) =
        (Painted(BOLD, format!("{title:<7}")), Painted(LINK, format!("{what:<22}")));
    tell(format_args!("  {title}  {what} {}", Painted(DIM, why)));
}
