//! What happens to a node, and how its custody hears of it.

use trunkline_node::custody::{BranchResult, LocalDelivery, Target};
use trunkline_protocol::lane::{Receipt, ReceiptStatus};

use crate::{
    node::{self, Batch, Link},
    relay::Reply,
    session::Answer,
    weather::Weather,
    world::World,
};

impl World {
    pub(crate) fn quic_takes(&mut self, node: usize, lane: usize) {
        let site = &mut self.nodes[node].site;
        let Some(batch) = site.lanes[lane].open.pop_front() else { return };
        site.lanes[lane].handed = batch.number;
        if site.link == Link::Up && self.relay.ports[node].up {
            self.relay.ports[node].from_node[lane].push_back(batch);
        }
    }

    pub(crate) fn node_reads(&mut self, node: usize, lane: usize) {
        let Some(batch) = self.relay.ports[node].to_node[lane].pop_front() else { return };
        let site = &mut self.nodes[node].site;
        for (seq, id) in batch.notes {
            let user = self.checker.facts[id as usize].user;
            let answer = |status| Answer::to(Some(batch.origin), seq, status);
            match site.sessions.offer(
                user,
                id,
                answer(ReceiptStatus::Taken),
                self.weather.socket_room,
            ) {
                LocalDelivery::Nobody => site.receipts.push_back(answer(ReceiptStatus::NotHere)),
                LocalDelivery::Full => site.receipts.push_back(answer(ReceiptStatus::Full)),
                LocalDelivery::Waiting => {}
            }
        }
    }

    pub(crate) fn receipt_leaves(&mut self, node: usize, may_say_old: bool) {
        let site = &mut self.nodes[node].site;
        let Some(mut answer) = site.receipts.pop_front() else { return };
        if site.link != Link::Up || !self.relay.ports[node].up {
            return;
        }
        answer.receipt.route_stale = self.weather.tells_old_routes && may_say_old;
        self.relay.ports[node].receipts.push_back(answer);
    }

    /// Passes on what sockets have answered: to this node's custody, or to other nodes.
    pub(crate) fn fetch_answers(&mut self, node: usize, may_say_old: bool) {
        while let Some(mut answer) = self.nodes[node].site.sessions.answers.pop_front() {
            if answer.origin.is_some() {
                self.nodes[node].site.receipts.push_back(answer);
                continue;
            }
            answer.receipt.route_stale = self.weather.tells_old_routes && may_say_old;
            self.answered(node, Target::LocalDelivery, answer.receipt);
        }
    }

    pub(crate) fn reply_arrives(&mut self, node: usize) {
        match self.relay.ports[node].replies.pop_front() {
            Some(Reply::Receipt { from, receipt }) => {
                self.answered(node, Target::Node(from), receipt);
            }
            Some(Reply::Refusal { batch, fate }) => self.refused(node, &batch, fate),
            None => {}
        }
    }

    fn answered(&mut self, node: usize, party: Target, receipt: Receipt) {
        let site = &mut self.nodes[node].site;
        let id = site.id(receipt.seq);
        if receipt.route_stale || receipt.status == ReceiptStatus::NotHere {
            site.known[self.checker.facts[id as usize].user].forget();
        }
        self.checker.answered(id, party, receipt.status);
        self.checker.note(|| format!(" m{id} at {party:?}: {:?}", receipt.status));
        self.call(node, |custody, now, hands| custody.answered(now, hands, party, receipt));
        self.checker.heard(id);
    }

    fn refused(&mut self, node: usize, batch: &Batch, fate: BranchResult) {
        let site = &mut self.nodes[node].site;
        for &(_, id) in &batch.notes {
            if fate == BranchResult::NotReached {
                site.known[self.checker.facts[id as usize].user].forget();
            }
            if batch.link == site.links {
                self.checker.refuted(id, Target::Node(batch.destination));
            }
        }
        self.checker.note(|| format!(" batch {} is refused: {fate:?}", batch.number));
        let (to, number, seqs) = (batch.destination, batch.number, batch.seqs());
        self.call(node, |custody, now, hands| custody.refused(now, hands, to, number, seqs, fate));
    }

    /// A look-up comes to its end; `false` if the directory could not be asked.
    pub(crate) fn look_up_answered(&mut self, node: usize, look_up: usize, works: bool) {
        let site = &mut self.nodes[node].site;
        let mut look_up = site.look_ups.swap_remove(look_up);
        let found = look_up.found.take().unwrap_or_else(|| self.directory.look_up(look_up.user));
        let missed = works && found.is_empty() && !site.rebuilding;
        if works {
            // If the answer names this node, a send that was denied here takes that for a ghost.
            let names_here = found.iter().any(|place| site.incarnations.contains(place));
            let denied = self.checker.pending(node, look_up.user).any(|fact| fact.denied);
            let doubted = found.is_empty() || (names_here && denied);
            let good_ms = if doubted { 0 } else { self.weather.route_life_ms() };
            let known = &mut site.known[look_up.user];
            known.names_here = names_here;
            known.learn(look_up.asked_ms, &found, good_ms);
        }
        for fact in self.checker.pending(node, look_up.user) {
            fact.missed |= missed && fact.accepted_at <= look_up.asked_at;
            fact.failed |= !works || found.is_empty();
        }
        self.checker.note(|| format!(" u{} is at {:?}", look_up.user, works.then_some(&found)));
        let key = Weather::key(look_up.user).parse().expect("the key of a user");
        self.call(node, |custody, now, hands| {
            custody.routed(now, hands, &key, node::answer(works.then_some(&found)));
        });
    }

    pub(crate) fn directory_hears(&mut self, change: usize) {
        let (node, user) = self.directory.stale.swap_remove(change);
        let site = &self.nodes[node].site;
        let has = site.sessions.has(user).then(|| site.incarnation());
        self.directory.say(node, user, has, self.now_ms);
    }

    pub(crate) fn loss_noticed(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        (site.link, site.links) = (Link::Down, site.links + 1);
        for lane in &mut site.lanes {
            for batch in lane.open.drain(..) {
                for &(_, id) in &batch.notes {
                    self.checker.refuted(id, Target::Node(batch.destination));
                }
            }
        }
        let handed = site.handed();
        self.call(node, |custody, now, hands| custody.link_lost(now, hands, handed));
    }

    pub(crate) fn gone_heard(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        let Some(gone) = site.gone.pop() else { return };
        site.known.iter_mut().for_each(|known| known.forget_node(gone));
        for &id in &site.ids {
            let fact = self.checker.fact(id);
            fact.given_up |= fact.attempts.contains(&Target::Node(gone));
        }
        self.call(node, |custody, now, _| custody.gone(now, gone));
    }
}
