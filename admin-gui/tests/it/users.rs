//! Users, as the directory lists them.

use eframe::egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, TouchPhase, pos2, vec2};
use trunkline_admin_gui::{
    defaults::{PAGE_USERS, PAGES_MAX},
    queries::{DirectoryQuery, NodeIncarnation, QueryError, QueryReply},
};
use trunkline_directory::UserLocation;
use trunkline_protocol::{Incarnation, User, status::AdminCommand};

use crate::{
    generated::{Cluster, START_MS},
    window::Window,
};

fn incarnation(number: u8) -> NodeIncarnation {
    let node = format!("node-{number}").parse().unwrap();
    (node, Incarnation::from_bytes([number; 16]))
}

fn user(name: &str) -> User {
    name.parse().unwrap()
}

impl Window {
    fn onto_users() -> Self {
        let mut window = Self::onto(&mut Cluster::of(3));
        window.press("Users");
        window
    }

    pub(crate) fn reply(&mut self, reply: QueryReply) {
        self.query_server.replies.try_send(reply).unwrap();
        self.draw();
    }

    pub(crate) fn queries(&mut self) -> Vec<DirectoryQuery> {
        std::iter::from_fn(|| self.query_server.queries.try_recv().ok()).collect()
    }

    /// Turns the wheel over the list.
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
fn a_user_is_found_on_its_nodes_and_its_sessions_ended() {
    let mut window = Window::onto_users();
    window.type_user("alice");
    window.press("Find exactly");
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
    window.press("Disconnect …");
    window.press("Disconnect alice");
    let action = window.feed.commands.try_recv().unwrap().action;
    assert_eq!(action, AdminCommand::EndUser { user: user("alice") });
}

#[test]
fn a_user_who_is_nowhere_is_offline_and_a_key_that_cannot_be_is_refused() {
    let mut window = Window::onto_users();
    window.type_user("bob");
    window.press("Find exactly");
    window.queries();
    window.reply(QueryReply::User(user("bob"), Ok(Vec::new())));
    window.assert_words("offline: no node");
    assert!(!window.has("Disconnect …"));
    window.type_user("a\u{7}b");
    window.assert_words("no control characters");
    window.press("Find exactly");
    assert!(!window.queries().iter().any(|query| matches!(query, DirectoryQuery::User(_))));
}

#[test]
fn a_search_tells_what_it_finds_and_can_be_stopped() {
    let mut window = Window::onto_users();
    window.type_user("a");
    window.press("Find by prefix");
    assert!(window.queries().contains(&DirectoryQuery::Search("a".into())));
    let found = |names: &[&str], done| QueryReply::Found {
        prefix: "a".into(),
        users: names.iter().map(|name| user(name)).collect(),
        done,
    };
    window.reply(found(&["alice", "anna"], false));
    window.reply(found(&["anna"], false));
    window.assert_words("2 users with prefix");
    window.press("Stop");
    assert!(window.queries().contains(&DirectoryQuery::Stop));
    window.reply(found(&["arno"], false));
    assert!(!window.has("arno"), "the search was stopped");
    window.press("alice");
    assert!(window.queries().contains(&DirectoryQuery::User(user("alice"))));
}

#[test]
fn drift_between_a_node_and_the_directory_is_told() {
    let mut window = Window::onto_users();
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
fn a_hundred_thousand_users_are_asked_for_page_by_page() {
    let mut window = Window::onto_users();
    window.queries();
    window.press("node-1");
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

/// Answers the questions for pages as a directory of `user-0`, `user-1` … would.
fn answer_pages(window: &mut Window) -> Vec<usize> {
    let mut pages = Vec::new();
    for query in window.queries() {
        let DirectoryQuery::Page { node: life, offset, count } = query else { continue };
        assert_eq!(count, PAGE_USERS);
        let users = (offset..offset + count).map(|at| (user(&format!("user-{at}")), START_MS));
        pages.push(offset / PAGE_USERS);
        window.reply(QueryReply::Page { node: life, offset, users: Ok(users.collect()) });
    }
    pages
}
