//! The names of the keys in Redis. No other module and no other crate contains one.

use std::sync::Arc;

use trunkline_protocol::{Incarnation, Name, User};

use crate::{defaults::PREFIX_BYTES_MAX, error::ConfigError};

/// Formats the keys under one prefix. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Result<Self, ConfigError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(fits) {
            return Err(ConfigError::Prefix(prefix.to_owned()));
        }
        Ok(Self { prefix: prefix.into() })
    }

    /// HASH: field `<node>` → `<incarnation>`.
    pub(crate) fn user(&self, user: &User) -> String {
        format!("{}:user:{user}", self.prefix)
    }

    /// The pattern for the keys of all users that begin with `prefix`.
    pub(crate) fn users_with_prefix(&self, prefix: &str) -> String {
        format!("{}:user:{}*", self.prefix, escape_glob(prefix))
    }

    /// The user of a user's key.
    pub(crate) fn user_of(&self, key: &str) -> Option<User> {
        key.strip_prefix(&*self.prefix)?.strip_prefix(":user:")?.parse().ok()
    }

    /// ZSET: the users of an incarnation, scored by the time of their first session (Unix ms).
    pub(crate) fn index(&self, node: &Name, incarnation: Incarnation) -> String {
        format!("{}:node:{node}:{incarnation}:users", self.prefix)
    }

    /// The kind of a key, as a pattern without users and nodes. `None` if the prefix differs.
    pub(crate) fn kind_of(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix(':')?;
        Some(match rest.split_once(':') {
            Some((kind, _)) => format!("{}:{kind}:*", self.prefix),
            None => key.to_owned(),
        })
    }

    /// HASH: field `<incarnation>` → `<node>`.
    pub(crate) fn incarnations(&self) -> String {
        format!("{}:incarnations", self.prefix)
    }

    /// HASH: field `<node>` → the node's record, JSON.
    pub(crate) fn nodes(&self) -> String {
        format!("{}:nodes", self.prefix)
    }

    /// STRING, expiring: `<incarnation>`.
    pub(crate) fn lease(&self, node: &Name) -> String {
        format!("{}:lease:{node}", self.prefix)
    }
}

fn escape_glob(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_documented() {
        let keys = Keys::new("trunkline").unwrap();
        let node: Name = "node-1".parse().unwrap();
        let incarnation = Incarnation::from_bytes([0; 16]);
        assert_eq!(keys.user(&"al:ice".parse().unwrap()), "trunkline:user:al:ice");
        assert_eq!(
            keys.index(&node, incarnation),
            "trunkline:node:node-1:00000000000000000000000000:users"
        );
        assert_eq!(keys.incarnations(), "trunkline:incarnations");
        assert_eq!(keys.nodes(), "trunkline:nodes");
        assert_eq!(keys.lease(&node), "trunkline:lease:node-1");
    }

    #[test]
    fn search_pattern_escapes_globs() {
        let keys = Keys::new("t").unwrap();
        assert_eq!(keys.users_with_prefix("a*[b]\\"), "t:user:a\\*\\[b\\]\\\\*");
        assert_eq!(keys.user_of("t:user:a:b").unwrap().as_str(), "a:b");
        assert!(keys.user_of("u:user:a").is_none());
        assert!(keys.user_of("t:user:").is_none());
    }

    #[test]
    fn kind_of_key_contains_no_user_and_no_node() {
        let keys = Keys::new("t").unwrap();
        assert_eq!(keys.kind_of("t:user:alice").unwrap(), "t:user:*");
        assert_eq!(keys.kind_of("t:node:node-1:0:users").unwrap(), "t:node:*");
        assert_eq!(keys.kind_of("t:nodes").unwrap(), "t:nodes");
        assert_eq!(keys.kind_of("HGETALL"), None);
        assert_eq!(keys.kind_of("test:user:alice"), None);
    }

    #[test]
    fn prefix_is_short_and_has_no_glob_and_no_space() {
        for bad in ["", "a*", "a b", "{a}", &"x".repeat(65)] {
            assert!(Keys::new(bad).is_err(), "{bad:?}");
        }
    }
}
