//! The window's queries to the directory of users. They are answered on the reader's thread, so that
//! drawing never waits for Redis.

use thiserror::Error;
use tokio::sync::mpsc;
use trunkline_directory::{CallError, Directory, FindCursor, UserLocation};
use trunkline_protocol::{Incarnation, Name, User};

use crate::{
    defaults::{FOUND_MAX, QUERIES_MAX},
    escape,
};

/// A node and one incarnation of it: the directory lists users by both.
pub type NodeIncarnation = (Name, Incarnation);

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryQuery {
    /// Where a user has sessions.
    User(User),
    /// Which users' keys begin with a prefix. A new search ends the one before.
    Search(String),
    /// End the search.
    Stop,
    /// How many users are listed for a node.
    Count(NodeIncarnation),
    /// Some of the users that are listed for a node.
    Page {
        /// The node.
        node: NodeIncarnation,
        /// The index of the first user.
        offset: usize,
        /// The limit on users.
        count: usize,
    },
}

/// The reply to a [`DirectoryQuery`].
#[derive(Clone, Debug)]
pub enum QueryReply {
    /// Where a user has sessions: nowhere, if the user is offline.
    User(User, Result<Vec<UserLocation>, QueryError>),
    /// Some of the users that a search finds.
    Found {
        /// The prefix searched for.
        prefix: String,
        /// The users. A user may come twice, also in another reply.
        users: Vec<User>,
        /// Whether the search has ended.
        done: bool,
    },
    /// A search for a prefix failed.
    SearchFailed(String, QueryError),
    /// How many users are listed for a node.
    Count(NodeIncarnation, Result<usize, QueryError>),
    /// Some of the users that are listed for a node.
    Page {
        /// The node.
        node: NodeIncarnation,
        /// The index of the first user.
        offset: usize,
        /// Users, with the time of their first session in Unix milliseconds.
        users: Result<Vec<(User, u64)>, QueryError>,
    },
}

/// Why the directory has not answered: an escaped text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct QueryError(pub String);

impl From<CallError> for QueryError {
    fn from(error: CallError) -> Self {
        Self(escape::text(&error.to_string()).into())
    }
}

/// The window's end of the queries. Dropping it ends the task that answers them.
#[derive(Debug)]
pub struct QueryClient {
    queries: mpsc::Sender<DirectoryQuery>,
    replies: mpsc::Receiver<QueryReply>,
}

/// The far end of a [`QueryClient`]: [`run`], or a test.
#[derive(Debug)]
pub struct QueryServer {
    /// Yields the window's queries.
    pub queries: mpsc::Receiver<DirectoryQuery>,
    /// Takes the replies. The sender also wakes the window.
    pub replies: mpsc::Sender<QueryReply>,
}

impl QueryClient {
    /// Both ends.
    pub fn pair() -> (Self, QueryServer) {
        let (queries, queries_out) = mpsc::channel(QUERIES_MAX);
        let (replies_in, replies) = mpsc::channel(QUERIES_MAX);
        (Self { queries, replies }, QueryServer { queries: queries_out, replies: replies_in })
    }

    /// Sends a query. Returns false if too many wait already.
    pub fn send(&self, query: DirectoryQuery) -> bool {
        self.queries.try_send(query).is_ok()
    }

    /// The next reply, if there is one.
    pub fn poll(&mut self) -> Option<QueryReply> {
        self.replies.try_recv().ok()
    }
}

/// Answers queries until the [`QueryClient`] is dropped. Calls `wake` after each reply.
pub async fn run(directory: Directory, mut server: QueryServer, wake: impl Fn()) {
    let mut search = None;
    loop {
        let reply = tokio::select! {
            // Queries first: one of them may end the search.
            biased;
            query = server.queries.recv() => match query {
                Some(query) => answer(&directory, query, &mut search).await,
                None => return,
            },
            reply = advance(&directory, &mut search), if search.is_some() => Some(reply),
        };
        if let Some(reply) = reply {
            if server.replies.send(reply).await.is_err() {
                return;
            }
            wake();
        }
    }
}

#[derive(Debug)]
struct Search {
    prefix: String,
    cursor: FindCursor,
    found: usize,
}

async fn answer(
    directory: &Directory,
    query: DirectoryQuery,
    search: &mut Option<Search>,
) -> Option<QueryReply> {
    match query {
        DirectoryQuery::Search(prefix) => {
            *search = Some(Search { prefix, cursor: FindCursor::default(), found: 0 });
            None
        }
        DirectoryQuery::Stop => {
            *search = None;
            None
        }
        DirectoryQuery::User(user) => {
            let locations = directory.user(&user).await.map_err(QueryError::from);
            Some(QueryReply::User(user, locations))
        }
        DirectoryQuery::Count(node) => {
            let count = directory.users_count(&node.0, node.1).await.map_err(QueryError::from);
            Some(QueryReply::Count(node, count))
        }
        DirectoryQuery::Page { node, offset, count } => {
            let users = directory.users_of(&node.0, node.1, offset, count).await;
            Some(QueryReply::Page { node, offset, users: users.map_err(QueryError::from) })
        }
    }
}

/// Takes the search one step further. Cancel-safe: dropped before the reply, the step is repeated.
async fn advance(directory: &Directory, search: &mut Option<Search>) -> QueryReply {
    let Some(Search { prefix, cursor, found }) = search else {
        return std::future::pending().await;
    };
    let prefix = prefix.clone();
    match directory.find(&prefix, *cursor).await {
        Ok(step) => {
            *found += step.users.len();
            let next = step.next.filter(|_| *found < FOUND_MAX);
            match next {
                Some(next) => *cursor = next,
                None => *search = None,
            }
            QueryReply::Found { prefix, users: step.users, done: next.is_none() }
        }
        Err(error) => {
            *search = None;
            QueryReply::SearchFailed(prefix, error.into())
        }
    }
}
