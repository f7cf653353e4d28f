use std::collections::{BTreeMap, BTreeSet};

use super::{Demand, Violation};

/// What Redis holds, read as the contract writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// For each user, the incarnation on each node.
    pub users: BTreeMap<String, BTreeMap<String, String>>,
    /// For each node and incarnation, the users in its index.
    pub indexes: BTreeMap<(String, String), BTreeSet<String>>,
    /// The node of each listed incarnation.
    pub incarnations: BTreeMap<String, String>,
    /// The incarnation on the card of each node.
    pub nodes: BTreeMap<String, String>,
    /// Who holds the lease of each node.
    pub leases: BTreeMap<String, String>,
    /// Keys that are none of these.
    pub others: BTreeSet<String>,
}

/// What there really is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The nodes that run.
    pub nodes: BTreeSet<String>,
    /// For each user, the nodes where it has a session.
    pub users: BTreeMap<String, BTreeSet<String>>,
}

/// Everything in the directory that is not as it should be.
pub fn directory(directory: &Directory, expected: &Expected) -> Vec<Violation> {
    let lives: BTreeMap<_, _> =
        directory.nodes.iter().map(|(node, life)| (node.as_str(), life.as_str())).collect();
    let mut found = Differences::new(Demand::Directory);
    found.sets("cards", lives.keys().copied(), expected.nodes.iter().map(String::as_str));
    let leases = directory.leases.iter().map(|(node, life)| (node.as_str(), life.as_str()));
    found.sets("leases", leases, lives.iter().map(|(node, life)| (*node, *life)));
    let listed = directory.incarnations.iter().map(|(life, node)| (node.as_str(), life.as_str()));
    found.sets("listed incarnations", listed, lives.iter().map(|(node, life)| (*node, *life)));

    let life = |node: &str| lives.get(node).copied().unwrap_or("none");
    let there = expected.users.iter().flat_map(|(user, nodes)| {
        nodes.iter().map(move |node| (user.as_str(), node.as_str(), life(node)))
    });
    let entries = directory.users.iter().flat_map(|(user, nodes)| {
        nodes.iter().map(move |(node, life)| (user.as_str(), node.as_str(), life.as_str()))
    });
    found.sets("entries", entries, there.clone());
    let indexed = directory.indexes.iter().flat_map(|((node, life), users)| {
        users.iter().map(move |user| (user.as_str(), node.as_str(), life.as_str()))
    });
    found.sets("indexed users", indexed, there);
    found.sets("other keys", directory.others.iter().map(String::as_str), []);
    found.violations
}

/// Who belongs to the cluster, in everyone's eyes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The living nodes that the relay knows, with their incarnations.
    pub relay: BTreeMap<String, String>,
    /// For each node, the others to which it sends clients that find no seat.
    pub nodes: BTreeMap<String, BTreeSet<String>>,
}

/// Everything about the membership that is not as it should be.
pub fn membership(
    membership: &Membership,
    directory: &Directory,
    expected: &Expected,
) -> Vec<Violation> {
    let mut found = Differences::new(Demand::Membership);
    found.sets("nodes of the relay", membership.relay.iter(), directory.nodes.iter());
    for node in &expected.nodes {
        let others = expected.nodes.iter().filter(|other| *other != node);
        let offered = membership.nodes.get(node).into_iter().flatten();
        found.sets(&format!("nodes that {node} offers"), offered, others);
    }
    found.violations
}

/// Collects where two sets differ.
struct Differences {
    demand: Demand,
    violations: Vec<Violation>,
}

impl Differences {
    fn new(demand: Demand) -> Self {
        Self { demand, violations: Vec::new() }
    }

    fn sets<T: Ord + std::fmt::Debug>(
        &mut self,
        what: &str,
        is: impl IntoIterator<Item = T>,
        should: impl IntoIterator<Item = T>,
    ) {
        let (is, should): (BTreeSet<T>, BTreeSet<T>) =
            (is.into_iter().collect(), should.into_iter().collect());
        let demand = self.demand;
        let mut violated = |how: &str, item: &T| {
            let text = format!("{how} of {what}: {item:?}");
            self.violations.push(Violation::new(demand, text));
        };
        should.difference(&is).for_each(|item| violated("missing", item));
        is.difference(&should).for_each(|item| violated("too many", item));
    }
}
