//! What a server said, made fit to be shown to whoever has to put it right: in its own words, on
//! one line, short, and without a secret.

use std::fmt;

use redis::RedisError;

use crate::defaults::{SAID_CHARS_MAX, TROUBLES_SHOWN_MAX};

/// For an address where no Redis is.
pub(crate) const CHECK_ADDRESS: &str = "check host and port in --redis";

/// What each kind of refusal begins with, and what helps.
const REMEDIES: [(&str, &str); 16] = [
    ("WRONGPASS", "check user and password in --redis"),
    ("NOAUTH", "Redis wants a password: --redis redis://user:password@host"),
    ("ERR AUTH", "this Redis has no password: leave it out of --redis"),
    ("ERR Client sent AUTH", "this Redis has no password: leave it out of --redis"),
    ("ERR invalid password", "check the password in --redis"),
    ("NOPERM", "the rights that are needed stand in docs/operations.md"),
    (
        "ERR max number of clients",
        "raise maxclients of Redis, or see with CLIENT LIST who is connected",
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

/// Something that is wrong with Redis or the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What, in the server's words if it said something.
    pub(crate) text: String,
    /// What helps, where that is obvious.
    pub(crate) remedy: Option<&'static str>,
}

impl Trouble {
    pub(crate) fn new(text: String) -> Self {
        Self { text, remedy: None }
    }

    pub(crate) fn with_remedy(self, remedy: &'static str) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.remedy {
            Some(remedy) => write!(f, "{} ({remedy})", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The troubles on one line, the first few of them.
pub(crate) fn one_line(troubles: &[Trouble]) -> Option<String> {
    let shown: Vec<_> = troubles.iter().take(TROUBLES_SHOWN_MAX).map(Trouble::to_string).collect();
    let more = troubles.len() - shown.len();
    let line = shown.join("; ");
    match (shown.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(line),
        (false, more) => Some(format!("{line}; and {more} more")),
    }
}

/// What helps against a refusal.
pub(crate) fn remedy(said: &str) -> Option<&'static str> {
    REMEDIES.iter().find(|(start, _)| said.starts_with(start)).map(|&(_, remedy)| remedy)
}

/// The error that a server answered, as it was sent.
pub(crate) fn words(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
    }
}

/// An error that a script ended with: without the script's digest, which tells nobody anything, and
/// the line where it happened.
pub(crate) fn split_script_error(said: &str) -> (&str, Option<usize>) {
    let Some((error, place)) = said.rsplit_once(" script: ") else { return (said, None) };
    let line = place.split_once("@user_script:").map(|(_, line)| line.trim_end_matches('.'));
    match line {
        Some(line) => (error, line.parse().ok()),
        None => (said, None),
    }
}

/// Takes out of a server's words what must not be shown.
pub(crate) struct Cleaner {
    secret: Option<String>,
}

impl Cleaner {
    pub(crate) fn new(password: Option<&str>) -> Self {
        Self { secret: password.filter(|password| !password.is_empty()).map(str::to_owned) }
    }

    /// The words on one line, cut where they get long. Redis echoes the arguments of a command that
    /// it does not know, and `AUTH` may be one: arguments are left out, and the password is,
    /// wherever it stands.
    pub(crate) fn clean(&self, said: &str) -> String {
        let said = said.split(", with args beginning with").next().unwrap_or_default();
        let said = match &self.secret {
            Some(secret) => said.replace(secret.as_str(), "***"),
            None => said.to_owned(),
        };
        let mut clean: String = said
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(SAID_CHARS_MAX)
            .collect();
        if said.chars().nth(SAID_CHARS_MAX).is_some() {
            clean.push('…');
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_never_shown() {
        let cleaner = Cleaner::new(Some("hunter2"));
        let echo = "ERR unknown command 'AUTH', with args beginning with: 'me' 'hunter2' ";
        assert_eq!(cleaner.clean(echo), "ERR unknown command 'AUTH'");
        // Redis cuts what it echoes: half a password is none of anyone's business either.
        let cut = "ERR unknown command `AUTH`, with args beginning with: `me`, `hunt";
        assert_eq!(cleaner.clean(cut), "ERR unknown command `AUTH`");
        assert_eq!(cleaner.clean("no hunter2 here, hunter2"), "no *** here, ***");
        assert_eq!(Cleaner::new(Some("")).clean("as it is"), "as it is");
    }

    #[test]
    fn words_are_one_short_line() {
        let cleaner = Cleaner::new(None);
        assert_eq!(cleaner.clean("a\r\nb\u{1b}[31mc"), "a  b [31mc");
        let long = cleaner.clean(&"é".repeat(10_000));
        assert_eq!(long.chars().count(), SAID_CHARS_MAX + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn script_error_loses_its_digest_and_keeps_its_line() {
        let sha = "52c78892e1e24414cb2441a43719350ea7f6c973";
        let seven = format!("ERR The user can't run this script: {sha}, on @user_script:2.");
        assert_eq!(split_script_error(&seven), ("ERR The user can't run this", Some(2)));
        assert_eq!(split_script_error("OOM no memory"), ("OOM no memory", None));
        assert_eq!(split_script_error("ERR a script: b"), ("ERR a script: b", None));
    }

    #[test]
    fn many_troubles_are_one_bounded_line() {
        assert_eq!(one_line(&[]), None);
        let trouble = |number: usize| Trouble::new(number.to_string());
        let few: Vec<_> = (0..2).map(trouble).collect();
        assert_eq!(one_line(&few).unwrap(), "0; 1");
        let many: Vec<_> = (0..TROUBLES_SHOWN_MAX + 2).map(trouble).collect();
        assert!(one_line(&many).unwrap().ends_with("; and 2 more"));
    }
}
