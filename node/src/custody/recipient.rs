use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use hashbrown::HashMap;
use smallvec::SmallVec;
use trunkline_protocol::{Incarnation, User};

/// A directory answer that is believed for a while.
#[derive(Debug)]
struct Route {
    nodes: SmallVec<[Incarnation; 1]>,
    /// When the directory was asked: what it knew is at least this old.
    asked_at: Instant,
}

/// A user to whom something was sent lately.
#[derive(Debug, Default)]
pub(super) struct Recipient {
    route: Option<Route>,
    /// When the directory was asked, if it has not answered yet.
    pub(super) looking: Option<Instant>,
    /// The sends that wait for a route or for another try, by number.
    pub(super) queue: VecDeque<u64>,
    /// Some of these still have to try this node's own sessions.
    pub(super) here_waits: bool,
    /// Some of these were dispatched before: the queue waits until what was sent after them has
    /// landed, to know whether it overtook them.
    pub(super) retrying: bool,
    /// A retry is scheduled.
    pub(super) retry_scheduled: bool,
    /// Branches to other nodes that have not ended.
    pub(super) in_flight: u32,
}

impl Recipient {
    /// The nodes that have the user, if that is known.
    pub(super) fn nodes(&self) -> Option<SmallVec<[Incarnation; 1]>> {
        self.route.as_ref().map(|route| route.nodes.clone())
    }

    /// Forgets the route if it is too old, and tells whether there is one.
    pub(super) fn has_route(&mut self, now: Instant, life: Duration) -> bool {
        self.route.take_if(|route| route.asked_at + life <= now);
        self.route.is_some()
    }

    pub(super) fn keep_route(&mut self, nodes: &[Incarnation], asked_at: Instant) {
        self.route = Some(Route { nodes: nodes.into(), asked_at });
    }

    pub(super) fn forget_route(&mut self) {
        self.route = None;
    }

    /// Puts a send where its number belongs.
    pub(super) fn queue_again(&mut self, seq: u64) {
        let at = self.queue.partition_point(|&other| other < seq);
        self.queue.insert(at, seq);
    }

    pub(super) fn unqueue(&mut self, seq: u64) {
        if let Ok(at) = self.queue.binary_search(&seq) {
            self.queue.remove(at);
        }
        if self.queue.is_empty() {
            (self.here_waits, self.retrying) = (false, false);
        }
    }

    fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.looking.is_none() && self.in_flight == 0
    }
}

/// Everyone to whom something was sent lately. Each is looked at once per route's life, and
/// forgotten when nothing needs it.
#[derive(Debug)]
pub(super) struct Recipients {
    by_user: HashMap<User, Recipient>,
    /// Each user once, by when it is looked at.
    expiries: VecDeque<(Instant, User)>,
    life: Duration,
}

impl Recipients {
    pub(super) fn new(life: Duration) -> Self {
        Self { by_user: HashMap::new(), expiries: VecDeque::new(), life }
    }

    pub(super) fn len(&self) -> usize {
        self.by_user.len()
    }

    /// The key of a user, who is known from now on.
    ///
    /// # Panics
    /// If `to` is not a valid user key.
    pub(super) fn key(&mut self, now: Instant, to: &str) -> User {
        if let Some((user, _)) = self.by_user.get_key_value(to) {
            return user.clone();
        }
        let user: User = to.parse().expect("the frame's parser has checked it");
        self.by_user.insert(user.clone(), Recipient::default());
        self.expiries.push_back((now + self.life, user.clone()));
        user
    }

    pub(super) fn get_mut(&mut self, user: &User) -> Option<&mut Recipient> {
        self.by_user.get_mut(user)
    }

    pub(super) fn forget_routes_to(&mut self, node: Incarnation) {
        for recipient in self.by_user.values_mut() {
            recipient.route.take_if(|route| route.nodes.contains(&node));
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.front().map(|(due, _)| *due)
    }

    /// Forgets the routes that are too old, and the users that nothing waits for.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((_, user)) = self.expiries.pop_front_if(|(due, _)| *due <= now) {
            let Some(recipient) = self.by_user.get_mut(&user) else { continue };
            if !recipient.has_route(now, self.life) && recipient.is_idle() {
                self.by_user.remove(&user);
            } else {
                self.expiries.push_back((now + self.life, user));
            }
        }
    }
}
