//! A node: a real custody, and what it has its hands on.

use std::collections::VecDeque;

use smallvec::SmallVec;
use trunkline_node::custody::{
    Custody, Ended, Forwarded, Here, Letter, Limits, LookUpFailed, Outside, Party,
};
use trunkline_protocol::{Incarnation, User, lane::MESSAGE_LANES, lane::Verdict};

use crate::{
    checker::{Checker, Demand},
    directory::Places,
    session::{Answer, Sessions},
    weather::Weather,
};

/// How many of the lanes are used.
pub(crate) const LANES: usize = 2;

/// A message, as far as custody is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) id: u32,
    pub(crate) sender: u64,
}

impl Letter for Note {
    fn bytes(&self) -> usize {
        10 + self.id as usize % 7
    }

    fn sender(&self) -> u64 {
        self.sender
    }
}

/// Messages that go to one node together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) origin: Incarnation,
    pub(crate) destination: Incarnation,
    pub(crate) number: u32,
    /// Number and id of each message.
    pub(crate) notes: SmallVec<[(u64, u32); 4]>,
    /// The origin's link that it went by.
    pub(crate) link: u32,
}

/// One lane, from the node to its relay.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Batches that QUIC has not taken. Each may still grow.
    pub(crate) open: VecDeque<Batch>,
    /// The last one that it took.
    pub(crate) handed: u32,
}

/// What the node knows of its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    /// Broken, but the node has not noticed.
    Broken,
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Runs,
    Frozen,
    Dead,
}

/// A question to the directory that has not been answered.
#[derive(Debug)]
pub(crate) struct LookUp {
    pub(crate) user: usize,
    pub(crate) asked_ms: u64,
    pub(crate) asked_at: u64,
    /// What the directory said, when it has read the question.
    pub(crate) found: Option<Places>,
}

/// What a node was told about a user's route.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// When the last answer that named each node was asked for.
    asked_ms: SmallVec<[(Incarnation, u64); 4]>,
    /// Until when the last answer is good, if nothing spoke against it.
    pub(crate) good_until_ms: u64,
    /// It named this node.
    pub(crate) names_here: bool,
}

/// A node, but for its custody.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) index: usize,
    pub(crate) life: Life,
    /// Since when it is not frozen.
    pub(crate) awake_ms: u64,
    pub(crate) condemned: bool,
    /// Its incarnations, the last one first.
    pub(crate) incarnations: SmallVec<[Incarnation; 4]>,
    pub(crate) link: Link,
    /// Counts its links.
    pub(crate) links: u32,
    pub(crate) lanes: [Lane; LANES],
    last_batch: u32,
    pub(crate) sessions: Sessions,
    /// Receipts for others.
    pub(crate) receipts: VecDeque<Answer>,
    pub(crate) look_ups: Vec<LookUp>,
    pub(crate) known: Vec<Known>,
    pub(crate) rebuilding: bool,
    /// Others that are gone, which its custody has yet to hear.
    pub(crate) gone: Vec<Incarnation>,
    /// The messages it accepted, by number.
    pub(crate) ids: Vec<u32>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) custody: Custody<Note>,
    pub(crate) site: Site,
}

impl Node {
    pub(crate) fn new(index: usize, incarnation: Incarnation, weather: &Weather) -> Self {
        let lane = || Lane { open: VecDeque::new(), handed: weather.first_batch };
        let site = Site {
            index,
            life: Life::Runs,
            awake_ms: 0,
            condemned: false,
            incarnations: SmallVec::from_slice(&[incarnation]),
            link: Link::Up,
            links: 0,
            lanes: [lane(), lane()],
            last_batch: weather.first_batch,
            sessions: Sessions::default(),
            receipts: VecDeque::new(),
            look_ups: Vec::new(),
            known: vec![Known::default(); weather.users],
            rebuilding: false,
            gone: Vec::new(),
            ids: Vec::new(),
        };
        Self { custody: Custody::new(weather.limits), site }
    }
}

impl Site {
    pub(crate) fn runs(&self) -> bool {
        self.life == Life::Runs
    }

    /// The directory hears only those that are not condemned.
    pub(crate) fn can_register(&self) -> bool {
        self.runs() && !self.condemned
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnations[0]
    }

    pub(crate) fn handed(&self) -> [u32; MESSAGE_LANES] {
        std::array::from_fn(|lane| self.lanes.get(lane).map_or(0, |lane| lane.handed))
    }

    /// The id of the message with that number.
    pub(crate) fn id(&self, seq: u64) -> u32 {
        self.ids[seq as usize - 1]
    }

    fn batch_for(&mut self, lane: usize, destination: Incarnation) -> &mut Batch {
        let open = &mut self.lanes[lane].open;
        let at = open.iter().position(|batch| batch.destination == destination);
        let at = at.unwrap_or_else(|| {
            self.last_batch = self.last_batch.wrapping_add(1);
            open.push_back(Batch {
                origin: self.incarnations[0],
                destination,
                number: self.last_batch,
                notes: SmallVec::new(),
                link: self.links,
            });
            open.len() - 1
        });
        &mut open[at]
    }
}

impl Known {
    /// An answer has come to what was asked at `asked_ms`, and is good for so long from then.
    pub(crate) fn learn(&mut self, asked_ms: u64, found: &Places, good_ms: u64) {
        for &node in found {
            match self.asked_ms.iter_mut().find(|(other, _)| *other == node) {
                Some((_, before_ms)) => *before_ms = asked_ms,
                None => self.asked_ms.push((node, asked_ms)),
            }
        }
        self.good_until_ms = asked_ms + good_ms;
    }

    pub(crate) fn forget(&mut self) {
        self.good_until_ms = 0;
    }

    pub(crate) fn forget_node(&mut self, node: Incarnation) {
        if self.asked_ms.iter().any(|(other, _)| *other == node) {
            self.good_until_ms = 0;
        }
    }
}

/// The answer in the form that custody takes it.
pub(crate) fn answer(found: Option<&Places>) -> Result<&[Incarnation], LookUpFailed> {
    found.map(SmallVec::as_slice).ok_or(LookUpFailed)
}

/// All that a custody reaches while it is called.
pub(crate) struct Hands<'a> {
    pub(crate) site: &'a mut Site,
    pub(crate) checker: &'a mut Checker,
    pub(crate) weather: &'a Weather,
    pub(crate) now_ms: u64,
    /// The world's clock of events.
    pub(crate) now_at: u64,
}

impl Hands<'_> {
    fn user(&self, user: &User) -> usize {
        self.weather.user(user.as_str())
    }
}

impl Outside<Note> for Hands<'_> {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        self.site.incarnations.contains(&incarnation)
    }

    fn deliver_here(&mut self, seq: u64, to: &User, note: &Note) -> Here {
        let user = self.user(to);
        let answer = Answer::to(None, seq, Verdict::Taken);
        let here = self.site.sessions.offer(user, note.id, answer, self.weather.socket_room);
        self.checker.note(|| format!("  m{} here: {here:?}", note.id));
        let names_here = self.site.known[user].names_here;
        let fact = self.checker.fact(note.id);
        match here {
            // A route that names this node in vain speaks of a ghost.
            Here::Nobody if names_here => {
                (fact.denied, fact.failed) = (true, true);
                self.site.known[user].forget();
            }
            Here::Nobody => {}
            Here::Full => fact.offered_here = true,
            Here::Waiting => {
                fact.offered_here = true;
                fact.attempts.push(Party::Here);
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
        self.checker.fact(note.id).attempts.push(Party::Node(node));
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
        let id = ended.letter.id;
        self.checker.told(id, ended.outcome, self.now_ms, self.site.awake_ms);
    }
}

impl Hands<'_> {
    fn believes(&mut self, node: Incarnation, id: u32) -> bool {
        let known = &self.site.known[self.checker.fact(id).user];
        let life_ms = limit_ms(&self.weather.limits);
        known.asked_ms.iter().any(|&(other, ms)| other == node && self.now_ms < ms + life_ms)
    }
}

/// The life of a route in milliseconds.
pub(crate) fn limit_ms(limits: &Limits) -> u64 {
    limits.route_life.as_millis() as u64
}
