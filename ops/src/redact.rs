use std::{convert::Infallible, fmt, str::FromStr};

/// A URL that may contain a password. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The whole URL, with its password: not for display.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl FromStr for SecretUrl {
    type Err = Infallible;

    fn from_str(url: &str) -> Result<Self, Infallible> {
        Ok(url.into())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redacted(&self.0))
    }
}

/// The value without the user and password before an `@`, and without the query of a URL, which may
/// contain a password too.
///
/// A malformed value may contain a secret as well. So this searches for the delimiters and does not
/// parse.
pub fn redacted(value: &str) -> String {
    let (value, query) = match value.split_once('?') {
        Some((value, _)) => (value, "?…"),
        None => (value, ""),
    };
    match value.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.find("://").map_or("", |end| &before[..end + 3]);
            format!("{scheme}…@{after}{query}")
        }
        None => format!("{value}{query}"),
    }
}

/// The text without the users and passwords of the addresses in it.
pub(crate) fn redacted_text(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "\"'`()<>".contains(c);
    text.split_inclusive(ends).map(redacted_word).collect()
}

fn redacted_word(word: &str) -> String {
    let (scheme, rest) = match word.find("://") {
        Some(end) => word.split_at(end + 3),
        None => ("", word),
    };
    match rest.rsplit_once('@') {
        // `[[user]:password@]` in a remedy is the syntax, not a secret.
        Some((user, _)) if user.starts_with('[') => word.to_owned(),
        Some((user, host)) if !scheme.is_empty() || user.contains(':') => {
            format!("{scheme}…@{host}")
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_password_and_query_are_hidden() {
        for (given, shown) in [
            ("redis://alice:hunter2@db:6379/0", "redis://…@db:6379/0"),
            ("redis://:hunter2@db", "redis://…@db"),
            ("redis//alice:hunter2@db", "…@db"),
            ("redis://alice:hunter2/p@ss@db", "redis://…@db"),
            ("unix:///run/redis.sock?pass=hunter2", "unix:///run/redis.sock?…"),
            ("ws://host/ws?token=hunter2@x", "ws://host/ws?…"),
            ("alice:hunter2@db?x=hunter2", "…@db?…"),
        ] {
            assert_eq!(redacted(given), shown);
            assert_eq!(format!("{:?}", SecretUrl::from(given)), format!("{shown:?}"));
        }
    }

    #[test]
    fn passwords_within_a_text_are_hidden() {
        for (text, shown) in [
            ("", ""),
            ("see http://host/x (y@z)", "see http://host/x (y@z)"),
            ("://", "://"),
            ("a://b@c d:e@f", "a://…@c …@f"),
            (
                "\"redis://a:hunter2@db\" is no prefix; write redis://[[user]:password@]host",
                "\"redis://…@db\" is no prefix; write redis://[[user]:password@]host",
            ),
        ] {
            assert_eq!(redacted_text(text), shown);
        }
    }

    #[test]
    fn value_without_secrets_is_unchanged() {
        for value in ["", "127.0.0.1:7400", "ws://host:9001/ws", "nowhere", "[::1]:7400"] {
            assert_eq!(redacted(value), value);
        }
    }
}
