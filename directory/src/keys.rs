//! The names of the keys in Redis. No other module, and no other crate, spells one.

use std::sync::Arc;

use trunkline_protocol::{Incarnation, Name, User};

use crate::error::ConfigError;

const PREFIX_BYTES_MAX: usize = 64;

/// Makes the keys under one prefix. Cheap to clone.
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

    /// The pattern that matches the keys of all users whose key begins with `start`.
    pub(crate) fn users_that_begin(&self, start: &str) -> String {
        format!("{}:user:{}*", self.prefix, escape_glob(start))
    }

    /// The user whose key this is.
    pub(crate) fn user_of(&self, key: &str) -> Option<User> {
        key.strip_prefix(&*self.prefix)?.strip_prefix(":user:")?.parse().ok()
    }

    /// ZSET: users with a session there, by the time of their first one (Unix ms).
    pub(crate) fn index(&self, node: &Name, incarnation: Incarnation) -> String {
        format!("{}:node:{node}:{incarnation}:users", self.prefix)
    }

    /// The kind of a key, as a pattern: the same for all users and for all nodes. `None` if it is
    /// not one of ours.
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

    /// HASH: field `<node>` → the node's card, JSON.
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
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_contract() {
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
    fn a_search_matches_only_the_letters_asked_for() {
        let keys = Keys::new("t").unwrap();
        assert_eq!(keys.users_that_begin("a*[b]\\"), "t:user:a\\*\\[b\\]\\\\*");
        assert_eq!(keys.user_of("t:user:a:b").unwrap().as_str(), "a:b");
        assert!(keys.user_of("u:user:a").is_none());
        assert!(keys.user_of("t:user:").is_none());
    }

    #[test]
    fn kind_of_a_key_names_no_user_and_no_node() {
        let keys = Keys::new("t").unwrap();
        assert_eq!(keys.kind_of("t:user:alice").unwrap(), "t:user:*");
        assert_eq!(keys.kind_of("t:node:node-1:0:users").unwrap(), "t:node:*");
        assert_eq!(keys.kind_of("t:nodes").unwrap(), "t:nodes");
        assert_eq!(keys.kind_of("HGETALL"), None);
        assert_eq!(keys.kind_of("test:user:alice"), None);
    }

    #[test]
    fn a_prefix_has_no_glob_and_no_space() {
        for bad in ["", "a*", "a b", "{a}", &"x".repeat(65)] {
            assert!(Keys::new(bad).is_err(), "{bad:?}");
        }
    }
}
