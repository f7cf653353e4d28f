//! The plan against a model of Redis in which any command may be lost, may lose its answer, or
//! may be executed late, up to the end of the lease that it was sent under.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::defaults::LEASE_TTL;

const USERS: usize = 3;

#[derive(Clone, Debug)]
enum Command {
    IndexEnter(u64),
    UserEnter,
    UserLeave,
    IndexLeave(u64),
}

/// A command on its way, under an incarnation and until a fence.
#[derive(Clone, Debug)]
struct Sent {
    user: User,
    incarnation: u64,
    fence: Instant,
    command: Command,
}

#[derive(Debug, Default)]
struct Redis {
    users: BTreeMap<User, u64>,
    index: BTreeMap<(u64, User), u64>,
}

impl Redis {
    fn execute(&mut self, Sent { user, incarnation, command, .. }: &Sent) {
        let indexed = (*incarnation, user.clone());
        match command {
            Command::IndexEnter(since) => {
                let stands = self.index.entry(indexed).or_default();
                *stands = (*stands).max(*since);
            }
            Command::UserEnter => {
                self.users.insert(user.clone(), *incarnation);
            }
            Command::UserLeave => {
                if self.users.get(user) == Some(incarnation) {
                    self.users.remove(user);
                }
            }
            Command::IndexLeave(since) => {
                if self.index.get(&indexed).is_some_and(|stands| stands <= since) {
                    self.index.remove(&indexed);
                }
            }
        }
    }

    fn purge(&mut self, incarnation: u64) {
        let gone: Vec<_> = self.index.keys().filter(|key| key.0 == incarnation).cloned().collect();
        for key in gone {
            if self.users.get(&key.1) == Some(&incarnation) {
                self.users.remove(&key.1);
            }
            self.index.remove(&key);
        }
    }
}

#[derive(Debug)]
struct UnderWay {
    operation: Operation,
    incarnation: u64,
    to_send: Vec<Command>,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Confirmed,
    AnswerLost,
    Lost,
    Late,
}

#[derive(Clone, Debug)]
enum Event {
    Want(usize),
    Unwant(usize),
    Begin,
    Send(usize, Fate),
    Arrive(usize),
    Wait(u64),
    Reincarnate,
}

struct World {
    plan: Plan,
    redis: Redis,
    now: Instant,
    incarnation: u64,
    under_way: Vec<UnderWay>,
    late: Vec<Sent>,
    wanted: BTreeSet<User>,
}

impl World {
    fn new() -> Self {
        Self {
            plan: Plan::default(),
            redis: Redis::default(),
            now: Instant::now(),
            incarnation: 1,
            under_way: Vec::new(),
            late: Vec::new(),
            wanted: BTreeSet::new(),
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Want(user) => {
                self.wanted.insert(name(user));
                self.plan.register(&name(user), 1_000, self.now);
            }
            Event::Unwant(user) => {
                self.wanted.remove(&name(user));
                self.plan.deregister(&name(user), self.now);
            }
            Event::Begin => self.begin(),
            Event::Send(which, fate) => self.send(which, fate),
            Event::Arrive(which) => {
                if !self.late.is_empty() {
                    let sent = self.late.remove(which % self.late.len());
                    self.redis.execute(&sent);
                }
            }
            Event::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Event::Reincarnate => {
                self.incarnation += 1;
                self.plan.restart(self.now);
            }
        }
        self.check();
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.late.retain(|sent| self.now <= sent.fence);
    }

    fn begin(&mut self) {
        let Some(operation) = self.plan.next(self.now) else { return };
        let twice = |other: &UnderWay| other.operation.user == operation.user;
        assert!(!self.under_way.iter().any(twice), "one operation per user at a time");
        let to_send = match operation.action {
            Action::Register => vec![Command::IndexEnter(operation.since_ms), Command::UserEnter],
            Action::Remove { keep_index: true } => vec![Command::UserLeave],
            Action::Remove { keep_index: false } => {
                vec![Command::UserLeave, Command::IndexLeave(operation.since_ms)]
            }
        };
        self.under_way.push(UnderWay { operation, incarnation: self.incarnation, to_send });
    }

    fn send(&mut self, which: usize, fate: Fate) {
        if self.under_way.is_empty() {
            return;
        }
        let which = which % self.under_way.len();
        let under_way = &mut self.under_way[which];
        let sent = Sent {
            user: under_way.operation.user.clone(),
            incarnation: under_way.incarnation,
            fence: under_way.operation.started + LEASE_TTL,
            command: under_way.to_send.remove(0),
        };
        let last = under_way.to_send.is_empty();
        if self.now > sent.fence {
            return self.finish(which, Outcome::Refused);
        }
        match fate {
            Fate::Confirmed | Fate::AnswerLost => self.redis.execute(&sent),
            Fate::Late => self.late.push(sent),
            Fate::Lost => {}
        }
        match fate {
            Fate::Confirmed if last => self.finish(which, Outcome::Done),
            Fate::Confirmed => {}
            _ => self.finish(which, Outcome::Doubtful),
        }
    }

    fn finish(&mut self, which: usize, outcome: Outcome) {
        let UnderWay { operation, .. } = self.under_way.remove(which);
        self.plan.finish(&operation, outcome, self.now);
    }

    /// What must hold at any time: what a purge has to find stands in the index.
    fn check(&self) {
        for (user, incarnation) in &self.redis.users {
            assert!(self.redis.index.contains_key(&(*incarnation, user.clone())), "{user}");
        }
        for late in &self.late {
            let indexed = self.redis.index.contains_key(&(late.incarnation, late.user.clone()));
            assert!(indexed || !matches!(late.command, Command::UserEnter), "{late:?}");
        }
        assert_eq!(self.plan.wanted(), self.wanted.len());
        assert_eq!(self.plan.in_flight(), self.under_way.len());
    }

    /// No more faults: everything is done until nothing is left to do.
    fn come_to_rest(&mut self) {
        while self.plan.pending() > 0 {
            self.handle(Event::Begin);
            self.handle(Event::Arrive(0));
            self.handle(Event::Send(0, Fate::Confirmed));
            if self.under_way.is_empty()
                && let Some(due) = self.plan.next_due()
            {
                self.wait(due.saturating_duration_since(self.now));
            }
        }
        self.wait(DOUBT);
        (1..self.incarnation).for_each(|former| self.redis.purge(former));
    }
}

fn name(user: usize) -> User {
    format!("user-{user}").parse().unwrap()
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        5 => Just(Fate::Confirmed),
        2 => Just(Fate::AnswerLost),
        1 => Just(Fate::Lost),
        3 => Just(Fate::Late),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..USERS).prop_map(Event::Want),
        3 => (0..USERS).prop_map(Event::Unwant),
        6 => Just(Event::Begin),
        8 => (0..USERS, fates()).prop_map(|(which, fate)| Event::Send(which, fate)),
        3 => (0..USERS).prop_map(Event::Arrive),
        4 => (0..1_500u64).prop_map(Event::Wait),
        1 => Just(Event::Reincarnate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens_ends_with_exactly_the_wanted_entries(
        events in prop::collection::vec(events(), 1..120),
    ) {
        let mut world = World::new();
        events.into_iter().for_each(|event| world.handle(event));
        world.come_to_rest();

        let entries: BTreeSet<User> = world.redis.users.keys().cloned().collect();
        prop_assert_eq!(&entries, &world.wanted);
        prop_assert!(world.redis.users.values().all(|entry| *entry == world.incarnation));
        let indexed: BTreeSet<User> = world.redis.index.keys().map(|key| key.1.clone()).collect();
        prop_assert_eq!(&indexed, &world.wanted);
        prop_assert_eq!(world.plan.entries.len(), world.wanted.len());
        prop_assert_eq!(world.plan.rebuilding(), 0);
    }
}

#[test]
fn a_login_goes_before_the_rebuilding() {
    let now = Instant::now();
    let mut plan = Plan::default();
    for user in 0..10 {
        plan.register(&name(user), 1, now);
    }
    while let Some(operation) = plan.next(now) {
        plan.finish(&operation, Outcome::Done, now);
    }
    plan.restart(now);
    assert_eq!(plan.rebuilding(), 10);
    plan.register(&name(99), 1, now);
    assert_eq!(plan.next(now).unwrap().user, name(99));
}

#[test]
fn the_rebuilding_keeps_its_rate() {
    let now = Instant::now();
    let mut plan = Plan::default();
    for user in 0..1_000 {
        plan.register(&name(user), 1, now);
    }
    while let Some(operation) = plan.next(now) {
        plan.finish(&operation, Outcome::Done, now);
    }
    plan.restart(now);
    let later = now + Duration::from_millis(100);
    let due = std::iter::from_fn(|| plan.next(later)).count();
    let expected = REBUILD_PER_SECOND as usize / 10;
    assert!((expected..=expected + 1).contains(&due), "{due}");
}

#[test]
fn users_who_come_and_go_while_nothing_is_sent_leave_nothing() {
    let now = Instant::now();
    let mut plan = Plan::default();
    for user in 0..100 {
        plan.register(&name(user), 1, now);
        plan.deregister(&name(user), now);
    }
    assert_eq!(plan.pending(), 0);
    assert!(plan.entries.is_empty());
}

#[test]
fn a_second_login_is_asked_about_anew() {
    let now = Instant::now();
    let mut plan = Plan::default();
    let first = plan.register(&name(1), 1, now);
    let operation = plan.next(now).unwrap();
    let second = plan.register(&name(1), 1, now);
    assert!(plan.finish(&operation, Outcome::Done, now));
    assert_eq!(operation.wish, first);
    assert_eq!(plan.next(now).unwrap().wish, second);
}
