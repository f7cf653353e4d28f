//! Lines from standard input.

use std::{io, thread};

use tokio::sync::mpsc;

use crate::defaults::CHAT_LINES_MAX;

/// Reads lines on a thread of its own: a read from a terminal cannot be interrupted.
pub(super) fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(CHAT_LINES_MAX);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Splits `bob hello` or `@bob hello` into recipient and text.
pub(super) fn parse(line: &str) -> Option<(&str, &str)> {
    let (to, body) = line.trim().split_once(char::is_whitespace)?;
    let to = to.strip_prefix('@').unwrap_or(to);
    (!to.is_empty()).then_some((to, body.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_word_is_the_recipient() {
        assert_eq!(parse("bob hello there"), Some(("bob", "hello there")));
        assert_eq!(parse(" @bob  hello "), Some(("bob", "hello")));
        assert_eq!(parse("bob"), None);
        assert_eq!(parse("@ hello"), None);
    }
}
