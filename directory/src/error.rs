//! Why something that was said to Redis did not work.

use thiserror::Error;

use crate::defaults::CALL_TIMEOUT;

/// Why a directory cannot be opened: the configuration has to change.
#[derive(Clone, Debug, Error)]
pub enum ConfigError {
    /// The address of Redis cannot be used. The text leaves the address itself out: it may hold
    /// a password.
    #[error(
        "the Redis URL cannot be used ({0}); write it as redis://[[user]:password@]host[:port][/db]"
    )]
    Url(String),
    /// The key prefix is empty or has characters that would make keys ambiguous.
    #[error(
        "{0:?} cannot be a key prefix; take 1 to 64 of the letters a-z and A-Z, digits, '-', '_', '.' and ':'"
    )]
    Prefix(String),
}

/// Why a call failed. Except for [`CallError::Refused`], its command may have taken effect, or
/// may still do so.
#[derive(Clone, Debug, Error)]
pub enum CallError {
    /// Redis did not answer in time.
    #[error("Redis did not answer within {} ms", CALL_TIMEOUT.as_millis())]
    TimedOut,
    /// Redis cannot be reached, lets nobody in, or serves nobody at the moment; or the connection
    /// broke. In its words, if it said why.
    #[error("no Redis to ask: {0}")]
    Away(String),
    /// Redis answered with an error, or with what the command never returns. In its words.
    #[error("Redis refuses: {0}")]
    Refused(String),
}

/// Why it is not known where a user is.
#[derive(Clone, Debug, Error)]
pub enum LookUpError {
    /// Redis knows no node of the user, but it may have been emptied a moment ago.
    #[error("Redis may have been emptied, and not be filled again yet")]
    Indeterminate,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why an entry was not written or removed.
#[derive(Clone, Debug, Error)]
pub enum EntryError {
    /// By Redis' clock the lease that the command was sent under is over; nothing was changed.
    #[error(
        "the command reached Redis {late_ms} ms after the end of its lease and was ignored; if this goes on while the lease is renewed, the clocks of the Redis servers differ"
    )]
    LeaseOver {
        /// How long after the end of the lease, in milliseconds.
        late_ms: u64,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}
