//! The cluster at one moment, as operators are shown it.

use std::{rc::Rc, time::Instant};

use trunkline_link::Lane;
use trunkline_ops::Usage;
use trunkline_protocol::{
    Name,
    status::{LinkStatus, NodeStatus, RedisState, RelayStatus, Snapshot},
};

use crate::{
    clock::unix_ms,
    hub::Hub,
    link::Link,
    liveness::{Redis, Seen},
};

impl Hub {
    /// The cluster now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let seen: Vec<_> = self.liveness(|liveness, _| {
            let nodes = liveness.nodes().into_iter();
            nodes.map(|(name, seen)| (name.clone(), seen)).collect()
        });
        Snapshot {
            at_ms: unix_ms(),
            relay: self.relay_status(),
            nodes: seen.into_iter().map(|(name, seen)| self.node_status(name, seen)).collect(),
            flows: self.switch.flows().borrow().pairs(),
        }
    }

    fn relay_status(&self) -> RelayStatus {
        let Usage { cpu, memory_bytes } = Usage::now();
        let carried = self.switch.flows().borrow().total();
        let turned = self.switch.turned();
        RelayStatus {
            name: self.name.clone(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            started_at_ms: self.started_at_ms,
            redis: self.redis_state(),
            redis_trouble: self.directory.trouble(),
            forwarded: carried.messages,
            forwarded_bytes: carried.bytes,
            refused_full: turned.full,
            refused_gone: turned.gone,
            dropped: turned.dropped,
            cpu_ms: cpu.as_millis() as u64,
            memory_bytes,
        }
    }

    fn redis_state(&self) -> RedisState {
        match self.liveness(|liveness, _| liveness.redis()) {
            Redis::Up { .. } => RedisState::Up,
            Redis::Away { since } => {
                let away_ms = since.elapsed().as_millis() as u64;
                RedisState::Away { since_ms: unix_ms().saturating_sub(away_ms) }
            }
        }
    }

    fn node_status(&self, name: Name, seen: Seen) -> NodeStatus {
        let told = self.roster.borrow().of(seen.incarnation);
        let (from, to) = self.switch.flows().borrow().of(&name);
        let silent = Instant::now().saturating_duration_since(seen.last_sign);
        let link = seen.link.and_then(|id| self.links.borrow().get(&id).cloned());
        NodeStatus {
            name,
            incarnation: seen.incarnation,
            state: seen.state,
            url: told.url,
            capacity: told.capacity,
            started_at_ms: told.started_at_ms,
            software: told.software,
            silent_ms: silent.as_millis() as u64,
            forwarded_from: from.messages,
            forwarded_to: to.messages,
            load: told.load,
            load_at_ms: told.load_at_ms,
            link: link.map(link_status),
            purge: seen.purge,
        }
    }
}

fn link_status(link: Rc<Link>) -> LinkStatus {
    let path = link.connection.stats().path;
    LinkStatus {
        address: link.connection.remote_address().to_string(),
        since_ms: link.since_ms,
        rtt_us: path.rtt.as_micros() as u64,
        window_bytes: path.cwnd,
        sent_packets: path.sent_packets,
        lost_packets: path.lost_packets,
        queued_bytes: link.port.lanes().map(Lane::queued_bytes).map(|bytes| bytes as u64).collect(),
    }
}
