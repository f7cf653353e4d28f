//! A snapshot as a table.

use trunkline_protocol::{
    Outcome,
    control::MemberState,
    status::{NodeStatus, PurgeStatus, RedisState, RelayStatus, Snapshot},
};

use crate::terminal::{BAD, BOLD, DIM, GOOD, NOTE, Painted};

const MEBIBYTE: f64 = 1_048_576.0;

/// The lines of the table: the relay, a heading, and each node, within 80 columns. Rates need the
/// snapshot before; without one they are left out.
pub(super) fn lines(now: &Snapshot, before: Option<&Snapshot>) -> Vec<String> {
    let seconds = before.map(|before| now.at_ms.saturating_sub(before.at_ms) as f64 / 1e3);
    let seconds = seconds.filter(|seconds| *seconds > 0.0);
    let mut lines = vec![relay_line(&now.relay, before.map(|before| &before.relay), seconds)];
    lines.extend(now.relay.redis_trouble.as_ref().map(|error| redis_error_line(error)));
    lines.push(Painted(DIM, heading()).to_string());
    for node in &now.nodes {
        let earlier = before.and_then(|before| {
            before.nodes.iter().find(|earlier| earlier.incarnation == node.incarnation)
        });
        lines.push(node_line(node, earlier, seconds.filter(|_| earlier.is_some())));
        let there = !matches!(node.state, MemberState::Dead | MemberState::Left);
        let error = node.load.redis_trouble.as_ref().filter(|_| there);
        lines.extend(error.map(|error| redis_error_line(error)));
    }
    lines
}

fn relay_line(now: &RelayStatus, before: Option<&RelayStatus>, seconds: Option<f64>) -> String {
    let redis = match now.redis {
        RedisState::Up => Painted(GOOD, "Redis up"),
        RedisState::Away { .. } => Painted(BAD, "Redis away"),
    };
    let rate = rate(now.forwarded, before.map(|before| before.forwarded), seconds);
    let cpu = cpu(now.cpu_ms, before.map(|before| before.cpu_ms), seconds);
    let memory = now.memory_bytes as f64 / MEBIBYTE;
    let name = Painted(BOLD, &now.name);
    format!("{name}  {redis}  forwarded {rate}/s  cpu {cpu}  memory {memory:.0} MiB")
}

/// What became of the sends of all present nodes since they started, and the rates.
pub(super) fn outcomes_line(now: &Snapshot, before: Option<&Snapshot>) -> String {
    let seconds = before.map(|before| now.at_ms.saturating_sub(before.at_ms) as f64 / 1e3);
    let total = |snapshot: &Snapshot, outcome| {
        snapshot.nodes.iter().map(|node| node.load.outcomes.of(outcome)).sum::<u64>()
    };
    let parts = Outcome::ALL.map(|outcome| {
        let sends = total(now, outcome);
        let before = before.map(|before| total(before, outcome));
        let rate = rate(sends, before, seconds.filter(|seconds| *seconds > 0.0));
        let style = if outcome == Outcome::Delivered || sends == 0 { BOLD } else { NOTE };
        format!("{} {} ({rate}/s)", outcome.as_str(), Painted(style, sends))
    });
    parts.join("  ")
}

/// May be longer than 80 columns: an error is shown in full, and the terminal wraps it.
fn redis_error_line(error: &str) -> String {
    Painted(BAD, format!("  Redis error: {error}")).to_string()
}

fn heading() -> String {
    format!(
        "{:<10} {:<8} {:>9} {:>6} {:>7} {:>7} {:>7} {:>6} {:>4} {:>4}",
        "node",
        "state",
        "sessions",
        "users",
        "sends/s",
        "deliv./s",
        "p99 ms",
        "pending",
        "cpu",
        "MiB"
    )
}

fn node_line(now: &NodeStatus, before: Option<&NodeStatus>, seconds: Option<f64>) -> String {
    let (style, state) = state_label(now.state);
    let name = Painted(BOLD, format!("{:<10}", now.name.as_str()));
    let columns = match now.state {
        MemberState::Dead => Painted(DIM, purge_text(now.purge.as_ref())).to_string(),
        MemberState::Left => String::new(),
        _ => load_columns(now, before, seconds),
    };
    format!("{name} {} {columns}", Painted(style, format!("{state:<8}")))
}

/// What has happened to the entries of a dead node's users.
fn purge_text(purge: Option<&PurgeStatus>) -> String {
    match purge {
        Some(PurgeStatus { removed, kept, done_ms: Some(done_ms), .. }) => {
            format!("purged after {done_ms} ms: {removed} removed, {kept} online elsewhere")
        }
        _ => "its entries are being purged".to_owned(),
    }
}

fn load_columns(now: &NodeStatus, before: Option<&NodeStatus>, seconds: Option<f64>) -> String {
    let load = &now.load;
    let delivered =
        |node: &NodeStatus| node.load.delivered_locally + node.load.delivered_from_links;
    let p99 = load.latency.quantile_us(0.99);
    format!(
        "{:>9} {:>6} {:>7} {:>7} {:>7} {:>6} {:>4} {:>4.0}",
        format!("{}/{}", load.sessions, now.capacity),
        load.users,
        rate(load.accepted, before.map(|before| before.load.accepted), seconds),
        rate(delivered(now), before.map(delivered), seconds),
        p99.map_or("-".to_owned(), |p99| format!("{:.1}", p99 as f64 / 1e3)),
        load.pending,
        cpu(load.cpu_ms, before.map(|before| before.load.cpu_ms), seconds),
        load.memory_bytes as f64 / MEBIBYTE,
    )
}

fn state_label(state: MemberState) -> (anstyle::Style, &'static str) {
    match state {
        MemberState::Joining => (NOTE, "joining"),
        MemberState::Live => (GOOD, "live"),
        MemberState::Suspect => (NOTE, "suspect"),
        MemberState::Draining => (NOTE, "draining"),
        MemberState::Dead => (BAD, "dead"),
        MemberState::Left => (DIM, "left"),
    }
}

fn rate(now: u64, before: Option<u64>, seconds: Option<f64>) -> String {
    let (Some(before), Some(seconds)) = (before, seconds) else { return "-".to_owned() };
    format!("{:.0}", now.saturating_sub(before) as f64 / seconds)
}

fn cpu(now_ms: u64, before_ms: Option<u64>, seconds: Option<f64>) -> String {
    let (Some(before), Some(seconds)) = (before_ms, seconds) else { return "-".to_owned() };
    format!("{:.0}%", now_ms.saturating_sub(before) as f64 / seconds / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_error_is_shown_in_full() {
        let error = "WRONGPASS invalid username-password pair or user is disabled. (check --redis)";
        let relay = serde_json::json!({
            "name": "relay-1", "software": "1", "started_at_ms": 0, "redis": "up",
            "redis_trouble": error, "forwarded": 0, "forwarded_bytes": 0, "refused_full": 0,
            "refused_gone": 0, "dropped": 0, "cpu_ms": 0, "memory_bytes": 0
        });
        let snapshot = serde_json::json!({ "at_ms": 0, "relay": relay, "nodes": [], "flows": [] });
        let lines = lines(&serde_json::from_value(snapshot).unwrap(), None);
        assert!(lines[1].contains(&format!("Redis error: {error}")), "{lines:#?}");
    }
}
