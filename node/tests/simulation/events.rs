//! Events of a node, passed to its custody.

use trunkline_node::custody::{BranchResult, LocalDelivery, RefusedBatch, Target};
use trunkline_protocol::lane::{Receipt, ReceiptStatus};

use crate::{
    conditions::Conditions,
    node::{self, LinkState, SimulatedBatch},
    relay::RelayReply,
    session::PendingReceipt,
    world::World,
};

impl World {
    pub(crate) fn quic_takes(&mut self, node: usize, lane: usize) {
        let process = &mut self.nodes[node].process;
        let Some(batch) = process.lanes[lane].open.pop_front() else { return };
        process.lanes[lane].handed = batch.number;
        if process.link == LinkState::Up && self.relay.ports[node].up {
            self.relay.ports[node].from_node[lane].push_back(batch);
        }
    }

    pub(crate) fn node_reads(&mut self, node: usize, lane: usize) {
        let Some(batch) = self.relay.ports[node].to_node[lane].pop_front() else { return };
        let process = &mut self.nodes[node].process;
        for (seq, id) in batch.messages {
            let user = self.checker.records[id as usize].user;
            let answer = |status| PendingReceipt::to(Some(batch.origin), seq, status);
            match process.sessions.offer(
                user,
                id,
                answer(ReceiptStatus::Taken),
                self.conditions.socket_room,
            ) {
                LocalDelivery::Nobody => process.receipts.push_back(answer(ReceiptStatus::NotHere)),
                LocalDelivery::Full => process.receipts.push_back(answer(ReceiptStatus::Full)),
                LocalDelivery::Waiting => {}
            }
        }
    }

    pub(crate) fn receipt_leaves(&mut self, node: usize, may_report_stale: bool) {
        let process = &mut self.nodes[node].process;
        let Some(mut answer) = process.receipts.pop_front() else { return };
        if process.link != LinkState::Up || !self.relay.ports[node].up {
            return;
        }
        answer.receipt.route_stale = self.conditions.reports_stale_routes && may_report_stale;
        self.relay.ports[node].receipts.push_back(answer);
    }

    /// Takes the receipts of this node's sessions to its custody, or to other nodes.
    pub(crate) fn take_receipts(&mut self, node: usize, may_report_stale: bool) {
        while let Some(mut answer) = self.nodes[node].process.sessions.receipts.pop_front() {
            if answer.origin.is_some() {
                self.nodes[node].process.receipts.push_back(answer);
                continue;
            }
            answer.receipt.route_stale = self.conditions.reports_stale_routes && may_report_stale;
            self.answered(node, Target::Local, answer.receipt);
        }
    }

    pub(crate) fn reply_arrives(&mut self, node: usize) {
        match self.relay.ports[node].replies.pop_front() {
            Some(RelayReply::Receipt { from, receipt }) => {
                self.answered(node, Target::Node(from), receipt);
            }
            Some(RelayReply::Refusal { batch, result }) => self.refused(node, &batch, result),
            None => {}
        }
    }

    fn answered(&mut self, node: usize, target: Target, receipt: Receipt) {
        let process = &mut self.nodes[node].process;
        let id = process.id(receipt.seq);
        if receipt.route_stale || receipt.status == ReceiptStatus::NotHere {
            process.routes[self.checker.records[id as usize].user].forget();
        }
        self.checker.answered(id, target, receipt.status);
        self.checker.note(|| format!(" m{id} at {target:?}: {:?}", receipt.status));
        self.call(node, |custody, now, env| custody.answered(now, env, target, receipt));
        self.checker.answer_handled(id);
    }

    fn refused(&mut self, node: usize, batch: &SimulatedBatch, result: BranchResult) {
        let process = &mut self.nodes[node].process;
        for &(_, id) in &batch.messages {
            if result == BranchResult::NotReached {
                process.routes[self.checker.records[id as usize].user].forget();
            }
            self.checker.refuted(id, Target::Node(batch.destination));
        }
        self.checker.note(|| format!(" batch {} is refused: {result:?}", batch.number));
        let refused = RefusedBatch {
            link: batch.link,
            destination: batch.destination,
            number: batch.number,
            seqs: batch.seqs(),
            result,
        };
        self.call(node, |custody, now, env| custody.refused(now, env, refused));
    }

    /// A look-up is answered, or fails.
    pub(crate) fn look_up_answered(&mut self, node: usize, look_up: usize, succeeds: bool) {
        let process = &mut self.nodes[node].process;
        let mut look_up = process.look_ups.swap_remove(look_up);
        let found = look_up.found.take().unwrap_or_else(|| self.directory.look_up(look_up.user));
        let missed = succeeds && found.is_empty() && !process.rebuilding;
        if succeeds {
            // An answer that names this node is stale for a send that was denied here.
            let names_here = found.iter().any(|node| process.incarnations.contains(node));
            let denied = self.checker.pending(node, look_up.user).any(|record| record.denied);
            let is_stale = found.is_empty() || (names_here && denied);
            let good_ms = if is_stale { 0 } else { self.conditions.route_ttl_ms() };
            let route = &mut process.routes[look_up.user];
            route.names_here = names_here;
            route.learn(look_up.asked_ms, &found, good_ms);
        }
        for record in self.checker.pending(node, look_up.user) {
            record.missed |= missed && record.accepted_at <= look_up.asked_at;
            record.failed |= !succeeds || found.is_empty();
        }
        self.checker.note(|| format!(" u{} is at {:?}", look_up.user, succeeds.then_some(&found)));
        let key = Conditions::key(look_up.user).parse().expect("the key of a user");
        self.call(node, |custody, now, env| {
            custody.routed(now, env, &key, node::answer(succeeds.then_some(&found)));
        });
    }

    pub(crate) fn directory_updated(&mut self, change: usize) {
        let (node, user) = self.directory.stale.swap_remove(change);
        let process = &self.nodes[node].process;
        let has = process.sessions.has(user).then(|| process.incarnation());
        self.directory.update(node, user, has, self.now_ms);
    }

    pub(crate) fn loss_noticed(&mut self, node: usize) {
        let process = &mut self.nodes[node].process;
        process.link = LinkState::Down;
        self.relay.ports[node].drop_unread();
        for lane in &mut process.lanes {
            for batch in lane.open.drain(..) {
                for &(_, id) in &batch.messages {
                    self.checker.refuted(id, Target::Node(batch.destination));
                }
            }
        }
        let (lost, handed) = (process.link_id, process.handed());
        self.call(node, |custody, now, env| custody.link_lost(now, env, lost, handed));
    }

    pub(crate) fn gone_reported(&mut self, node: usize) {
        let process = &mut self.nodes[node].process;
        let Some(gone) = process.gone.pop() else { return };
        process.routes.iter_mut().for_each(|route| route.forget_node(gone));
        for &id in &process.ids {
            let record = self.checker.record(id);
            record.abandoned |= record.attempts.contains(&Target::Node(gone));
        }
        self.call(node, |custody, now, _| custody.gone(now, gone));
    }
}
