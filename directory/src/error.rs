use thiserror::Error;

use crate::defaults::CALL_TIMEOUT;

/// Why a directory cannot be opened: the configuration has to change.
#[derive(Clone, Debug, Error)]
pub enum ConfigError {
    /// The Redis URL is invalid. The text does not repeat the URL, which may contain a password.
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

/// Why a call failed. Only a refused command certainly has no effect; after the other errors it may
/// have taken effect, or may take effect later.
#[derive(Clone, Debug, Error)]
pub enum CallError {
    /// Redis did not answer in time.
    #[error("Redis did not answer within {} ms", CALL_TIMEOUT.as_millis())]
    TimedOut,
    /// Redis is unreachable, rejects the login or serves no commands at the moment, or the
    /// connection was lost. With Redis's own words, if it gave a reason.
    #[error("Redis is not available: {0}")]
    Away(String),
    /// Redis answered with an error or with an unexpected type. In its own words.
    #[error("Redis refuses the command: {0}")]
    Refused(String),
}

/// Why a look-up has no definite result.
#[derive(Clone, Debug, Error)]
pub enum LookUpError {
    /// Redis has no entry of the user, but may have lost it: it may have been emptied a moment ago.
    #[error("Redis may have lost entries that are not registered again yet")]
    Indeterminate,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why an entry was not written or removed.
#[derive(Clone, Debug, Error)]
pub enum EntryError {
    /// The command's lease had expired by Redis's clock; nothing was changed.
    #[error(
        "the command reached Redis {late_ms} ms after its lease had expired and was ignored; if this continues while the lease is renewed, compare the clocks of the Redis servers"
    )]
    LeaseOver {
        /// How long after the lease's end, in milliseconds.
        late_ms: u64,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}
