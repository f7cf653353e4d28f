//! The reconciler against a model of Redis in which any command or answer may be lost, and any
//! command may be executed late, up to the end of its lease.

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

/// A command of an incarnation, with its fence.
#[derive(Clone, Debug)]
struct SentCommand {
    user: User,
    incarnation: u64,
    fence: Instant,
    command: Command,
}

#[derive(Debug, Default)]
struct RedisModel {
    users: BTreeMap<User, u64>,
    index: BTreeMap<(u64, User), u64>,
}

impl RedisModel {
    fn execute(&mut self, SentCommand { user, incarnation, command, .. }: &SentCommand) {
        let indexed = (*incarnation, user.clone());
        match command {
            Command::IndexEnter(since) => {
                let stored = self.index.entry(indexed).or_default();
                *stored = (*stored).max(*since);
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
                if self.index.get(&indexed).is_some_and(|stored| stored <= since) {
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
struct InFlight {
    operation: Operation,
    incarnation: u64,
    to_send: Vec<Command>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    AnswerLost,
    CommandLost,
    Late,
}

#[derive(Clone, Debug)]
enum Event {
    Register(usize),
    Deregister(usize),
    Start,
    Send(usize, Fault),
    Arrive(usize),
    Wait(u64),
    Reincarnate,
}

struct World {
    reconciler: Reconciler,
    redis: RedisModel,
    now: Instant,
    incarnation: u64,
    in_flight: Vec<InFlight>,
    late: Vec<SentCommand>,
    desired: BTreeSet<User>,
}

impl World {
    fn new() -> Self {
        Self {
            reconciler: Reconciler::default(),
            redis: RedisModel::default(),
            now: Instant::now(),
            incarnation: 1,
            in_flight: Vec::new(),
            late: Vec::new(),
            desired: BTreeSet::new(),
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Register(user) => {
                self.desired.insert(name(user));
                self.reconciler.register(&name(user), 1_000, self.now);
            }
            Event::Deregister(user) => {
                self.desired.remove(&name(user));
                self.reconciler.deregister(&name(user), self.now);
            }
            Event::Start => self.start(),
            Event::Send(which, fault) => self.send(which, fault),
            Event::Arrive(which) => {
                if !self.late.is_empty() {
                    let sent = self.late.remove(which % self.late.len());
                    self.redis.execute(&sent);
                }
            }
            Event::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Event::Reincarnate => {
                self.incarnation += 1;
                self.reconciler.restart(self.now);
            }
        }
        self.check();
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.late.retain(|sent| self.now <= sent.fence);
    }

    fn start(&mut self) {
        let Some(operation) = self.reconciler.next(self.now) else { return };
        let twice = |other: &InFlight| other.operation.user == operation.user;
        assert!(!self.in_flight.iter().any(twice), "one operation per user at a time");
        let to_send = match operation.kind {
            OperationKind::Register => {
                vec![Command::IndexEnter(operation.since_ms), Command::UserEnter]
            }
            OperationKind::Remove { keep_index: true } => vec![Command::UserLeave],
            OperationKind::Remove { keep_index: false } => {
                vec![Command::UserLeave, Command::IndexLeave(operation.since_ms)]
            }
        };
        self.in_flight.push(InFlight { operation, incarnation: self.incarnation, to_send });
    }

    fn send(&mut self, which: usize, fault: Fault) {
        if self.in_flight.is_empty() {
            return;
        }
        let which = which % self.in_flight.len();
        let in_flight = &mut self.in_flight[which];
        let sent = SentCommand {
            user: in_flight.operation.user.clone(),
            incarnation: in_flight.incarnation,
            fence: in_flight.operation.started + LEASE_TTL,
            command: in_flight.to_send.remove(0),
        };
        let last = in_flight.to_send.is_empty();
        if self.now > sent.fence {
            return self.finish(which, OperationResult::Refused);
        }
        match fault {
            Fault::None | Fault::AnswerLost => self.redis.execute(&sent),
            Fault::Late => self.late.push(sent),
            Fault::CommandLost => {}
        }
        match fault {
            Fault::None if last => self.finish(which, OperationResult::Confirmed),
            Fault::None => {}
            _ => self.finish(which, OperationResult::Indeterminate),
        }
    }

    fn finish(&mut self, which: usize, result: OperationResult) {
        let InFlight { operation, .. } = self.in_flight.remove(which);
        self.reconciler.finish(&operation, result, self.now);
    }

    /// The invariant: the index has each user whose entry a purge must find.
    fn check(&self) {
        for (user, incarnation) in &self.redis.users {
            assert!(self.redis.index.contains_key(&(*incarnation, user.clone())), "{user}");
        }
        for late in &self.late {
            let indexed = self.redis.index.contains_key(&(late.incarnation, late.user.clone()));
            assert!(indexed || !matches!(late.command, Command::UserEnter), "{late:?}");
        }
        assert_eq!(self.reconciler.desired(), self.desired.len());
        assert_eq!(self.reconciler.in_flight(), self.in_flight.len());
    }

    /// Executes all pending operations without faults.
    fn run_to_quiescence(&mut self) {
        while self.reconciler.pending() > 0 {
            self.handle(Event::Start);
            self.handle(Event::Arrive(0));
            self.handle(Event::Send(0, Fault::None));
            if self.in_flight.is_empty()
                && let Some(due) = self.reconciler.next_due()
            {
                self.wait(due.saturating_duration_since(self.now));
            }
        }
        self.wait(LATE_WINDOW);
        (1..self.incarnation).for_each(|former| self.redis.purge(former));
    }
}

fn name(user: usize) -> User {
    format!("user-{user}").parse().unwrap()
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        5 => Just(Fault::None),
        2 => Just(Fault::AnswerLost),
        1 => Just(Fault::CommandLost),
        3 => Just(Fault::Late),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..USERS).prop_map(Event::Register),
        3 => (0..USERS).prop_map(Event::Deregister),
        6 => Just(Event::Start),
        8 => (0..USERS, faults()).prop_map(|(which, fault)| Event::Send(which, fault)),
        3 => (0..USERS).prop_map(Event::Arrive),
        4 => (0..1_500u64).prop_map(Event::Wait),
        1 => Just(Event::Reincarnate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_faults_end_with_exactly_the_desired_entries(
        events in prop::collection::vec(events(), 1..120),
    ) {
        let mut world = World::new();
        events.into_iter().for_each(|event| world.handle(event));
        world.run_to_quiescence();

        let entries: BTreeSet<User> = world.redis.users.keys().cloned().collect();
        prop_assert_eq!(&entries, &world.desired);
        prop_assert!(world.redis.users.values().all(|entry| *entry == world.incarnation));
        let indexed: BTreeSet<User> = world.redis.index.keys().map(|key| key.1.clone()).collect();
        prop_assert_eq!(&indexed, &world.desired);
        prop_assert_eq!(world.reconciler.entries.len(), world.desired.len());
        prop_assert_eq!(world.reconciler.rebuilding(), 0);
    }
}

#[test]
fn login_goes_before_the_rebuilding() {
    let now = Instant::now();
    let mut reconciler = Reconciler::default();
    for user in 0..10 {
        reconciler.register(&name(user), 1, now);
    }
    while let Some(operation) = reconciler.next(now) {
        reconciler.finish(&operation, OperationResult::Confirmed, now);
    }
    reconciler.restart(now);
    assert_eq!(reconciler.rebuilding(), 10);
    reconciler.register(&name(99), 1, now);
    assert_eq!(reconciler.next(now).unwrap().user, name(99));
}

#[test]
fn rebuilding_keeps_its_rate() {
    let now = Instant::now();
    let mut reconciler = Reconciler::default();
    for user in 0..1_000 {
        reconciler.register(&name(user), 1, now);
    }
    while let Some(operation) = reconciler.next(now) {
        reconciler.finish(&operation, OperationResult::Confirmed, now);
    }
    reconciler.restart(now);
    let later = now + Duration::from_millis(100);
    let due = std::iter::from_fn(|| reconciler.next(later)).count();
    let expected = REBUILD_PER_SECOND as usize / 10;
    assert!((expected..=expected + 1).contains(&due), "{due}");
}

#[test]
fn user_who_leaves_before_an_operation_starts_is_forgotten() {
    let now = Instant::now();
    let mut reconciler = Reconciler::default();
    for user in 0..100 {
        reconciler.register(&name(user), 1, now);
        reconciler.deregister(&name(user), now);
    }
    assert_eq!(reconciler.pending(), 0);
    assert!(reconciler.entries.is_empty());
}

#[test]
fn second_login_needs_a_second_operation() {
    let now = Instant::now();
    let mut reconciler = Reconciler::default();
    let first = reconciler.register(&name(1), 1, now);
    let operation = reconciler.next(now).unwrap();
    let second = reconciler.register(&name(1), 1, now);
    assert!(reconciler.finish(&operation, OperationResult::Confirmed, now));
    assert_eq!(operation.revision, first);
    assert_eq!(reconciler.next(now).unwrap().revision, second);
}
