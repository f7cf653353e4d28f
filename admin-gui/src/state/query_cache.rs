use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    time::{Duration, Instant},
};

use trunkline_directory::UserLocation;
use trunkline_protocol::{Name, User};

use crate::{
    defaults::{COUNT_INTERVAL, DISCONNECT_DELAY, PAGE_USERS, PAGES_MAX},
    queries::{DirectoryQuery, NodeIncarnation, QueryClient, QueryError, QueryReply},
};

/// The directory's replies. Sends a query for what is asked of it and is missing or old.
#[derive(Debug)]
pub struct QueryCache {
    client: QueryClient,
    /// The user that was asked for.
    pub user: Option<UserQuery>,
    /// The search for users.
    pub search: Option<UserSearch>,
    counts: HashMap<NodeIncarnation, UserCount>,
    pages: UserPages,
}

/// A user that was asked for.
#[derive(Debug)]
pub struct UserQuery {
    /// The user.
    pub user: User,
    /// Where the user has sessions; `None` until the directory answers.
    pub locations: Option<Result<Vec<UserLocation>, QueryError>>,
    /// When the directory is to be asked again.
    refresh_at: Option<Instant>,
}

/// A search for users.
#[derive(Debug)]
pub struct UserSearch {
    /// The prefix of the users' keys.
    pub prefix: String,
    /// The users, in the order of their keys.
    pub users: Vec<User>,
    /// Whether it is running.
    pub running: bool,
    /// Why it failed, if it did.
    pub error: Option<QueryError>,
    seen: HashSet<User>,
}

#[derive(Debug)]
struct UserCount {
    queried_at: Instant,
    count: Option<Result<usize, QueryError>>,
}

/// The users of one node, as far as they were asked for.
#[derive(Debug, Default)]
struct UserPages {
    node: Option<NodeIncarnation>,
    /// By the page's number; `None` for one that was queried and has not come.
    pages: HashMap<usize, Option<Vec<(User, u64)>>>,
    /// The cached pages, the oldest first.
    order: VecDeque<usize>,
    error: Option<QueryError>,
}

impl QueryCache {
    /// A cache of what `client` is answered.
    pub fn new(client: QueryClient) -> Self {
        let (counts, pages) = (HashMap::new(), UserPages::default());
        Self { client, user: None, search: None, counts, pages }
    }

    /// Stores the replies that have come.
    pub fn update(&mut self) {
        while let Some(reply) = self.client.poll() {
            self.store(reply);
        }
    }

    /// Drops a reply to a query that has been replaced since.
    fn store(&mut self, reply: QueryReply) {
        match reply {
            QueryReply::User(user, locations) => {
                if let Some(query) = self.user.as_mut().filter(|query| query.user == user) {
                    query.locations = Some(locations);
                }
            }
            QueryReply::Found { prefix, users, done } => {
                if let Some(search) = self.running_search(&prefix) {
                    search.add(users);
                    search.running = !done;
                }
            }
            QueryReply::SearchFailed(prefix, error) => {
                if let Some(search) = self.running_search(&prefix) {
                    search.running = false;
                    search.error = Some(error);
                }
            }
            QueryReply::Count(node, count) => {
                if let Some(entry) = self.counts.get_mut(&node) {
                    entry.count = Some(count);
                }
            }
            QueryReply::Page { node, offset, users } => self.pages.store(&node, offset, users),
        }
    }

    fn running_search(&mut self, prefix: &str) -> Option<&mut UserSearch> {
        self.search.as_mut().filter(|search| search.prefix == prefix && search.running)
    }

    /// Asks for a user, in place of the user before. The results of a search stay.
    pub fn find_user(&mut self, user: User) {
        let is_sent = self.client.send(DirectoryQuery::User(user.clone()));
        let locations = (!is_sent).then(|| Err(too_many()));
        self.user = Some(UserQuery { user, locations, refresh_at: None });
    }

    /// Asks for the user again if the answer is old, and shows it until the new one comes. Returns how
    /// long to wait before the next time.
    pub fn refresh_user(&mut self, now: Instant) -> Option<Duration> {
        let query = self.user.as_mut()?;
        // The first question was sent when the user was asked for.
        let due = *query.refresh_at.get_or_insert(now + COUNT_INTERVAL);
        if due <= now && self.client.send(DirectoryQuery::User(query.user.clone())) {
            query.refresh_at = Some(now + COUNT_INTERVAL);
        }
        query.refresh_at.map(|due| due.saturating_duration_since(now))
    }

    /// Drops what is known of a user whose sessions are being ended, and asks for it again in a moment.
    /// Returns the nodes that had a session of the user.
    pub fn forget_sessions(&mut self, user: &User, now: Instant) -> Option<Vec<Name>> {
        let query = self.user.as_mut().filter(|query| query.user == *user)?;
        query.refresh_at = Some(now + DISCONNECT_DELAY);
        let locations = query.locations.take()?.ok()?;
        Some(locations.into_iter().map(|location| location.node).collect())
    }

    /// Starts a search, in place of the user or search before.
    pub fn start_search(&mut self, prefix: String) {
        let running = self.client.send(DirectoryQuery::Search(prefix.clone()));
        let error = (!running).then(too_many);
        self.user = None;
        self.search =
            Some(UserSearch { prefix, users: Vec::new(), running, error, seen: HashSet::new() });
    }

    /// Ends the search, and keeps what it has found.
    pub fn stop_search(&mut self) {
        self.client.send(DirectoryQuery::Stop);
        if let Some(search) = &mut self.search {
            search.running = false;
        }
    }

    /// How many users the directory lists for a node, if it has answered.
    pub fn count(&self, node: &NodeIncarnation) -> Option<&Result<usize, QueryError>> {
        self.counts.get(node)?.count.as_ref()
    }

    /// Refreshes a count that is old.
    pub fn refresh_count(&mut self, node: &NodeIncarnation, now: Instant) {
        let known = self.counts.get(node);
        let is_fresh = known.is_some_and(|known| now < known.queried_at + COUNT_INTERVAL);
        if is_fresh || !self.client.send(DirectoryQuery::Count(node.clone())) {
            return;
        }
        // The old count is shown until the new one comes; those of earlier incarnations never again.
        let count = self.counts.remove(node).and_then(|known| known.count);
        self.counts.retain(|(name, _), _| *name != node.0);
        self.counts.insert(node.clone(), UserCount { queried_at: now, count });
    }

    /// The node whose users are listed.
    pub fn listed(&self) -> Option<&NodeIncarnation> {
        self.pages.node.as_ref()
    }

    /// Lists the users of a node, or of none. Drops what was listed, also of the same node.
    pub fn list(&mut self, node: Option<NodeIncarnation>) {
        self.pages = UserPages { node, ..UserPages::default() };
    }

    /// The user at an index of the list, with the time of the first session; `None` if not cached.
    pub fn listed_user(&self, index: usize) -> Option<&(User, u64)> {
        self.pages.pages.get(&(index / PAGE_USERS))?.as_ref()?.get(index % PAGE_USERS)
    }

    /// Why a page of the list is missing.
    pub fn list_error(&self) -> Option<&QueryError> {
        self.pages.error.as_ref()
    }

    /// Asks for the page with an index of the list, unless it is cached or was asked for already.
    pub fn fetch_page(&mut self, index: usize) {
        let (page, Some(node)) = (index / PAGE_USERS, self.pages.node.clone()) else { return };
        let Entry::Vacant(entry) = self.pages.pages.entry(page) else { return };
        let (offset, count) = (page * PAGE_USERS, PAGE_USERS);
        if self.client.send(DirectoryQuery::Page { node, offset, count }) {
            entry.insert(None);
        }
    }
}

fn too_many() -> QueryError {
    QueryError("too many queries wait for the directory: try again".into())
}

impl UserSearch {
    fn add(&mut self, users: Vec<User>) {
        for user in users {
            if self.seen.insert(user.clone()) {
                let at = self.users.partition_point(|known| known.as_str() < user.as_str());
                self.users.insert(at, user);
            }
        }
    }
}

impl UserPages {
    fn store(
        &mut self,
        node: &NodeIncarnation,
        offset: usize,
        users: Result<Vec<(User, u64)>, QueryError>,
    ) {
        let page = offset / PAGE_USERS;
        if self.node.as_ref() != Some(node) || !matches!(self.pages.get(&page), Some(None)) {
            return;
        }
        self.error = users.as_ref().err().cloned();
        let Ok(users) = users else {
            self.pages.remove(&page);
            return;
        };
        self.pages.insert(page, Some(users));
        self.order.push_back(page);
        if self.order.len() > PAGES_MAX {
            self.order.pop_front().map(|oldest| self.pages.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_protocol::Incarnation;

    use super::*;
    use crate::queries::QueryServer;

    fn node(incarnation: u8) -> NodeIncarnation {
        ("node-1".parse().unwrap(), Incarnation::from_bytes([incarnation; 16]))
    }

    fn user(key: &str) -> User {
        key.parse().unwrap()
    }

    fn cache() -> (QueryCache, QueryServer) {
        let (client, server) = QueryClient::pair();
        (QueryCache::new(client), server)
    }

    fn sent(server: &mut QueryServer) -> Option<DirectoryQuery> {
        server.queries.try_recv().ok()
    }

    #[test]
    fn reply_to_a_replaced_query_is_dropped() {
        let (mut cache, _server) = cache();
        cache.find_user(user("alice"));
        cache.find_user(user("bob"));
        cache.store(QueryReply::User(user("alice"), Ok(Vec::new())));
        assert!(cache.user.as_ref().unwrap().locations.is_none());
        cache.start_search("a".into());
        cache.stop_search();
        let users = vec![user("alice")];
        cache.store(QueryReply::Found { prefix: "a".into(), users, done: false });
        assert!(cache.search.unwrap().users.is_empty());
    }

    #[test]
    fn query_that_cannot_be_sent_fails() {
        let (mut cache, server) = cache();
        drop(server);
        cache.find_user(user("alice"));
        assert!(matches!(cache.user.as_ref().unwrap().locations, Some(Err(_))));
        cache.start_search("a".into());
        let search = cache.search.unwrap();
        assert!(!search.running && search.error.is_some());
    }

    #[test]
    fn user_found_twice_is_listed_once() {
        let (mut cache, server) = cache();
        cache.start_search("a".into());
        for done in [false, true] {
            let users = vec![user("alice"), user("alan")];
            let reply = QueryReply::Found { prefix: "a".into(), users, done };
            server.replies.try_send(reply).unwrap();
        }
        cache.update();
        let search = cache.search.unwrap();
        assert_eq!(
            (&search.users[..], search.running),
            (&[user("alan"), user("alice")][..], false)
        );
    }

    #[test]
    fn count_is_refreshed_when_old_and_shown_meanwhile() {
        let ((mut cache, mut server), start) = (cache(), Instant::now());
        let query = DirectoryQuery::Count(node(1));
        cache.refresh_count(&node(1), start);
        assert_eq!(sent(&mut server).as_ref(), Some(&query));
        cache.refresh_count(&node(1), start);
        assert_eq!(sent(&mut server), None);
        cache.store(QueryReply::Count(node(1), Ok(7)));
        cache.refresh_count(&node(1), start + COUNT_INTERVAL);
        assert_eq!(sent(&mut server), Some(query));
        assert_eq!(cache.count(&node(1)), Some(&Ok(7)));
        cache.refresh_count(&node(2), start);
        assert_eq!(cache.count(&node(1)), None, "an earlier incarnation");
    }

    #[test]
    fn user_whose_sessions_were_ended_is_not_shown_with_them() {
        let ((mut cache, mut server), start) = (cache(), Instant::now());
        let query = DirectoryQuery::User(user("alice"));
        let location = UserLocation {
            node: "node-1".parse().unwrap(),
            incarnation: Incarnation::from_bytes([1; 16]),
            since_ms: None,
        };
        cache.find_user(user("alice"));
        assert_eq!(sent(&mut server).as_ref(), Some(&query));
        cache.store(QueryReply::User(user("alice"), Ok(vec![location])));
        assert_eq!(cache.refresh_user(start), Some(COUNT_INTERVAL));
        assert_eq!(cache.forget_sessions(&user("bob"), start), None);
        let nodes = cache.forget_sessions(&user("alice"), start).unwrap();
        assert_eq!(nodes.len(), 1);
        assert!(cache.user.as_ref().unwrap().locations.is_none());
        assert_eq!(cache.refresh_user(start), Some(DISCONNECT_DELAY));
        cache.refresh_user(start + DISCONNECT_DELAY);
        assert_eq!(sent(&mut server), Some(query));
    }

    #[test]
    fn page_is_queried_once_unless_it_failed() {
        let (mut cache, mut server) = cache();
        cache.fetch_page(0);
        assert_eq!(sent(&mut server), None, "no node is listed");
        cache.list(Some(node(1)));
        let (offset, count) = (PAGE_USERS, PAGE_USERS);
        let query = DirectoryQuery::Page { node: node(1), offset, count };
        let error = Err(QueryError("Redis is away".into()));
        for users in [error, Ok(vec![(user("alice"), 5)])] {
            cache.fetch_page(PAGE_USERS + 1);
            assert_eq!(sent(&mut server).as_ref(), Some(&query));
            cache.fetch_page(PAGE_USERS);
            assert_eq!(sent(&mut server), None);
            let is_error = users.is_err();
            cache.store(QueryReply::Page { node: node(1), offset, users });
            assert_eq!(cache.list_error().is_some(), is_error);
        }
        assert_eq!(cache.listed_user(PAGE_USERS), Some(&(user("alice"), 5)));
        cache.fetch_page(PAGE_USERS);
        assert_eq!(sent(&mut server), None);
    }
}
