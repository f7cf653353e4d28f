//! The input: lines that are edited in a terminal, or lines of a pipe.

use std::{
    io::{self, IsTerminal},
    thread,
};

use anyhow::{Context, Result};
use rustix::{
    process::{Signal, getpid, kill_process},
    termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
};
use rustyline::{Config, DefaultEditor, error::ReadlineError};
use tokio::sync::mpsc;

use super::output::ChatOutput;
use crate::defaults::CHAT_LINES_MAX;

/// The terminal or pipe of a chat.
pub(super) struct ChatInput {
    /// What is typed. It ends at Ctrl-D, or with the pipe.
    pub(super) lines: mpsc::Receiver<String>,
    pub(super) output: ChatOutput,
    _mode: Option<TerminalMode>,
}

/// The terminal's mode before the chat. Dropping it restores that mode: the editor's thread cannot, if
/// the chat ends while it waits for a key.
struct TerminalMode(Termios);

impl Drop for TerminalMode {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

impl ChatInput {
    /// Opens standard input: with a line editor if it is a terminal.
    pub(super) fn open(user: &str) -> Result<Self> {
        let (sender, lines) = mpsc::channel(CHAT_LINES_MAX);
        // A thread of its own, because a read from a terminal cannot be interrupted.
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            thread::spawn(move || read_lines(&sender));
            return Ok(Self { lines, output: ChatOutput::plain(), _mode: None });
        }
        let mode = tcgetattr(io::stdin()).context("cannot read the terminal's mode")?;
        let config = Config::builder().auto_add_history(true).bracketed_paste(false).build();
        let mut editor = DefaultEditor::with_config(config).context("cannot edit lines")?;
        let printer = editor.create_external_printer().context("cannot print above the line")?;
        let prompt = format!("{user}> ");
        thread::spawn(move || edit_lines(&mut editor, &prompt, &sender));
        Ok(Self { lines, output: ChatOutput::above(printer), _mode: Some(TerminalMode(mode)) })
    }
}

fn read_lines(sender: &mpsc::Sender<String>) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if sender.blocking_send(line).is_err() {
            return;
        }
    }
}

fn edit_lines(editor: &mut DefaultEditor, prompt: &str, sender: &mpsc::Sender<String>) {
    loop {
        match editor.readline(prompt) {
            Ok(line) => {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
            // While a line is edited the terminal makes no signal of Ctrl-C. As everywhere, it ends the
            // program, also while that is not connected.
            Err(ReadlineError::Interrupted) => {
                let _ = kill_process(getpid(), Signal::INT);
                return;
            }
            Err(_) => return,
        }
    }
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChatLine<'a> {
    /// Send a text to a user.
    Send(&'a str, &'a str),
    /// Show how to use the chat.
    Help,
    /// End the chat.
    Quit,
    /// Nothing.
    Empty,
    /// Something else, and what to write instead.
    Unknown(&'static str),
}

impl<'a> ChatLine<'a> {
    /// Parses `bob hello`, `@bob hello`, or a command.
    pub(super) fn parse(line: &'a str) -> Self {
        let line = line.trim();
        match line {
            "" => return Self::Empty,
            "/help" => return Self::Help,
            "/quit" => return Self::Quit,
            _ if line.starts_with('/') => return Self::Unknown("the commands are /help and /quit"),
            _ => {}
        }
        let (to, body) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let to = to.strip_prefix('@').unwrap_or(to);
        if to.is_empty() || body.is_empty() {
            return Self::Unknown("write a recipient and a text: bob hello");
        }
        Self::Send(to, body.trim_start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_word_is_the_recipient() {
        assert_eq!(ChatLine::parse("bob hello there"), ChatLine::Send("bob", "hello there"));
        assert_eq!(ChatLine::parse(" @bob  hello "), ChatLine::Send("bob", "hello"));
        assert!(matches!(ChatLine::parse("bob"), ChatLine::Unknown(_)));
        assert!(matches!(ChatLine::parse("@ hello"), ChatLine::Unknown(_)));
    }

    #[test]
    fn commands_begin_with_a_slash() {
        assert_eq!(ChatLine::parse(" /help"), ChatLine::Help);
        assert_eq!(ChatLine::parse("/quit "), ChatLine::Quit);
        assert!(matches!(ChatLine::parse("/quit now"), ChatLine::Unknown(_)));
        assert_eq!(ChatLine::parse("  "), ChatLine::Empty);
    }
}
