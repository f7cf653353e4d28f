//! After the faults: the directory and the membership are exact.

use std::collections::{BTreeMap, BTreeSet};

use super::{Guarantee, GuaranteeViolation};

/// The contents of Redis, by the directory's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryContents {
    /// For each user, the incarnation on each node.
    pub users: BTreeMap<String, BTreeMap<String, String>>,
    /// For each node and incarnation, the users in its index.
    pub indexes: BTreeMap<(String, String), BTreeSet<String>>,
    /// The node of each listed incarnation.
    pub incarnations: BTreeMap<String, String>,
    /// The incarnation in the record of each node.
    pub nodes: BTreeMap<String, String>,
    /// The incarnation that holds the lease of each node.
    pub leases: BTreeMap<String, String>,
    /// All other keys.
    pub others: BTreeSet<String>,
}

/// The nodes and sessions that exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedState {
    /// The running nodes.
    pub nodes: BTreeSet<String>,
    /// For each user, the nodes where it has a session.
    pub users: BTreeMap<String, BTreeSet<String>>,
}

/// All differences between the directory and what exists.
pub fn directory(
    directory: &DirectoryContents,
    expected: &ExpectedState,
) -> Vec<GuaranteeViolation> {
    let incarnations: BTreeMap<_, _> = directory
        .nodes
        .iter()
        .map(|(node, incarnation)| (node.as_str(), incarnation.as_str()))
        .collect();
    let mut found = Differences::new(Guarantee::Directory);
    found.sets(
        "node records",
        incarnations.keys().copied(),
        expected.nodes.iter().map(String::as_str),
    );
    let leases =
        directory.leases.iter().map(|(node, incarnation)| (node.as_str(), incarnation.as_str()));
    found.sets(
        "leases",
        leases,
        incarnations.iter().map(|(node, incarnation)| (*node, *incarnation)),
    );
    let listed = directory
        .incarnations
        .iter()
        .map(|(incarnation, node)| (node.as_str(), incarnation.as_str()));
    found.sets(
        "listed incarnations",
        listed,
        incarnations.iter().map(|(node, incarnation)| (*node, *incarnation)),
    );

    let incarnation = |node: &str| incarnations.get(node).copied().unwrap_or("none");
    let there = expected.users.iter().flat_map(|(user, nodes)| {
        nodes.iter().map(move |node| (user.as_str(), node.as_str(), incarnation(node)))
    });
    let entries = directory.users.iter().flat_map(|(user, nodes)| {
        nodes
            .iter()
            .map(move |(node, incarnation)| (user.as_str(), node.as_str(), incarnation.as_str()))
    });
    found.sets("entries", entries, there.clone());
    let indexed = directory.indexes.iter().flat_map(|((node, incarnation), users)| {
        users.iter().map(move |user| (user.as_str(), node.as_str(), incarnation.as_str()))
    });
    found.sets("indexed users", indexed, there);
    found.sets("other keys", directory.others.iter().map(String::as_str), []);
    found.violations
}

/// The members of the cluster, as the relay and each node see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembershipViews {
    /// The nodes that the relay considers alive, with their incarnations.
    pub relay: BTreeMap<String, String>,
    /// For each node, the others that it offers to clients when it is full.
    pub nodes: BTreeMap<String, BTreeSet<String>>,
}

/// All differences between the members' views and what exists.
pub fn membership(
    membership: &MembershipViews,
    directory: &DirectoryContents,
    expected: &ExpectedState,
) -> Vec<GuaranteeViolation> {
    let mut found = Differences::new(Guarantee::Membership);
    found.sets("nodes of the relay", membership.relay.iter(), directory.nodes.iter());
    for node in &expected.nodes {
        let others = expected.nodes.iter().filter(|other| *other != node);
        let offered = membership.nodes.get(node).into_iter().flatten();
        found.sets(&format!("nodes that {node} offers"), offered, others);
    }
    found.violations
}

/// Collects the differences between sets.
struct Differences {
    guarantee: Guarantee,
    violations: Vec<GuaranteeViolation>,
}

impl Differences {
    fn new(guarantee: Guarantee) -> Self {
        Self { guarantee, violations: Vec::new() }
    }

    fn sets<T: Ord + std::fmt::Debug>(
        &mut self,
        what: &str,
        is: impl IntoIterator<Item = T>,
        should: impl IntoIterator<Item = T>,
    ) {
        let (is, should): (BTreeSet<T>, BTreeSet<T>) =
            (is.into_iter().collect(), should.into_iter().collect());
        let guarantee = self.guarantee;
        let mut violated = |how: &str, item: &T| {
            let text = format!("{how} of {what}: {item:?}");
            self.violations.push(GuaranteeViolation::new(guarantee, text));
        };
        should.difference(&is).for_each(|item| violated("missing", item));
        is.difference(&should).for_each(|item| violated("too many", item));
    }
}
