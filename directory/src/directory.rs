use std::sync::Arc;

use crate::{error::ConfigError, keys::Keys, redis_client::RedisClient};

/// A client of the directory. Cheap to clone; clones share one connection, which belongs to the
/// runtime of the call that opens it: open one directory per runtime.
///
/// While Redis is away, calls fail within [`crate::defaults::CALL_TIMEOUT`]; they succeed again as
/// soon as it is back. Redis may still execute the command of a call that was dropped.
#[derive(Clone, Debug)]
pub struct Directory {
    client: Arc<RedisClient>,
    keys: Keys,
}

impl Directory {
    /// Opens the directory at `url`, with all keys under `prefix` (see
    /// [`crate::defaults::KEY_PREFIX`]). The first call connects.
    pub fn open(url: &str, prefix: &str) -> Result<Self, ConfigError> {
        let keys = Keys::new(prefix)?;
        let client = Arc::new(RedisClient::new(url, keys.clone())?);
        Ok(Self { client, keys })
    }

    /// The current problems with Redis, in its own words, and their remedies, on one line; `None`
    /// if there are none. A refused command counts until that command succeeds, even if others do.
    /// New problems are also logged.
    pub fn trouble(&self) -> Option<String> {
        self.client.trouble()
    }

    pub(crate) fn client(&self) -> &RedisClient {
        &self.client
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }
}

/// Parses the hash or sorted set `key`, and skips malformed fields: another program may write under
/// the prefix, and its fields must not hide ours.
pub(crate) fn well_formed<T>(
    key: &str,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    parse: impl Fn(&str, &str) -> Option<T>,
) -> Vec<T> {
    let all = fields.len();
    let parse_field = |(field, value): (Vec<u8>, Vec<u8>)| {
        parse(std::str::from_utf8(&field).ok()?, std::str::from_utf8(&value).ok()?)
    };
    let good: Vec<T> = fields.into_iter().filter_map(parse_field).collect();
    let skipped = all - good.len();
    if skipped > 0 {
        tracing::warn!(key, skipped, "skipped malformed fields: does another program write here?");
    }
    good
}
