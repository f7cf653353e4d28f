//! What `up` prints: where to connect, and what to try.

use crate::{
    local_cluster::{ClusterMember, LocalCluster, MemberKind},
    terminal::{BOLD, DIM, LINK, NOTE, Painted, notice, tell},
};

/// Prints the first line.
pub(crate) fn headline() {
    tell(format_args!("\n  {} {}\n", Painted(BOLD, "trunkline"), Painted(DIM, "local cluster")));
}

/// Prints each port that differs from the one that the documentation names.
pub(crate) fn moved_ports(cluster: &LocalCluster) {
    for kind in [MemberKind::Relay, MemberKind::Node] {
        let members = cluster.members().filter(|member| member.kind() == kind);
        members.enumerate().flat_map(|(at, member)| moved(member, at)).for_each(|text| {
            notice(NOTE, &text);
        });
    }
}

/// Where `member`, the one of its kind at `index`, is instead of at its documented ports.
fn moved(member: &ClusterMember, index: usize) -> Vec<String> {
    let Some((listen, ops)) = member.kind().documented_ports(index) else { return Vec::new() };
    let pairs = [("", listen, member.address().port()), (" (ops)", ops, member.ops().port())];
    let pairs = pairs.into_iter().filter(|(_, usual, port)| usual != port);
    pairs
        .map(|(what, usual, port)| {
            let name = member.name();
            format!("port {usual} is taken: {name}{what} is at {port}; use {port} in the examples")
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_port_is_reported_with_the_documented_one() {
        let cluster = LocalCluster::builder().nodes(1).prepare().unwrap();
        let node = cluster.node("node-1");
        let texts = moved(node, 0);
        let port = node.address().port();
        assert!(
            texts[0].starts_with(&format!("port 9001 is taken: node-1 is at {port};")),
            "{texts:?}"
        );
        assert!(texts[1].starts_with("port 9081 is taken: node-1 (ops) is at "), "{texts:?}");
        assert!(moved(cluster.relay(), 0)[0].starts_with("port 7400 is taken"));
    }
}
