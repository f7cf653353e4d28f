//! What `up` prints: where to connect, and what to try.

use crate::{
    local_cluster::{LocalCluster, MemberKind},
    terminal::{BOLD, DIM, LINK, Painted, tell},
};

/// Prints the first line.
pub(crate) fn headline() {
    tell(format_args!("\n  {} {}\n", Painted(BOLD, "trunkline"), Painted(DIM, "local cluster")));
}

/// Prints what to try, once the cluster is ready.
pub(crate) fn ready(cluster: &LocalCluster) {
    let nodes: Vec<_> =
        cluster.members().filter(|member| member.kind() == MemberKind::Node).collect();
    let Some(last) = nodes.last() else { return };
    let url = nodes[0].ws_url();
    tell(format_args!("\n  {}  {}", Painted(BOLD, "Connect"), Painted(LINK, url)));
    let bob = format!("just chat bob {}", last.name());
    row("Try", "just chat alice", "in a second terminal");
    row("", &bob, "in a third, then type: alice hello");
    row("", &format!("just kill {}", last.name()), "and bob reconnects elsewhere");
    row("", &format!("just node node-{}", nodes.len() + 1), "one more node");
    row("", "just status", "what the relay sees");
    row("Stop", "Ctrl-C", "or just down");
    let logs = last.log().parent().map(|logs| logs.display().to_string()).unwrap_or_default();
    row("Logs", &logs, "");
    tell("");
}

/// Prints that the cluster is being stopped.
pub(crate) fn stopping() {
    tell(format_args!("\n  {}", Painted(BOLD, "Stopping")));
}

fn row(title: &str, what: &str, why: &str) {
    let (title, what) =
        (Painted(BOLD, format!("{title:<7}")), Painted(LINK, format!("{what:<22}")));
    tell(format_args!("  {title}  {what} {}", Painted(DIM, why)));
}
