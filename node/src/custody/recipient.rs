use std::{
    collections::VecDeque,
    ops::{Index, IndexMut},
    time::{Duration, Instant},
};

use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;
use trunkline_protocol::{Incarnation, User};

use super::order::DeliveryOrder;

/// What is known about where a user is. There is no state *known to be nowhere*: a miss is not
/// cached, because the user may log in the moment after.
#[derive(Debug, Default)]
pub(super) enum RouteState {
    #[default]
    Unknown,
    /// The directory was asked and has not answered. Sends up to number `last` were there by then.
    Asked { at: Instant, last: u64 },
    /// What it answered. The answer is as old as the question.
    Known { nodes: SmallVec<[Incarnation; 1]>, asked_at: Instant },
}

/// What a recipient's queue may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueStep {
    Wait,
    LookUp,
    Dispatch,
}

/// A user to whom something was sent lately.
#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) user: User,
    pub(super) route: RouteState,
    /// The sends that wait, by number. A queue is dispatched as a whole, so those that await a retry
    /// come first; then those that were offered to the sessions here; then those that were not.
    pub(super) queue: VecDeque<u64>,
    pub(super) order: DeliveryOrder,
    /// The queue waits for its retry timer. A look-up may be answered meanwhile, and does not end the
    /// wait: while directory and nodes contradict each other, a message would otherwise go back and
    /// forth as fast as they answer.
    pub(super) backing_off: bool,
    /// Sends that have not ended.
    pub(super) pending: u32,
}

impl Recipient {
    fn new(user: User) -> Self {
        Self {
            user,
            route: RouteState::Unknown,
            queue: VecDeque::new(),
            order: DeliveryOrder::default(),
            backing_off: false,
            pending: 0,
        }
    }

    /// Decides what its queue does now.
    pub(super) fn next_step(&mut self, now: Instant, route_ttl: Duration) -> QueueStep {
        if self.queue.is_empty()
            || matches!(self.route, RouteState::Asked { .. })
            || self.backing_off
            || self.awaits_later_sends()
        {
            QueueStep::Wait
        } else if self.has_route(now, route_ttl) {
            QueueStep::Dispatch
        } else {
            QueueStep::LookUp
        }
    }

    /// Whether the route is known, and was asked for less than `ttl` ago. It is forgotten otherwise.
    pub(super) fn has_route(&mut self, now: Instant, ttl: Duration) -> bool {
        match self.route {
            RouteState::Known { asked_at, .. } if now < asked_at + ttl => true,
            RouteState::Known { .. } => {
                self.route = RouteState::Unknown;
                false
            }
            RouteState::Unknown | RouteState::Asked { .. } => false,
        }
    }

    pub(super) fn forget_route(&mut self) {
        if matches!(self.route, RouteState::Known { .. }) {
            self.route = RouteState::Unknown;
        }
    }

    /// Whether the first in the queue has to wait until what was sent later has landed. If one of
    /// the same sender arrives, a retry would break the order; if all fail, they are tried again in
    /// order, together.
    pub(super) fn awaits_later_sends(&self) -> bool {
        self.order.last_open() > self.queue.front().copied()
    }

    /// Puts a send back where its number belongs.
    pub(super) fn rejoin_queue(&mut self, seq: u64) {
        let at = self.queue.partition_point(|&other| other < seq);
        self.queue.insert(at, seq);
    }

    pub(super) fn leave_queue(&mut self, seq: u64) {
        if let Ok(at) = self.queue.binary_search(&seq) {
            self.queue.remove(at);
        }
    }

    /// A send of `sender` may have arrived, and will not be tried again.
    pub(super) fn note_arrival(&mut self, sender: u64, seq: u64) {
        if self.first_unsure().is_some_and(|first| first < seq) {
            self.order.mark_ahead(sender, seq);
        }
        self.order.close(seq);
    }

    /// The first send that may yet be tried, or tried again.
    fn first_unsure(&self) -> Option<u64> {
        let firsts = [self.order.first_open(), self.queue.front().copied()];
        firsts.into_iter().flatten().min()
    }

    fn is_idle(&self) -> bool {
        self.pending == 0 && !self.backing_off && matches!(self.route, RouteState::Unknown)
    }
}

/// All users to whom something was sent lately. Each is checked once per lifetime of a route, and
/// forgotten when nothing needs it.
#[derive(Debug)]
pub(super) struct Recipients {
    by_user: HashMap<User, usize>,
    known: Slab<Recipient>,
    /// When each is checked next.
    expiries: VecDeque<(Instant, usize)>,
    route_ttl: Duration,
}

impl Recipients {
    pub(super) fn new(route_ttl: Duration) -> Self {
        Self { by_user: HashMap::new(), known: Slab::new(), expiries: VecDeque::new(), route_ttl }
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
        self.expiries.push_back((now + self.route_ttl, at));
        at
    }

    pub(super) fn forget_routes_to(&mut self, node: Incarnation) {
        for (_, recipient) in &mut self.known {
            if matches!(&recipient.route, RouteState::Known { nodes, .. } if nodes.contains(&node))
            {
                recipient.route = RouteState::Unknown;
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
            recipient.has_route(now, self.route_ttl);
            if recipient.is_idle() {
                self.by_user.remove(&recipient.user);
                self.known.remove(at);
            } else {
                recipient.order.forget_before(recipient.first_unsure().unwrap_or(u64::MAX));
                self.expiries.push_back((now + self.route_ttl, at));
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
