use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Instant,
};

use trunkline_directory::UserLocation;
use trunkline_protocol::User;

use crate::{
    defaults::{COUNT_INTERVAL, PAGE_USERS, PAGES_MAX},
    lookups::{Life, Question, Reply, Unanswered},
};

/// What the directory has said of users.
#[derive(Debug, Default)]
pub struct Known {
    /// The user that was asked for.
    pub user: Option<Sought>,
    /// The search that was asked for.
    pub search: Option<Search>,
    counts: HashMap<Life, Counted>,
    pages: Pages,
}

/// A user that was asked for.
#[derive(Debug)]
pub struct Sought {
    /// Who.
    pub user: User,
    /// Where it has sessions, once that was answered.
    pub places: Option<Result<Vec<UserLocation>, Unanswered>>,
}

/// A search for users, and what it has found.
#[derive(Debug)]
pub struct Search {
    /// What the users' keys begin with.
    pub start: String,
    /// The users so far, in the order they were found.
    pub users: Vec<User>,
    /// Whether it goes on.
    pub running: bool,
    /// Why it broke, if it did.
    pub error: Option<Unanswered>,
    seen: HashSet<User>,
}

#[derive(Debug)]
struct Counted {
    asked: Instant,
    count: Option<Result<usize, Unanswered>>,
}

/// A part of the users of one node.
#[derive(Debug, Default)]
struct Pages {
    life: Option<Life>,
    users: HashMap<usize, Vec<(User, u64)>>,
    asked: HashSet<usize>,
    /// The pages that are remembered, the oldest first.
    order: VecDeque<usize>,
    error: Option<Unanswered>,
}

impl Known {
    /// Takes a reply in.
    pub fn take(&mut self, reply: Reply) {
        match reply {
            Reply::User(user, places) => {
                if let Some(sought) = self.user.as_mut().filter(|sought| sought.user == user) {
                    sought.places = Some(places);
                }
            }
            Reply::Found { start, users, done } => {
                if let Some(search) = self.search_for(&start) {
                    search.add(users);
                    search.running = !done;
                }
            }
            Reply::SearchFailed(start, error) => {
                if let Some(search) = self.search_for(&start) {
                    search.running = false;
                    search.error = Some(error);
                }
            }
            Reply::Count(life, count) => {
                if let Some(counted) = self.counts.get_mut(&life) {
                    counted.count = Some(count);
                }
            }
            Reply::Page { life, offset, users } => self.pages.take(&life, offset, users),
        }
    }

    fn search_for(&mut self, start: &str) -> Option<&mut Search> {
        self.search.as_mut().filter(|search| search.start == start && search.running)
    }

    /// Begins to ask for a user.
    pub fn ask_user(&mut self, user: User) -> Question {
        self.search = None;
        self.user = Some(Sought { user: user.clone(), places: None });
        Question::User(user)
    }

    /// Begins a search.
    pub fn ask_search(&mut self, start: String) -> Question {
        self.user = None;
        self.search = Some(Search {
            start: start.clone(),
            users: Vec::new(),
            running: true,
            error: None,
            seen: HashSet::new(),
        });
        Question::Search(start)
    }

    /// Ends the search, and keeps what it has found.
    pub fn stop_search(&mut self) -> Question {
        if let Some(search) = &mut self.search {
            search.running = false;
        }
        Question::Stop
    }

    /// How many users the directory lists for a node, as far as is known.
    pub fn count(&self, life: &Life) -> Option<&Result<usize, Unanswered>> {
        self.counts.get(life)?.count.as_ref()
    }

    /// The question that brings a count up to date, if it is time for that.
    pub fn recount(&mut self, life: &Life, now: Instant) -> Option<Question> {
        let counted = self.counts.get(life);
        if counted.is_some_and(|counted| now < counted.asked + COUNT_INTERVAL) {
            return None;
        }
        let count = self.counts.remove(life).and_then(|counted| counted.count);
        self.counts.retain(|(node, _), _| *node != life.0);
        self.counts.insert(life.clone(), Counted { asked: now, count });
        Some(Question::Count(life.clone()))
    }

    /// Which node's users are listed.
    pub fn listed(&self) -> Option<&Life> {
        self.pages.life.as_ref()
    }

    /// Lists the users of a node, or of none, from what the directory says from now on.
    pub fn list(&mut self, life: Option<Life>) {
        self.pages = Pages { life, ..Pages::default() };
    }

    /// The user in a place of the list, with the time of its first session; `None` as long as it
    /// is not known.
    pub fn listed_user(&self, place: usize) -> Option<&(User, u64)> {
        self.pages.users.get(&(place / PAGE_USERS))?.get(place % PAGE_USERS)
    }

    /// Why a part of the list is missing.
    pub fn list_error(&self) -> Option<&Unanswered> {
        self.pages.error.as_ref()
    }

    /// The question that fills a place of the list, if it is empty and was not asked yet.
    pub fn fill(&mut self, place: usize) -> Option<Question> {
        let (page, pages) = (place / PAGE_USERS, &mut self.pages);
        let life = pages.life.clone()?;
        let asks = !pages.users.contains_key(&page) && pages.asked.insert(page);
        let (offset, count) = (page * PAGE_USERS, PAGE_USERS);
        asks.then_some(Question::Page { life, offset, count })
    }

    /// Takes back that a question was asked, because it could not be.
    pub fn unasked(&mut self, question: &Question) {
        match question {
            Question::Page { offset, .. } => drop(self.pages.asked.remove(&(offset / PAGE_USERS))),
            Question::Count(life) => drop(self.counts.remove(life)),
            _ => {}
        }
    }
}

impl Search {
    fn add(&mut self, users: Vec<User>) {
        for user in users {
            if self.seen.insert(user.clone()) {
                self.users.push(user);
            }
        }
    }
}

impl Pages {
    fn take(&mut self, life: &Life, offset: usize, users: Result<Vec<(User, u64)>, Unanswered>) {
        let page = offset / PAGE_USERS;
        if self.life.as_ref() != Some(life) || !self.asked.remove(&page) {
            return;
        }
        match users {
            Ok(users) => {
                self.error = None;
                self.users.insert(page, users);
                self.order.push_back(page);
            }
            Err(error) => self.error = Some(error),
        }
        while self.order.len() > PAGES_MAX {
            self.order.pop_front().map(|oldest| self.users.remove(&oldest));
        }
    }
}
