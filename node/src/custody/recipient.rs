use std::{
    collections::VecDeque,
    ops::{Index, IndexMut},
    time::{Duration, Instant},
};

use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;
use trunkline_protocol::{Incarnation, User};

use super::order::Order;

/// What is known about where a user is.
#[derive(Debug, Default)]
pub(super) enum Route {
    #[default]
    Unknown,
    /// The directory was asked and has not answered. Sends up to number `last` were there by then.
    Asked { at: Instant, last: u64 },
    /// What it answered. What it knew is as old as the question.
    Known { nodes: SmallVec<[Incarnation; 1]>, asked_at: Instant },
}

/// A user to whom something was sent lately.
#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) user: User,
    pub(super) route: Route,
    /// The sends that wait for a route or for another try, by number.
    pub(super) queue: VecDeque<u64>,
    /// The first of these that has yet to try this node's own sessions.
    pub(super) here_waits: Option<u64>,
    pub(super) order: Order,
    /// The queue waits for its time in [`super::Custody::retries`].
    pub(super) retry_scheduled: bool,
    /// Sends that have not ended.
    pub(super) pending: u32,
}

impl Recipient {
    fn new(user: User) -> Self {
        Self {
            user,
            route: Route::Unknown,
            queue: VecDeque::new(),
            here_waits: None,
            order: Order::default(),
            retry_scheduled: false,
            pending: 0,
        }
    }

    /// Whether the route is known, and asked for less than `life` ago. It is forgotten otherwise.
    pub(super) fn has_route(&mut self, now: Instant, life: Duration) -> bool {
        match self.route {
            Route::Known { asked_at, .. } if now < asked_at + life => true,
            Route::Known { .. } => {
                self.route = Route::Unknown;
                false
            }
            Route::Unknown | Route::Asked { .. } => false,
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        matches!(self.route, Route::Asked { .. })
    }

    pub(super) fn forget_route(&mut self) {
        if matches!(self.route, Route::Known { .. }) {
            self.route = Route::Unknown;
        }
    }

    /// Whether the queue has to wait until what was sent later has landed, to know whether it was
    /// overtaken.
    pub(super) fn is_held_up(&self) -> bool {
        self.order.last_open() > self.queue.front().copied()
    }

    /// Puts a new send behind all others.
    pub(super) fn enqueue(&mut self, seq: u64) {
        if self.queue.is_empty() {
            self.here_waits = None;
        }
        self.queue.push_back(seq);
        self.here_waits.get_or_insert(seq);
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
    }

    /// A send of `sender` may have been handed over, and will not be tried again.
    pub(super) fn handed(&mut self, sender: u64, seq: u64) {
        if self.first_unsure().is_some_and(|first| first < seq) {
            self.order.went_ahead(sender, seq);
        }
        self.order.closed(seq);
    }

    /// The first send that may yet be tried, or tried again.
    fn first_unsure(&self) -> Option<u64> {
        let firsts = [self.order.first_open(), self.queue.front().copied()];
        firsts.into_iter().flatten().min()
    }

    fn is_idle(&self) -> bool {
        self.pending == 0 && !self.retry_scheduled && matches!(self.route, Route::Unknown)
    }
}

/// Everyone to whom something was sent lately. Each is looked at once per route's life, and
/// forgotten when nothing needs it.
#[derive(Debug)]
pub(super) struct Recipients {
    by_user: HashMap<User, usize>,
    known: Slab<Recipient>,
    /// Each once, by when it is looked at.
    expiries: VecDeque<(Instant, usize)>,
    life: Duration,
}

impl Recipients {
    pub(super) fn new(life: Duration) -> Self {
        Self { by_user: HashMap::new(), known: Slab::new(), expiries: VecDeque::new(), life }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn find(&self, user: &str) -> Option<usize> {
        self.by_user.get(user).copied()
    }

    /// Makes a user known.
    ///
    /// # Panics
    /// If `user` is not a valid user key.
    pub(super) fn add(&mut self, now: Instant, user: &str) -> usize {
        let user: User = user.parse().expect("the frame's parser has checked it");
        let at = self.known.insert(Recipient::new(user.clone()));
        self.by_user.insert(user, at);
        self.expiries.push_back((now + self.life, at));
        at
    }

    pub(super) fn forget_routes_to(&mut self, node: Incarnation) {
        for (_, recipient) in &mut self.known {
            if matches!(&recipient.route, Route::Known { nodes, .. } if nodes.contains(&node)) {
                recipient.route = Route::Unknown;
            }
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.front().map(|(due, _)| *due)
    }

    /// Forgets the routes that are too old, and the users that nothing waits for.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((_, at)) = self.expiries.pop_front_if(|(due, _)| *due <= now) {
            let recipient = &mut self.known[at];
            recipient.has_route(now, self.life);
            if recipient.is_idle() {
                self.by_user.remove(&recipient.user);
                self.known.remove(at);
            } else {
                recipient.order.forget_before(recipient.first_unsure().unwrap_or(u64::MAX));
                self.expiries.push_back((now + self.life, at));
            }
        }
    }
}

impl Index<usize> for Recipients {
    type Output = Recipient;

    fn index(&self, at: usize) -> &Recipient {
        &self.known[at]
    }
}

impl IndexMut<usize> for Recipients {
    fn index_mut(&mut self, at: usize) -> &mut Recipient {
        &mut self.known[at]
    }
}
