//! What all links share: the switch, who lives, and what nodes have told. It belongs to the one
//! thread of the data path.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::Instant,
};

use hashbrown::HashMap;
use quinn::Connection;
use tokio::sync::{Notify, mpsc};
use tracing::{error, info, warn};
use trunkline_directory::Directory;
use trunkline_ops::LogThrottle;
use trunkline_protocol::{
    Incarnation, Name,
    control::{Hello, ToNode},
    status::{ClusterEvent, EventKind, NodeLoad},
};

use crate::{
    cleaner::{Listing, Report, Request},
    clock::unix_ms,
    defaults::REFUSAL_EVENTS_MAX,
    end::End,
    link::{Link, Outbox},
    liveness::{Effect, Failed, LinkId, Liveness},
    roster::{LoadChange, Roster},
    switch::{Port, Switch},
    walk::Walks,
};

/// What all links share.
#[derive(Debug)]
pub(crate) struct Hub {
    /// The relay's name.
    pub(crate) name: Name,
    /// When it started, in Unix milliseconds.
    pub(crate) started_at_ms: u64,
    /// Forwards.
    pub(crate) switch: Switch,
    /// What nodes have told of themselves.
    pub(crate) roster: RefCell<Roster>,
    /// All links, admitted or not.
    pub(crate) links: RefCell<HashMap<LinkId, Rc<Link>>>,
    /// The test messages that are under way.
    pub(crate) walks: RefCell<Walks>,
    /// Wakes whoever tells the nodes about each other.
    pub(crate) members_changed: Notify,
    /// Something changed that the nodes may be told later.
    pub(crate) sessions_changed: Cell<bool>,
    /// Counts what the nodes were told of each other.
    pub(crate) epoch: Cell<u64>,
    /// Only to ask what is wrong with Redis; it is called on the other side.
    pub(crate) directory: Directory,
    liveness: RefCell<Liveness>,
    links_ever: Cell<LinkId>,
    requests: mpsc::Sender<Request>,
    events: mpsc::Sender<ClusterEvent>,
    /// Events that connections turned away may still have.
    refusals_left: Cell<u32>,
    /// Keeps what happens again and again from filling the log.
    pub(crate) log_throttle: LogThrottle,
}

impl Hub {
    /// A hub without links. `directory` is that of the cleaner, `requests` go to the cleaner, `events` to the status streams.
    pub(crate) fn new(
        name: Name,
        directory: Directory,
        requests: mpsc::Sender<Request>,
        events: mpsc::Sender<ClusterEvent>,
    ) -> Self {
        Self {
            name,
            started_at_ms: unix_ms(),
            switch: Switch::default(),
            roster: RefCell::default(),
            links: RefCell::default(),
            walks: RefCell::default(),
            members_changed: Notify::new(),
            sessions_changed: Cell::new(false),
            epoch: Cell::new(0),
            directory,
            liveness: RefCell::new(Liveness::new(Instant::now())),
            links_ever: Cell::new(0),
            requests,
            events,
            refusals_left: Cell::new(REFUSAL_EVENTS_MAX),
            log_throttle: LogThrottle::new(),
        }
    }

    /// Tells liveness something, or asks it, and carries out what follows.
    pub(crate) fn liveness<T>(&self, input: impl FnOnce(&mut Liveness, Instant) -> T) -> T {
        let (output, effects) = {
            let mut liveness = self.liveness.borrow_mut();
            (input(&mut liveness, Instant::now()), liveness.take_effects())
        };
        for effect in effects {
            self.carry_out(effect);
        }
        output
    }

    /// Makes a link of a connection, and asks liveness to let it in.
    pub(crate) fn introduce(
        &self,
        connection: &Connection,
        name: &Name,
        hello: &Hello,
    ) -> Result<(Rc<Link>, Outbox), End> {
        let slot = self.switch.flows().borrow_mut().slot(name).ok_or(End::Full)?;
        let port = Port::new(hello.incarnation, slot);
        let id = self.links_ever.get() + 1;
        self.links_ever.set(id);
        let (link, outbox) = Link::new(id, name.clone(), connection.clone(), port, hello.clone());
        self.links.borrow_mut().insert(id, link.clone());
        self.liveness(|liveness, now| liveness.hello(id, name, hello.incarnation, now));
        Ok((link, outbox))
    }

    /// The node of a link that was let in says again who it is.
    pub(crate) fn hello(&self, link: &Link, hello: &Hello) {
        self.liveness(|liveness, now| {
            liveness.hello(link.id, &link.name, hello.incarnation, now);
            if liveness.link_of(hello.incarnation) == Some(link.id) {
                self.roster.borrow_mut().hello(hello);
            }
        });
    }

    /// A link's node says how much it has to do.
    pub(crate) fn load(&self, link: &Link, load: NodeLoad) {
        let incarnation = link.port.incarnation();
        let LoadChange { urgent, sessions, ended_slow } =
            self.roster.borrow_mut().load(incarnation, load, unix_ms());
        if urgent {
            self.members_changed.notify_one();
        }
        self.sessions_changed.set(self.sessions_changed.get() || sessions);
        if ended_slow > 0 {
            let kind = EventKind::SlowReaders { count: ended_slow };
            self.tell(Some((link.name.clone(), incarnation)), kind);
        }
    }

    /// A link is gone.
    pub(crate) fn part(&self, id: LinkId) {
        if let Some(link) = self.links.borrow_mut().remove(&id) {
            self.switch.disconnect(&link.port);
        }
        self.liveness(|liveness, now| liveness.lost(id, now));
    }

    /// Takes up what the cleaner reports.
    pub(crate) fn report(&self, report: Report) {
        match report {
            Report::Listed(listing) => self.listed(listing),
            Report::Leases(leases) => self.liveness(|liveness, now| {
                liveness.leases(leases.as_deref().map_err(|&failed| failed), now);
            }),
            Report::Condemned(incarnation, result) => {
                self.liveness(|liveness, now| liveness.condemned(incarnation, result, now));
            }
            Report::Purging(incarnation, cleared) => {
                self.liveness(|liveness, now| liveness.purging(incarnation, cleared, now));
            }
            Report::Purged(incarnation, result) => {
                self.liveness(|liveness, now| liveness.purged(incarnation, result, now));
            }
        }
    }

    /// Looks at the clock, and lets go of what nobody asks for any more.
    pub(crate) fn tick(&self) {
        self.liveness(|liveness, now| liveness.tick(now));
    }

    /// `who`, at `address`, was turned away. Those who keep on dialling fill neither the log nor the
    /// status streams.
    pub(crate) fn refused(&self, who: &str, address: SocketAddr, reason: &str) {
        if let Some(line) = self.log_throttle.admit(&format!("{who}: {reason}")) {
            warn!(who, %address, suppressed = line.suppressed, "turned away: {reason}");
        }
        if let Some(left) = self.refusals_left.get().checked_sub(1) {
            self.refusals_left.set(left);
            let who = if who.is_empty() { String::new() } else { format!("{who} at ") };
            let reason = format!("{who}{address}: {reason}");
            self.tell(None, EventKind::Refused { reason });
        }
    }

    /// Grants connections that are turned away one more event.
    pub(crate) fn refill_refusals(&self) {
        self.refusals_left.set(REFUSAL_EVENTS_MAX.min(self.refusals_left.get() + 1));
    }

    /// Tells operators that something happened.
    pub(crate) fn tell(&self, about: Option<(Name, Incarnation)>, kind: EventKind) {
        let (node, incarnation) = about.unzip();
        let event = ClusterEvent { at_ms: unix_ms(), node, incarnation, kind };
        self.log(&event);
        let behind = "an event did not reach the status streams: they are behind";
        if self.events.try_send(event).is_err()
            && let Some(line) = self.log_throttle.admit(behind)
        {
            warn!(suppressed = line.suppressed, "{behind}");
        }
    }

    fn listed(&self, listing: Result<Listing, Failed>) {
        let listing = listing.map(|listing| {
            let mut roster = self.roster.borrow_mut();
            listing.cards.into_iter().for_each(|(_, card)| roster.card(card));
            listing.incarnations
        });
        self.liveness(|liveness, now| {
            liveness.listed(listing.as_deref().map_err(|&failed| failed), now);
            self.roster.borrow_mut().retain(|incarnation| liveness.knows(incarnation));
            let nodes = liveness.nodes();
            self.switch.flows().borrow_mut().retain(|name| nodes.contains_key(name));
        });
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Admit(link) => self.admit(link),
            Effect::Reject(link, incarnation, rejection) => self.with(link, |link| {
                link.end(End::rejected(rejection, &link.name, incarnation));
            }),
            Effect::Readdress(link, incarnation) => {
                self.with(link, |link| self.switch.readdress(&link.port, incarnation));
            }
            Effect::Supersede(link) => self.cut(link, End::Superseded),
            Effect::Expel(link, incarnation) => {
                self.with(link, |link| link.say(&ToNode::DeclaredDead { incarnation }));
                self.cut(link, End::Condemned(incarnation));
            }
            Effect::Probe(link, nonce) => {
                self.with(link, |link| link.say(&ToNode::Probe { nonce }));
            }
            Effect::ReadListing => self.request(Request::Listing),
            Effect::ReadLeases(nodes) => self.request(Request::Leases(nodes)),
            Effect::Condemn { node, incarnation, unless_held } => {
                self.request(Request::Condemn { node, incarnation, unless_held });
            }
            Effect::Purge { node, incarnation, settle } => {
                self.request(Request::Purge { node, incarnation, settle });
            }
            Effect::Tell { node, kind } => self.tell(node, kind),
            Effect::Changed => self.members_changed.notify_one(),
        }
    }

    fn admit(&self, link: LinkId) {
        self.with(link, |link| {
            self.roster.borrow_mut().hello(&link.hello);
            link.admit();
            self.switch.connect(&link.port);
            self.greet(link);
        });
    }

    /// Ends a link, and sends nothing more its way.
    fn cut(&self, link: LinkId, end: End) {
        self.with(link, |link| {
            self.switch.disconnect(&link.port);
            link.end(end);
        });
    }

    fn with(&self, link: LinkId, act: impl FnOnce(&Link)) {
        let link = self.links.borrow().get(&link).cloned();
        if let Some(link) = link {
            act(&link);
        }
    }

    fn request(&self, request: Request) {
        // The queue has room for all that liveness can have under way.
        if self.requests.try_send(request).is_err() {
            let full = "the cleaner does not take requests";
            if let Some(line) = self.log_throttle.admit(full) {
                error!(suppressed = line.suppressed, "{full}");
            }
        }
    }

    /// Whether to log that a node's link is back: not if its loss was not, as links come and go.
    pub(crate) fn logs_recovery(&self, node: &str) -> bool {
        self.log_throttle.recovered(&suspect(node))
    }

    fn log(&self, event: &ClusterEvent) {
        let node = event.node.as_ref().map_or("", Name::as_str);
        let incarnation = event.incarnation.map(tracing::field::display);
        match &event.kind {
            EventKind::Cleaned { removed, kept, done_ms } => {
                info!(node, incarnation, removed, kept, done_ms, "cleaned up after a dead node");
            }
            EventKind::Dead { verdict_ms } => {
                warn!(node, incarnation, verdict_ms, "a node was judged dead");
            }
            EventKind::Suspect => {
                if let Some(line) = self.log_throttle.admit(&suspect(node)) {
                    let suppressed = line.suppressed;
                    warn!(node, incarnation, suppressed, "a node's link is silent or gone");
                }
            }
            EventKind::Recovered if !self.logs_recovery(node) => {}
            EventKind::RedisAway => warn!("Redis does not answer; verdicts wait until it does"),
            // Logged where it happens, or by the node that it happens to.
            EventKind::Refused { .. } | EventKind::SlowReaders { .. } => {}
            kind => info!(node, incarnation, "{kind:?}"),
        }
    }
}

fn suspect(node: &str) -> String {
    format!("{node} is suspect")
}
