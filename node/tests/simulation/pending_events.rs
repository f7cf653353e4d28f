//! The events that can happen next: everything that is in transit, or has yet to be noticed.

use fastrand::Rng;

use crate::{
    node::{LANES, LinkState},
    world::World,
};

/// An event that can happen now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PendingEvent {
    QuicTakes { node: usize, lane: usize },
    RelayReads { node: usize, lane: usize },
    NodeReads { node: usize, lane: usize },
    ReceiptLeaves { node: usize },
    RelayReadsReceipt { node: usize },
    ReplyArrives { node: usize },
    SocketTakes { node: usize, session: usize },
    DirectoryReads { node: usize, look_up: usize },
    LookUpAnswered { node: usize, look_up: usize },
    DirectoryUpdated { change: usize },
    Purge { purge: usize },
    RebuildEnds,
    LossNoticed { node: usize },
    Hello { node: usize },
    Reincarnates { node: usize },
    GoneReported { node: usize },
}

impl World {
    /// Lets one pending event happen; `false` if there is none.
    pub(crate) fn advance(&mut self, rng: &mut Rng) -> bool {
        self.collect_events();
        if self.pending_events.is_empty() {
            return false;
        }
        let event = self.pending_events[rng.usize(..self.pending_events.len())];
        self.checker.note(|| format!("{event:?}"));
        self.perform(event, rng);
        true
    }

    fn collect_events(&mut self) {
        let mut events = std::mem::take(&mut self.pending_events);
        events.clear();
        for node in 0..self.nodes.len() {
            self.collect_links(node, &mut events);
            if self.nodes[node].process.is_running() {
                self.collect_inside(node, &mut events);
            }
        }
        for (change, &(node, _)) in self.directory.stale.iter().enumerate() {
            if self.nodes[node].process.can_register() {
                events.push(PendingEvent::DirectoryUpdated { change });
            }
        }
        events.extend((0..self.directory.purges.len()).map(|purge| PendingEvent::Purge { purge }));
        if self.can_end_rebuild() {
            events.push(PendingEvent::RebuildEnds);
        }
        self.pending_events = events;
    }

    fn collect_links(&self, node: usize, events: &mut Vec<PendingEvent>) {
        let (process, port) = (&self.nodes[node].process, &self.relay.ports[node]);
        for lane in 0..LANES {
            if !port.from_node[lane].is_empty() {
                events.push(PendingEvent::RelayReads { node, lane });
            }
        }
        if !port.receipts.is_empty() {
            events.push(PendingEvent::RelayReadsReceipt { node });
        }
        for (look_up, asked) in process.look_ups.iter().enumerate() {
            if asked.found.is_none() {
                events.push(PendingEvent::DirectoryReads { node, look_up });
            }
        }
    }

    fn collect_inside(&self, node: usize, events: &mut Vec<PendingEvent>) {
        let (process, port) = (&self.nodes[node].process, &self.relay.ports[node]);
        for lane in 0..LANES {
            if process.link != LinkState::Down && !process.lanes[lane].open.is_empty() {
                events.push(PendingEvent::QuicTakes { node, lane });
            }
            if !port.to_node[lane].is_empty() {
                events.push(PendingEvent::NodeReads { node, lane });
            }
        }
        if process.link != LinkState::Down && !process.receipts.is_empty() {
            events.push(PendingEvent::ReceiptLeaves { node });
        }
        if !port.replies.is_empty() {
            events.push(PendingEvent::ReplyArrives { node });
        }
        for session in process.sessions.waiting() {
            events.push(PendingEvent::SocketTakes { node, session });
        }
        for (look_up, asked) in process.look_ups.iter().enumerate() {
            if asked.found.is_some() {
                events.push(PendingEvent::LookUpAnswered { node, look_up });
            }
        }
        let noticed = [
            (process.link == LinkState::Broken, PendingEvent::LossNoticed { node }),
            (
                process.link == LinkState::Up && port.incarnation != process.incarnation(),
                PendingEvent::Hello { node },
            ),
            (process.declared_dead, PendingEvent::Reincarnates { node }),
            (!process.gone.is_empty(), PendingEvent::GoneReported { node }),
        ];
        events.extend(noticed.into_iter().filter(|(can, _)| *can).map(|(_, event)| event));
    }

    fn perform(&mut self, event: PendingEvent, rng: &mut Rng) {
        match event {
            PendingEvent::QuicTakes { node, lane } => self.quic_takes(node, lane),
            PendingEvent::RelayReads { node, lane } => {
                self.relay.read(node, lane, self.conditions.relay_room);
            }
            PendingEvent::NodeReads { node, lane } => self.node_reads(node, lane),
            PendingEvent::ReceiptLeaves { node } => self.receipt_leaves(node, rng.bool()),
            PendingEvent::RelayReadsReceipt { node } => self.relay.read_receipt(node),
            PendingEvent::ReplyArrives { node } => self.reply_arrives(node),
            PendingEvent::SocketTakes { node, session } => {
                self.nodes[node].process.sessions.take(session, &mut self.checker);
                self.take_receipts(node, rng.bool());
            }
            PendingEvent::DirectoryReads { node, look_up } => {
                let asked = &mut self.nodes[node].process.look_ups[look_up];
                asked.found = Some(self.directory.look_up(asked.user));
            }
            PendingEvent::LookUpAnswered { node, look_up } => {
                self.look_up_answered(node, look_up, true)
            }
            PendingEvent::DirectoryUpdated { change } => self.directory_updated(change),
            PendingEvent::Purge { purge } => {
                let incarnation = self.directory.purges.swap_remove(purge);
                self.directory.purge(incarnation);
            }
            PendingEvent::RebuildEnds => self.end_rebuild(),
            PendingEvent::LossNoticed { node } => self.loss_noticed(node),
            PendingEvent::Hello { node } => {
                self.relay.ports[node].incarnation = self.nodes[node].process.incarnation();
            }
            PendingEvent::Reincarnates { node } => self.reincarnate(node),
            PendingEvent::GoneReported { node } => self.gone_reported(node),
        }
    }
}
