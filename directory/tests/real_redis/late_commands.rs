//! Several nodes behind a network that delays commands and cuts connections: the directory ends
//! with exactly the entries of their sessions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::{prelude::*, test_runner::TestRunner};
use tokio::{runtime::Builder, task::JoinHandle, time};
use trunkline_directory::{
    Registrar,
    testing::{RedisServer, SlowProxy},
};
use trunkline_protocol::{Incarnation, Name, User};

use crate::support::{
    entries, eventually, held, incarnation, indexed, node, open, reincarnate_when_lost, start, user,
};

const NODES: usize = 2;
const USERS: usize = 4;
const CASES: u32 = 6;

#[derive(Clone, Debug)]
enum Event {
    Login(usize, usize),
    Logout(usize, usize),
    /// Delays what the node sends from now on, in ms: up to twice a call's timeout.
    Delay(usize, u64),
    Cut(usize),
    /// Kills the node, and starts it again.
    Kill(usize),
    /// The relay declares the node dead, rightly or wrongly.
    DeclareDead(usize),
    Wait(u64),
}

fn events() -> impl Strategy<Value = Event> {
    let node = 0..NODES;
    let user = 0..USERS;
    prop_oneof![
        8 => (node.clone(), user.clone()).prop_map(|(node, user)| Event::Login(node, user)),
        6 => (node.clone(), user).prop_map(|(node, user)| Event::Logout(node, user)),
        3 => (node.clone(), 0..2_000u64).prop_map(|(node, ms)| Event::Delay(node, ms)),
        2 => node.clone().prop_map(Event::Cut),
        1 => node.clone().prop_map(Event::Kill),
        1 => node.prop_map(Event::DeclareDead),
        6 => (0..400u64).prop_map(Event::Wait),
    ]
}

struct Node {
    name: Name,
    proxy: SlowProxy,
    registrar: Registrar,
    reincarnation: JoinHandle<()>,
    sessions: BTreeSet<User>,
}

impl Node {
    async fn new(name: Name, redis: &RedisServer) -> Self {
        let proxy = SlowProxy::start(redis.address()).await.unwrap();
        let registrar = start(&proxy.url(), &name);
        held(&registrar).await;
        let reincarnation = reincarnate_when_lost(&registrar);
        Self { name, proxy, registrar, reincarnation, sessions: BTreeSet::new() }
    }

    fn kill(&mut self) {
        self.reincarnation.abort();
        self.proxy.cut();
        self.proxy.delay(Duration::ZERO);
        self.registrar = start(&self.proxy.url(), &self.name);
        self.reincarnation = reincarnate_when_lost(&self.registrar);
        self.sessions.clear();
    }

    fn incarnation(&self) -> Incarnation {
        incarnation(&self.registrar)
    }
}

struct Cluster {
    redis: RedisServer,
    nodes: Vec<Node>,
    purges: Vec<JoinHandle<()>>,
}

impl Cluster {
    async fn new() -> Self {
        let redis = RedisServer::start().unwrap();
        let mut nodes = Vec::new();
        for number in 0..NODES {
            nodes.push(Node::new(node(number), &redis).await);
        }
        Self { redis, nodes, purges: Vec::new() }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Login(node, number) => {
                self.nodes[node].sessions.insert(user(number));
                drop(self.nodes[node].registrar.register(&user(number)));
            }
            Event::Logout(node, number) => {
                self.nodes[node].sessions.remove(&user(number));
                self.nodes[node].registrar.deregister(&user(number));
            }
            Event::Delay(node, ms) => self.nodes[node].proxy.delay(Duration::from_millis(ms)),
            Event::Cut(node) => self.nodes[node].proxy.cut(),
            Event::Kill(node) => self.nodes[node].kill(),
            Event::DeclareDead(node) => self.declare_dead(node),
            Event::Wait(ms) => time::sleep(Duration::from_millis(ms)).await,
        }
    }

    fn declare_dead(&mut self, node: usize) {
        let relay = open(&self.redis.url());
        let Node { name, .. } = &self.nodes[node];
        let (name, dead) = (name.clone(), self.nodes[node].incarnation());
        self.purges.push(tokio::spawn(async move {
            let revocation = relay.revoke_lease(&name, dead).await.unwrap();
            relay.purge(&name, dead, revocation.late_window(), |_| {}).await.unwrap();
        }));
    }

    /// Ends the delays, and waits until the directory has exactly the sessions' entries.
    async fn converges(self) {
        for node in &self.nodes {
            node.proxy.delay(Duration::ZERO);
        }
        for purge in self.purges {
            purge.await.unwrap();
        }
        let directory = open(&self.redis.url());
        eventually("the directory has exactly the sessions' entries", async || {
            let idle = self.nodes.iter().all(|node| node.registrar.counts().pending == 0);
            let mut listed = BTreeMap::new();
            for (incarnation, name) in directory.incarnations().await.unwrap() {
                listed.insert(name, incarnation);
            }
            idle && desired(&self.nodes) == entries(&self.redis).await && {
                let all = directory.incarnations().await.unwrap().len();
                let own = self.nodes.iter().map(|node| (node.name.clone(), node.incarnation()));
                all == NODES && own.collect::<BTreeMap<_, _>>() == listed
            }
        })
        .await;
        for node in &self.nodes {
            let indexed = indexed(&self.redis, &node.name, node.incarnation()).await;
            assert_eq!(indexed, node.sessions);
        }
    }
}

fn desired(nodes: &[Node]) -> BTreeMap<User, BTreeMap<Name, Incarnation>> {
    let mut desired: BTreeMap<User, BTreeMap<Name, Incarnation>> = BTreeMap::new();
    for node in nodes {
        for user in &node.sessions {
            let locations = desired.entry(user.clone()).or_default();
            locations.insert(node.name.clone(), node.incarnation());
        }
    }
    desired
}

#[test]
fn directory_converges_after_late_commands_and_cuts() {
    let config = ProptestConfig { cases: CASES, max_shrink_iters: 20, ..Default::default() };
    let events = prop::collection::vec(events(), 10..40);
    let result = TestRunner::new(config).run(&events, |events| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut cluster = Cluster::new().await;
            for event in events {
                cluster.handle(event).await;
            }
            cluster.converges().await;
        });
        Ok(())
    });
    result.unwrap();
}

#[tokio::test]
async fn registration_that_arrives_after_the_logout_leaves_no_stale_entry() {
    let redis = RedisServer::start().unwrap();
    let mut node = Node::new(node(1), &redis).await;
    node.registrar.register(&user(0)).await.unwrap();
    node.sessions.insert(user(0));
    for number in 1..USERS {
        // The command is on its way when its connection is cut and the user logs out.
        node.proxy.delay(Duration::from_millis(1_200));
        drop(node.registrar.register(&user(number)));
        time::sleep(Duration::from_millis(100)).await;
        node.proxy.cut();
        node.proxy.delay(Duration::ZERO);
        node.registrar.deregister(&user(number));
    }
    let cluster = Cluster { redis, nodes: vec![node], purges: Vec::new() };
    eventually("no stale entry is left", async || {
        let node = &cluster.nodes[0];
        node.registrar.counts().pending == 0
            && entries(&cluster.redis).await == desired(&cluster.nodes)
            && indexed(&cluster.redis, &node.name, node.incarnation()).await == node.sessions
    })
    .await;
}
