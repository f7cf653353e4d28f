//! The world as a custody reaches it while it is called.

use trunkline_node::custody::{Ended, Environment, Forwarded, LocalDelivery, Target};
use trunkline_protocol::{Incarnation, User, lane::ReceiptStatus};

use crate::{
    checker::{Checker, Demand},
    node::{LANES, Link, LookUp, Note, Site},
    session::Answer,
    weather::Weather,
};

/// All that a custody reaches while it is called.
pub(crate) struct SimulatedNode<'a> {
    pub(crate) site: &'a mut Site,
    pub(crate) checker: &'a mut Checker,
    pub(crate) weather: &'a Weather,
    pub(crate) now_ms: u64,
    /// The world's clock of events.
    pub(crate) now_at: u64,
}

impl SimulatedNode<'_> {
    fn user(&self, user: &User) -> usize {
        self.weather.user(user.as_str())
    }

    /// Whether that node was named by an answer that is not too old.
    fn believes(&mut self, node: Incarnation, id: u32) -> bool {
        let known = &self.site.known[self.checker.fact(id).user];
        let asked_ms = known.asked_ms(node);
        asked_ms.is_some_and(|ms| self.now_ms < ms + self.weather.route_life_ms())
    }
}

impl Environment<Note> for SimulatedNode<'_> {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        self.site.incarnations.contains(&incarnation)
    }

    fn deliver_here(&mut self, seq: u64, to: &User, note: &Note) -> LocalDelivery {
        let user = self.user(to);
        let answer = Answer::to(None, seq, ReceiptStatus::Taken);
        let here = self.site.sessions.offer(user, note.id, answer, self.weather.socket_room);
        self.checker.note(|| format!("  m{} here: {here:?}", note.id));
        let names_here = self.site.known[user].names_here;
        let fact = self.checker.fact(note.id);
        match here {
            // A route that names this node in vain speaks of a ghost.
            LocalDelivery::Nobody if names_here => {
                (fact.denied, fact.failed) = (true, true);
                self.site.known[user].forget();
            }
            LocalDelivery::Nobody => {}
            LocalDelivery::Full => fact.offered_here = true,
            LocalDelivery::Waiting => {
                fact.offered_here = true;
                fact.attempts.push(Target::LocalDelivery);
            }
        }
        here
    }

    fn forward(&mut self, node: Incarnation, seq: u64, note: &Note) -> Forwarded {
        let lane = self.checker.fact(note.id).user % LANES;
        let believed = self.believes(node, note.id);
        self.checker.demand(Demand::RouteLife, believed, || {
            format!("m{} goes to a node that was named too long ago", note.id)
        });
        if self.site.link == Link::Down {
            self.checker.fact(note.id).failed = true;
            self.checker.note(|| format!("  m{} has no link", note.id));
            return Forwarded::NoLink;
        }
        let waiting: usize = self.site.lanes[lane].open.iter().map(|b| b.notes.len()).sum();
        if waiting >= self.weather.lane_room {
            return Forwarded::Full;
        }
        let batch = self.site.batch_for(lane, node);
        batch.notes.push((seq, note.id));
        let number = batch.number;
        self.checker.fact(note.id).attempts.push(Target::Node(node));
        self.checker.note(|| format!("  m{} to {node:?} in batch {number}", note.id));
        Forwarded::InBatch { lane: lane as u8, batch: number }
    }

    fn look_up(&mut self, user: &User) {
        let user = self.user(user);
        let alone = self.site.look_ups.iter().all(|other| other.user != user);
        let known = self.now_ms < self.site.known[user].good_until_ms;
        self.checker.note(|| format!("  looks up u{user}"));
        self.checker.demand(Demand::OneLookUp, alone, || format!("u{user} is looked up twice"));
        self.checker.demand(Demand::CachedRoute, !known, || format!("u{user} was known"));
        let (asked_ms, asked_at) = (self.now_ms, self.now_at);
        self.site.look_ups.push(LookUp { user, asked_ms, asked_at, found: None });
    }

    fn rebuilding(&self) -> bool {
        self.site.rebuilding
    }

    fn tell(&mut self, ended: Ended<'_, Note>) {
        let id = ended.message.id;
        self.checker.told(id, ended.outcome, self.now_ms, self.site.awake_ms);
    }

    fn recycle(&mut self, note: Note) {
        self.checker.recycle(note.id);
    }
}
