use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    time::Instant,
};

use trunkline_directory::UserLocation;
use trunkline_protocol::User;

use crate::{
    defaults::{COUNT_INTERVAL, PAGE_USERS, PAGES_MAX},
    queries::{DirectoryQuery, NodeIncarnation, QueryError, QueryReply},
};

/// The directory's replies. Each method that needs one which is missing or old returns the query for
/// it; the caller sends it.
#[derive(Debug, Default)]
pub struct QueryCache {
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
}

/// A search for users.
#[derive(Debug)]
pub struct UserSearch {
    /// The prefix of the users' keys.
    pub prefix: String,
    /// The users, in the order they were found.
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
    /// Stores a reply. Drops one to a query that has been replaced since.
    pub fn store(&mut self, reply: QueryReply) {
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

    /// Asks for a user, in place of the user or search before.
    pub fn find_user(&mut self, user: User) -> DirectoryQuery {
        self.search = None;
        self.user = Some(UserQuery { user: user.clone(), locations: None });
        DirectoryQuery::User(user)
    }

    /// Starts a search, in place of the user or search before.
    pub fn start_search(&mut self, prefix: String) -> DirectoryQuery {
        self.user = None;
        self.search = Some(UserSearch {
            prefix: prefix.clone(),
            users: Vec::new(),
            running: true,
            error: None,
            seen: HashSet::new(),
        });
        DirectoryQuery::Search(prefix)
    }

    /// Ends the search, and keeps what it has found.
    pub fn stop_search(&mut self) -> DirectoryQuery {
        if let Some(search) = &mut self.search {
            search.running = false;
        }
        DirectoryQuery::Stop
    }

    /// How many users the directory lists for a node, if it has answered.
    pub fn count(&self, node: &NodeIncarnation) -> Option<&Result<usize, QueryError>> {
        self.counts.get(node)?.count.as_ref()
    }

    /// The query that refreshes a count, if the count is old.
    pub fn recount(&mut self, node: &NodeIncarnation, now: Instant) -> Option<DirectoryQuery> {
        let known = self.counts.get(node);
        if known.is_some_and(|known| now < known.queried_at + COUNT_INTERVAL) {
            return None;
        }
        // The old count is shown until the new one comes; those of earlier incarnations never again.
        let count = self.counts.remove(node).and_then(|known| known.count);
        self.counts.retain(|(name, _), _| *name != node.0);
        self.counts.insert(node.clone(), UserCount { queried_at: now, count });
        Some(DirectoryQuery::Count(node.clone()))
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

    /// The query for the page with an index of the list, unless it is cached or was sent already.
    pub fn fetch_page(&mut self, index: usize) -> Option<DirectoryQuery> {
        let (page, node) = (index / PAGE_USERS, self.pages.node.clone()?);
        let Entry::Vacant(entry) = self.pages.pages.entry(page) else { return None };
        entry.insert(None);
        Some(DirectoryQuery::Page { node, offset: page * PAGE_USERS, count: PAGE_USERS })
    }

    /// Forgets that a query was sent, because it could not be: the next frame asks again.
    pub fn not_sent(&mut self, query: &DirectoryQuery) {
        match query {
            DirectoryQuery::Page { offset, .. } => {
                self.pages.pages.remove(&(offset / PAGE_USERS));
            }
            DirectoryQuery::Count(node) => drop(self.counts.remove(node)),
            _ => {}
        }
    }
}

impl UserSearch {
    fn add(&mut self, users: Vec<User>) {
        for user in users {
            if self.seen.insert(user.clone()) {
                self.users.push(user);
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

    fn node(incarnation: u8) -> NodeIncarnation {
        ("node-1".parse().unwrap(), Incarnation::from_bytes([incarnation; 16]))
    }

    fn user(key: &str) -> User {
        key.parse().unwrap()
    }

    fn page(index: usize) -> DirectoryQuery {
        let (offset, count) = (index * PAGE_USERS, PAGE_USERS);
        DirectoryQuery::Page { node: node(1), offset, count }
    }

    #[test]
    fn reply_to_a_replaced_query_is_dropped() {
        let mut cache = QueryCache::default();
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
    fn user_found_twice_is_listed_once() {
        let mut cache = QueryCache::default();
        cache.start_search("a".into());
        for done in [false, true] {
            let users = vec![user("alice"), user("alan")];
            cache.store(QueryReply::Found { prefix: "a".into(), users, done });
        }
        let search = cache.search.unwrap();
        assert_eq!((search.users.len(), search.running), (2, false));
    }

    #[test]
    fn count_is_refreshed_when_old_and_shown_meanwhile() {
        let (mut cache, start) = (QueryCache::default(), Instant::now());
        let query = DirectoryQuery::Count(node(1));
        assert_eq!(cache.recount(&node(1), start), Some(query.clone()));
        assert_eq!(cache.recount(&node(1), start), None);
        cache.store(QueryReply::Count(node(1), Ok(7)));
        assert_eq!(cache.recount(&node(1), start + COUNT_INTERVAL), Some(query));
        assert_eq!(cache.count(&node(1)), Some(&Ok(7)));
        cache.recount(&node(2), start);
        assert_eq!(cache.count(&node(1)), None, "an earlier incarnation");
    }

    #[test]
    fn page_is_queried_once_unless_it_failed_or_was_not_sent() {
        let mut cache = QueryCache::default();
        assert_eq!(cache.fetch_page(0), None, "no node is listed");
        cache.list(Some(node(1)));
        assert_eq!(cache.fetch_page(PAGE_USERS + 1), Some(page(1)));
        assert_eq!(cache.fetch_page(PAGE_USERS), None);
        cache.not_sent(&page(1));
        assert_eq!(cache.fetch_page(PAGE_USERS), Some(page(1)));
        let error = Err(QueryError("Redis is away".into()));
        cache.store(QueryReply::Page { node: node(1), offset: PAGE_USERS, users: error });
        assert!(cache.list_error().is_some());
        assert_eq!(cache.fetch_page(PAGE_USERS), Some(page(1)));
        let users = Ok(vec![(user("alice"), 5)]);
        cache.store(QueryReply::Page { node: node(1), offset: PAGE_USERS, users });
        assert_eq!(cache.listed_user(PAGE_USERS), Some(&(user("alice"), 5)));
        assert_eq!(cache.fetch_page(PAGE_USERS), None);
    }
}
