//! Sends input lines and prints frames, over one connection after another.

use std::collections::HashMap;

use anstyle::Style;
use jiff::Zoned;
use serde_json::Value;
use trunkline_client::{Client, ClientError, ErrorFrame, Frame, ReceivedMessage, SendReceipt};

use super::input::{ChatInput, ChatLine};
use crate::terminal::{BAD, BOLD, DIM, GOOD, LINK, NOTE, Painted};

/// What the chat understands.
const HELP: [&str; 3] = [
    "bob hello    sends hello to bob; the mark in front of bob tells what became of it",
    "/quit        ends the chat, as Ctrl-D does",
    "↑ and ↓      show earlier lines",
];

/// The input, and the sends that wait for a receipt.
pub(super) struct Conversation {
    input: ChatInput,
    /// Recipients, by the id of the send.
    waiting: HashMap<String, String>,
    sent: u64,
}

impl Conversation {
    pub(super) fn new(input: ChatInput) -> Self {
        Self { input, waiting: HashMap::new(), sent: 0 }
    }

    /// Prints what happened to the connection.
    pub(super) fn notice(&mut self, style: Style, text: &str) {
        self.input.output.notice(style, text);
    }

    /// Runs until the input has ended and every receipt has come. If the connection ends first, sends
    /// that still wait are unconfirmed.
    pub(super) async fn run(&mut self, client: Client) -> Result<(), ClientError> {
        // No frame may come for days.
        let mut client = client.with_timeout(std::time::Duration::MAX);
        let outcome = self.converse(&mut client).await;
        for (_, to) in self.waiting.drain() {
            self.input.output.line(receipt_line(&to, "unconfirmed", 0));
        }
        outcome?;
        // The node may have closed already; this process ends anyway.
        let _ = client.close().await;
        Ok(())
    }

    async fn converse(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let mut more = true;
        while more || !self.waiting.is_empty() {
            tokio::select! {
                frame = client.next_frame() => self.print(frame?),
                line = self.input.lines.recv(), if more => match line {
                    Some(line) => more = self.take_line(client, &line).await?,
                    None => more = false,
                }
            }
        }
        Ok(())
    }

    /// Does what a line asks for. Returns whether to read more lines.
    async fn take_line(&mut self, client: &mut Client, line: &str) -> Result<bool, ClientError> {
        match ChatLine::parse(line) {
            ChatLine::Send(to, body) => self.send(client, to, body).await?,
            ChatLine::Help => {
                for text in HELP {
                    self.input.output.line(format_args!("  {}", Painted(DIM, text)));
                }
            }
            ChatLine::Quit => return Ok(false),
            ChatLine::Empty => {}
            ChatLine::Unknown(remedy) => self.notice(NOTE, remedy),
        }
        Ok(true)
    }

    async fn send(&mut self, client: &mut Client, to: &str, body: &str) -> Result<(), ClientError> {
        self.sent += 1;
        let id = format!("c-{}", self.sent);
        client.send(&id, to, &Value::from(body).to_string()).await?;
        self.waiting.insert(id, to.to_owned());
        Ok(())
    }

    fn print(&mut self, frame: Frame) {
        match frame {
            Frame::Welcome(_) | Frame::Refreshed(_) | Frame::Pong => {}
            Frame::Message(message) => self.input.output.line(message_line(&message)),
            Frame::Receipt(SendReceipt { id, outcome, missed, .. }) => {
                let to = self.waiting.remove(&id).unwrap_or(id);
                self.input.output.line(receipt_line(&to, &outcome, missed));
            }
            Frame::Error(ErrorFrame { code, reason, id }) => {
                if let Some(id) = id {
                    self.waiting.remove(&id);
                }
                self.notice(BAD, &format!("{reason} ({code})"));
            }
        }
    }
}

/// A string is shown as text, any other body as JSON.
fn message_line(ReceivedMessage { from, body, .. }: &ReceivedMessage) -> String {
    let text = serde_json::from_str(body.get()).unwrap_or_else(|_| body.get().to_owned());
    // Escape sequences from other users must not control this terminal.
    let text: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    format!("  {} {} {text}", time(), Painted(LINK, format!("{from}:")))
}

fn receipt_line(to: &str, outcome: &str, missed: u32) -> String {
    let (style, mark, meaning) = match outcome {
        "delivered" => (GOOD, "✓", ""),
        "offline" => (NOTE, "○", "the user has no session"),
        "busy" => (NOTE, "!", "a queue is full, nothing was delivered: try again later"),
        "unreachable" => {
            (BAD, "✗", "the recipient's node cannot be reached, nothing was delivered")
        }
        _ => (BAD, "?", "no confirmation came, it may have been delivered"),
    };
    let missed = match missed {
        0 => String::new(),
        missed => format!("but {missed} of the sessions or nodes missed it"),
    };
    let (mark, to) = (Painted(style, mark), Painted(BOLD, to));
    format!(
        "  {} {mark} {to} {} {}",
        time(),
        Painted(style, outcome),
        Painted(DIM, meaning.to_owned() + &missed)
    )
}

/// The local time of day.
fn time() -> Painted<String> {
    Painted(DIM, Zoned::now().strftime("%H:%M:%S").to_string())
}
