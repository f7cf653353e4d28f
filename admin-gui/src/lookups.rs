//! What the window asks the directory about users: asked and answered away from the drawing.

use std::fmt;

use tokio::sync::mpsc;
use trunkline_directory::{CallError, Directory, FindCursor, UserLocation};
use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    defaults::{FOUND_MAX, QUESTIONS_MAX},
    visible,
};

/// One life of a node, by which its users are listed.
pub type Life = (Name, Incarnation);

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Where a user has sessions.
    User(User),
    /// Which users' keys begin so; a later search, or [`Question::Stop`], ends an earlier one.
    Search(String),
    /// End the search.
    Stop,
    /// How many users are listed for a node.
    Count(Life),
    /// Some users of a node, from one place on.
    Page {
        /// Of which node.
        life: Life,
        /// From which place on.
        offset: usize,
        /// At most how many.
        count: usize,
    },
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Where a user has sessions: nowhere, if the user is not online.
    User(User, Result<Vec<UserLocation>, Unanswered>),
    /// A part of what a search has found.
    Found {
        /// What was searched for.
        start: String,
        /// Users whose keys begin so; the same one may come twice.
        users: Vec<User>,
        /// Whether this was the last part: all were looked at.
        done: bool,
    },
    /// A search broke.
    SearchFailed(String, Unanswered),
    /// How many users are listed for a node.
    Count(Life, Result<usize, Unanswered>),
    /// Some users of a node, with the time of their first session (Unix milliseconds).
    Page {
        /// Of which node.
        life: Life,
        /// From which place on.
        offset: usize,
        /// The users.
        users: Result<Vec<(User, u64)>, Unanswered>,
    },
}

/// Why there is no answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered(pub String);

impl From<CallError> for Unanswered {
    fn from(error: CallError) -> Self {
        Self(visible::text(&error.to_string()).into())
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The window's end: what it asks, and what it is answered.
#[derive(Debug)]
pub struct Lookups {
    questions: mpsc::Sender<Question>,
    replies: mpsc::Receiver<Reply>,
}

/// The end of whoever answers.
#[derive(Debug)]
pub struct Desk {
    /// What the window asks.
    pub questions: mpsc::Receiver<Question>,
    /// What it is answered. Whoever sends wakes the window.
    pub replies: mpsc::Sender<Reply>,
}

impl Lookups {
    /// Both ends.
    pub fn pair() -> (Self, Desk) {
        let (questions, questions_out) = mpsc::channel(QUESTIONS_MAX);
        let (replies_in, replies) = mpsc::channel(QUESTIONS_MAX);
        (Self { questions, replies }, Desk { questions: questions_out, replies: replies_in })
    }

    /// Asks. False if too much is asked already: ask again later.
    pub fn ask(&self, question: Question) -> bool {
        self.questions.try_send(question).is_ok()
    }

    /// The next reply, if one has come.
    pub fn poll(&mut self) -> Option<Reply> {
        self.replies.try_recv().ok()
    }
}

/// Answers from the directory until the window's end is dropped. Calls `wake` after each reply.
pub async fn run(directory: Directory, mut desk: Desk, wake: impl Fn()) {
    let mut search = None;
    loop {
        let reply = tokio::select! {
            // Questions come first: one of them may end the search.
            biased;
            question = desk.questions.recv() => match question {
                Some(question) => answer(&directory, question, &mut search).await,
                None => return,
            },
            reply = step(&directory, &mut search), if search.is_some() => Some(reply),
        };
        if let Some(reply) = reply {
            if desk.replies.send(reply).await.is_err() {
                return;
            }
            wake();
        }
    }
}

/// A search that is under way.
#[derive(Debug)]
struct Search {
    start: String,
    cursor: FindCursor,
    found: usize,
}

async fn answer(
    directory: &Directory,
    question: Question,
    search: &mut Option<Search>,
) -> Option<Reply> {
    match question {
        Question::Search(start) => {
            *search = Some(Search { start, cursor: FindCursor::default(), found: 0 });
            None
        }
        Question::Stop => {
            *search = None;
            None
        }
        Question::User(user) => {
            let places = directory.user(&user).await.map_err(Unanswered::from);
            Some(Reply::User(user, places))
        }
        Question::Count((node, incarnation)) => {
            let count = directory.users_count(&node, incarnation).await.map_err(Unanswered::from);
            Some(Reply::Count((node, incarnation), count))
        }
        Question::Page { life: (node, incarnation), offset, count } => {
            let users = directory.users_of(&node, incarnation, offset, count).await;
            let users = users.map_err(Unanswered::from);
            Some(Reply::Page { life: (node, incarnation), offset, users })
        }
    }
}

/// Takes the search one step on. Dropped half-way, it takes the same step again.
async fn step(directory: &Directory, search: &mut Option<Search>) -> Reply {
    let Some(Search { start, cursor, found }) = search else { return std::future::pending().await };
    let start = start.clone();
    match directory.find(&start, *cursor).await {
        Ok(step) => {
            *found += step.users.len();
            let next = step.next.filter(|_| *found < FOUND_MAX);
            match next {
                Some(next) => *cursor = next,
                None => *search = None,
            }
            Reply::Found { start, users: step.users, done: next.is_none() }
        }
        Err(error) => {
            *search = None;
            Reply::SearchFailed(start, error.into())
        }
    }
}
