//! User lookups: exact, by prefix, and by node.

use eframe::egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, TouchPhase, pos2, vec2};
use trunkline_admin_gui::{
    defaults::{PAGE_USERS, PAGES_MAX},
    queries::{DirectoryQuery, NodeIncarnation, QueryError, QueryReply},
};
use trunkline_directory::UserLocation;
use trunkline_protocol::{
    Incarnation, User,
    status::{AdminCommand, StatusLine},
};

use crate::{
    generated::{Cluster, START_MS},
    window::WindowHarness,
};

fn incarnation(number: u8) -> NodeIncarnation {
    let node = format!("node-{number}").parse().unwrap();
    (node, Incarnation::from_bytes([number; 16]))
}

fn user(name: &str) -> User {
    name.parse().unwrap()
}

impl WindowHarness {
    fn onto_users() -> Self {
        let mut window = Self::onto(&mut Cluster::of(3));
        window.click("Users");
        window
    }

    pub(crate) fn reply(&mut self, reply: QueryReply) {
        self.query_server.replies.try_send(reply).unwrap();
        self.draw();
    }

    pub(crate) fn queries(&mut self) -> Vec<DirectoryQuery> {
        std::iter::from_fn(|| self.query_server.queries.try_recv().ok()).collect()
    }

    /// Scrolls the list.
    fn scroll(&mut self) {
        self.harness.hover_at(pos2(800.0, 500.0));
        self.harness.event(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, -4_000.0),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        });
        self.draw();
    }

    fn type_user(&mut self, name: &str) {
        self.fill("Find a user", name);
    }
}

#[test]
fn found_user_can_be_disconnected() {
    let mut window = WindowHarness::onto_users();
    window.type_user("alice");
    window.click("Find exactly");
    assert!(window.queries().contains(&DirectoryQuery::User(user("alice"))));
    let place = |(node, incarnation): NodeIncarnation| UserLocation {
        node,
        incarnation,
        since_ms: Some(START_MS),
    };
    let former =
        UserLocation { incarnation: Incarnation::from_bytes([9; 16]), ..place(incarnation(3)) };
    window.reply(QueryReply::User(user("alice"), Ok(vec![place(incarnation(1)), former])));
    window.assert_has("live");
    window.assert_words("stale entry: an earlier incarnation of this node");
    window.click("Disconnect …");
    window.click("Disconnect alice");
    let command = window.feed.commands.try_recv().unwrap();
    assert_eq!(command.action, AdminCommand::EndUser { user: user("alice") });
    window.send_line(StatusLine::Answer { id: command.id, error: None, trace: None });
    window.assert_words("disconnect alice: requested of 2 nodes (node-1, node-3)");
    assert!(!window.has("live"), "the sessions were ended");
    window.assert_has("loading …");
}

#[test]
fn user_without_sessions_is_offline_and_invalid_key_is_refused() {
    let mut window = WindowHarness::onto_users();
    window.type_user("bob");
    window.click("Find exactly");
    window.queries();
    window.reply(QueryReply::User(user("bob"), Ok(Vec::new())));
    window.assert_words("offline: no node");
    assert!(!window.has("Disconnect …"));
    window.type_user("a\u{7}b");
    window.assert_words("no control characters");
    window.click("Find exactly");
    assert!(!window.queries().iter().any(|query| matches!(query, DirectoryQuery::User(_))));
}

#[test]
fn stopped_search_keeps_its_results_and_takes_no_more() {
    let mut window = WindowHarness::onto_users();
    window.type_user("a");
    window.click("Find by prefix");
    assert!(window.queries().contains(&DirectoryQuery::Search("a".into())));
    let found = |names: &[&str], done| QueryReply::Found {
        prefix: "a".into(),
        users: names.iter().map(|name| user(name)).collect(),
        done,
    };
    window.reply(found(&["alice", "anna"], false));
    window.reply(found(&["anna"], false));
    window.assert_words("2 users with prefix");
    window.click("Stop");
    assert!(window.queries().contains(&DirectoryQuery::Stop));
    window.reply(found(&["arno"], false));
    assert!(!window.has("arno"), "the search was stopped");
    window.click("alice");
    assert!(window.queries().contains(&DirectoryQuery::User(user("alice"))));
    window.assert_has("anna");
}

#[test]
fn drift_between_node_and_directory_is_shown() {
    let mut window = WindowHarness::onto_users();
    let asked = window.queries();
    for number in 1..=3 {
        assert!(asked.contains(&DirectoryQuery::Count(incarnation(number))), "{asked:?}");
    }
    window.reply(QueryReply::Count(incarnation(1), Ok(120)));
    window.reply(QueryReply::Count(incarnation(2), Ok(175)));
    window.reply(QueryReply::Count(incarnation(3), Err(QueryError("Redis is away".into()))));
    window.assert_has("none");
    window.assert_has("2 users only in the directory");
    window.assert_has("Redis is away");
}

#[test]
fn large_user_list_is_queried_page_by_page() {
    let mut window = WindowHarness::onto_users();
    window.queries();
    window.click("node-1");
    window.draw();
    window.reply(QueryReply::Count(incarnation(1), Ok(100_000)));
    let pages = answer_pages(&mut window);
    assert_eq!(pages, [0]);
    window.assert_has("user-0");
    window.assert_has("100,000 users in the directory");
    let mut asked = 0;
    for _ in 0..(2 * PAGES_MAX) {
        window.scroll();
        asked += answer_pages(&mut window).len();
    }
    assert!(asked > 1, "scrolling asks for more");
}

/// Answers the queries of pages from a list of `user-0`, `user-1` and so on.
fn answer_pages(window: &mut WindowHarness) -> Vec<usize> {
    let mut pages = Vec::new();
    for query in window.queries() {
        let DirectoryQuery::Page { node, offset, count } = query else { continue };
        assert_eq!(count, PAGE_USERS);
        let users = (offset..offset + count).map(|at| (user(&format!("user-{at}")), START_MS));
        pages.push(offset / PAGE_USERS);
        window.reply(QueryReply::Page { node, offset, users: Ok(users.collect()) });
    }
    pages
}
