use std::io;

use thiserror::Error;

use crate::defaults::LOAD_LOGIN_TIMEOUT;
use crate::peer::NotUnderstood;

/// Why a load came to nothing.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A connection went wrong.
    #[error("{user}: {trouble}")]
    Connection {
        /// Whose.
        user: String,
        /// How.
        trouble: Trouble,
    },
    /// Logins got stuck.
    #[error("no login was answered within {LOAD_LOGIN_TIMEOUT:?}; {0} still wait")]
    LoginsStuck(usize),
    /// Not even a first message reaches every recipient.
    #[error("some recipients get nothing, though they are logged in")]
    NotPrimed,
}

/// What went wrong with one connection.
#[derive(Debug, Error)]
pub enum Trouble {
    /// It broke, or none could be had.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// The server refused the upgrade.
    #[error("the upgrade was refused: {0}")]
    Refused(String),
    /// The server ended it.
    #[error("the server ended the connection")]
    Ended,
    /// The server said something that is not expected there.
    #[error("was told {0}, which is not expected there")]
    Unexpected(String),
}

impl From<NotUnderstood> for Trouble {
    fn from(NotUnderstood(what): NotUnderstood) -> Self {
        Self::Unexpected(what)
    }
}
