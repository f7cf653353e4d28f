//! A server's error replies, prepared for operators: in the server's own words with a remedy, on
//! one short line, without secrets.

use std::fmt;

use redis::RedisError;

use crate::defaults::{REPLY_CHARS_MAX, TROUBLES_SHOWN_MAX};

/// The remedy for an address that is not Redis's.
pub(crate) const CHECK_ADDRESS: &str = "check host and port in --redis";

/// The starts of error replies, and their remedies.
const REMEDIES: [(&str, &str); 16] = [
    ("WRONGPASS", "check user and password in --redis"),
    ("NOAUTH", "Redis wants a password: --redis redis://user:password@host"),
    ("ERR AUTH", "this Redis has no password: leave it out of --redis"),
    ("ERR Client sent AUTH", "this Redis has no password: leave it out of --redis"),
    ("ERR invalid password", "check the password in --redis"),
    ("NOPERM", "docs/operations.md lists the rights that are needed"),
    (
        "ERR max number of clients",
        "raise maxclients of Redis, or find its clients with CLIENT LIST",
    ),
    ("DENIED", "give Redis a password, or bind it to an address that only the cluster reaches"),
    ("ERR DB index", "check the database number in --redis"),
    ("MISCONF", "free the disk of Redis, or switch off its snapshots: the directory needs none"),
    ("OOM", "raise maxmemory of Redis"),
    ("READONLY", "--redis must name the primary"),
    ("MASTERDOWN", "--redis must name the primary"),
    ("NOREPLICAS", "see min-replicas-to-write of Redis, and its replicas"),
    ("ERR unknown command", "is it a Redis 7, no Sentinel and no proxy, with no command renamed?"),
    ("MOVED", "--redis must name a Redis that is no node of a Redis Cluster"),
];

/// A problem with Redis or the path to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedisTrouble {
    /// The problem, in the server's own words if it has replied.
    pub(crate) text: String,
    /// The remedy, if it is known.
    pub(crate) remedy: Option<&'static str>,
}

impl RedisTrouble {
    pub(crate) fn new(text: String) -> Self {
        Self { text, remedy: None }
    }

    pub(crate) fn with_remedy(self, remedy: &'static str) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl fmt::Display for RedisTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.remedy {
            Some(remedy) => write!(f, "{} ({remedy})", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The first few problems, on one line.
pub(crate) fn one_line(troubles: &[RedisTrouble]) -> Option<String> {
    let shown: Vec<_> =
        troubles.iter().take(TROUBLES_SHOWN_MAX).map(RedisTrouble::to_string).collect();
    let more = troubles.len() - shown.len();
    let line = shown.join("; ");
    match (shown.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(line),
        (false, more) => Some(format!("{line}; and {more} more")),
    }
}

/// The remedy for an error reply, if it is known.
pub(crate) fn remedy(reply: &str) -> Option<&'static str> {
    REMEDIES.iter().find(|(start, _)| reply.starts_with(start)).map(|&(_, remedy)| remedy)
}

/// The text of an error reply, as the server has sent it.
pub(crate) fn error_text(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
    }
}

/// Splits a script's error into the error without the script's digest, and the line of the script.
pub(crate) fn split_script_error(reply: &str) -> (&str, Option<usize>) {
    let Some((error, place)) = reply.rsplit_once(" script: ") else { return (reply, None) };
    let line = place.split_once("@user_script:").map(|(_, line)| line.trim_end_matches('.'));
    match line {
        Some(line) => (error, line.parse().ok()),
        None => (reply, None),
    }
}

/// Removes secrets and control characters from replies.
pub(crate) struct Redactor {
    secret: Option<String>,
}

impl Redactor {
    pub(crate) fn new(password: Option<&str>) -> Self {
        Self { secret: password.filter(|password| !password.is_empty()).map(str::to_owned) }
    }

    /// The reply on one line of limited length. Redis echoes the arguments of an unknown command,
    /// which may be a renamed `AUTH`: so arguments are removed, and the password everywhere.
    pub(crate) fn redact(&self, reply: &str) -> String {
        let reply = reply.split(", with args beginning with").next().unwrap_or_default();
        let reply = match &self.secret {
            Some(secret) => reply.replace(secret.as_str(), "***"),
            None => reply.to_owned(),
        };
        let mut clean: String = reply
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(REPLY_CHARS_MAX)
            .collect();
        if reply.chars().nth(REPLY_CHARS_MAX).is_some() {
            clean.push('…');
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_removed() {
        let redactor = Redactor::new(Some("hunter2"));
        let echo = "ERR unknown command 'AUTH', with args beginning with: 'me' 'hunter2' ";
        assert_eq!(redactor.redact(echo), "ERR unknown command 'AUTH'");
        // Redis truncates its echo, so the reply may contain half a password.
        let cut = "ERR unknown command `AUTH`, with args beginning with: `me`, `hunt";
        assert_eq!(redactor.redact(cut), "ERR unknown command `AUTH`");
        assert_eq!(redactor.redact("no hunter2 here, hunter2"), "no *** here, ***");
        assert_eq!(Redactor::new(Some("")).redact("as it is"), "as it is");
    }

    #[test]
    fn reply_is_one_short_line() {
        let redactor = Redactor::new(None);
        assert_eq!(redactor.redact("a\r\nb\u{1b}[31mc"), "a  b [31mc");
        let long = redactor.redact(&"é".repeat(10_000));
        assert_eq!(long.chars().count(), REPLY_CHARS_MAX + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn script_error_is_split_from_digest_and_line() {
        let sha = "52c78892e1e24414cb2441a43719350ea7f6c973";
        let seven = format!("ERR The user can't run this script: {sha}, on @user_script:2.");
        assert_eq!(split_script_error(&seven), ("ERR The user can't run this", Some(2)));
        assert_eq!(split_script_error("OOM no memory"), ("OOM no memory", None));
        assert_eq!(split_script_error("ERR a script: b"), ("ERR a script: b", None));
    }

    #[test]
    fn number_of_problems_on_the_line_is_bounded() {
        assert_eq!(one_line(&[]), None);
        let trouble = |number: usize| RedisTrouble::new(number.to_string());
        let few: Vec<_> = (0..2).map(trouble).collect();
        assert_eq!(one_line(&few).unwrap(), "0; 1");
        let many: Vec<_> = (0..TROUBLES_SHOWN_MAX + 2).map(trouble).collect();
        assert!(one_line(&many).unwrap().ends_with("; and 2 more"));
    }
}
