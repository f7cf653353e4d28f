use std::io;

use thiserror::Error;

use crate::defaults::LOAD_LOGIN_TIMEOUT;
use crate::protocol::UnexpectedBytes;

/// Why a load could not be run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A connection failed.
    #[error("{user}: {error}")]
    Connection {
        /// The user.
        user: String,
        /// Why it failed.
        error: ConnectionError,
    },
    /// Logins are not answered.
    #[error("no login was answered within {LOAD_LOGIN_TIMEOUT:?}; {0} are waiting")]
    LoginsStuck(usize),
    /// The first messages do not reach every recipient.
    #[error("some recipients get no message, though they are logged in")]
    NotPrimed,
}

/// Why one connection failed.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// It broke, or could not be opened.
    #[error("connection lost: {0}")]
    Broken(#[from] io::Error),
    /// The server refused the upgrade.
    #[error("the upgrade was refused: {0}")]
    Refused(String),
    /// The server closed it.
    #[error("the server closed the connection")]
    Ended,
    /// The server sent something unexpected.
    #[error("the server sent something unexpected: {0}")]
    Unexpected(String),
}

impl From<UnexpectedBytes> for ConnectionError {
    fn from(UnexpectedBytes(what): UnexpectedBytes) -> Self {
        Self::Unexpected(what)
    }
}
