//! The checks of the directory and the membership after the faults.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;

/// Ann at node-1, Ben at both nodes.
fn expected() -> ExpectedState {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ExpectedState {
        nodes: set(&["node-1", "node-2"]),
        users: [("ann", set(&["node-1"])), ("ben", set(&["node-1", "node-2"]))]
            .map(|(user, nodes): (_, BTreeSet<_>)| (user.to_owned(), nodes))
            .into(),
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn exact() -> DirectoryContents {
    let incarnations = map(&[("node-1", "incarnation-1"), ("node-2", "incarnation-2")]);
    let index = |node: &str, incarnation: &str, users: &[&str]| {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        ((node.to_owned(), incarnation.to_owned()), users)
    };
    DirectoryContents {
        users: [
            ("ann".to_owned(), map(&[("node-1", "incarnation-1")])),
            ("ben".to_owned(), incarnations.clone()),
        ]
        .into(),
        indexes: [
            index("node-1", "incarnation-1", &["ann", "ben"]),
            index("node-2", "incarnation-2", &["ben"]),
        ]
        .into(),
        incarnations: map(&[("incarnation-1", "node-1"), ("incarnation-2", "node-2")]),
        nodes: incarnations.clone(),
        leases: incarnations,
        others: BTreeSet::new(),
    }
}

fn count(change: impl FnOnce(&mut DirectoryContents)) -> usize {
    let mut held = exact();
    change(&mut held);
    directory(&held, &expected()).len()
}

#[test]
fn exact_directory_has_no_violation() {
    assert_eq!(directory(&exact(), &expected()), []);
    assert_eq!(directory(&DirectoryContents::default(), &ExpectedState::default()), []);
}

#[test]
fn stale_entries_are_found() {
    assert_eq!(
        count(|held| drop(held.users.insert("cid".into(), map(&[("node-2", "incarnation-2")])))),
        1
    );
    assert_eq!(
        count(|held| drop(held.users.insert("cid".into(), map(&[("node-3", "incarnation-0")])))),
        1
    );
    let old = ("node-1".to_owned(), "incarnation-0".to_owned());
    assert_eq!(count(|held| drop(held.indexes.insert(old, ["ann".to_owned()].into()))), 1);
    assert_eq!(
        count(|held| drop(held.incarnations.insert("incarnation-0".into(), "node-1".into()))),
        1
    );
}

#[test]
fn missing_entries_are_found() {
    assert_eq!(count(|held| drop(held.users.remove("ann"))), 1);
    let index = ("node-2".to_owned(), "incarnation-2".to_owned());
    assert_eq!(count(|held| drop(held.indexes.remove(&index))), 1);
}

#[test]
fn entry_of_another_incarnation_is_missing_and_surplus() {
    let old = |held: &mut DirectoryContents| {
        drop(held.users.insert("ann".into(), map(&[("node-1", "incarnation-0")])));
    };
    assert_eq!(count(old), 2, "one is missing, one is surplus");
}

#[test]
fn lost_records_and_leases_and_unknown_keys_are_found() {
    assert_eq!(count(|held| drop(held.leases.remove("node-1"))), 1);
    assert_eq!(count(|held| drop(held.leases.insert("node-1".into(), "incarnation-0".into()))), 2);
    assert!(count(|held| drop(held.nodes.remove("node-1"))) >= 1);
    assert_eq!(count(|held| drop(held.incarnations.remove("incarnation-1"))), 1);
    assert_eq!(count(|held| held.others.extend(["trunkline:old".to_owned()])), 1);
}

#[test]
fn wrong_membership_views_are_found() {
    let offers = |node: &str, others: &[&str]| {
        (node.to_owned(), others.iter().map(|other| (*other).to_owned()).collect())
    };
    let agreed = MembershipViews {
        relay: exact().nodes,
        nodes: [offers("node-1", &["node-2"]), offers("node-2", &["node-1"])].into(),
    };
    assert_eq!(membership(&agreed, &exact(), &expected()), []);

    let mut old = agreed.clone();
    old.relay.insert("node-1".into(), "incarnation-0".into());
    assert_eq!(membership(&old, &exact(), &expected()).len(), 2);
    let mut dead = agreed.clone();
    dead.nodes.extend([offers("node-1", &["node-2", "node-3"])]);
    assert_eq!(membership(&dead, &exact(), &expected()).len(), 1);
    let mut alone = agreed;
    alone.nodes.extend([offers("node-1", &[])]);
    assert_eq!(membership(&alone, &exact(), &expected()).len(), 1);
}
