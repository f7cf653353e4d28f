//! Sends input lines and prints frames, over one connection after another.

use std::collections::HashMap;

use serde_json::Value;
use tokio::sync::mpsc;
use trunkline_client::{Client, ClientError, ErrorFrame, Frame, ReceivedMessage, SendReceipt};

use super::input::parse;
use crate::terminal::{BAD, BOLD, DIM, GOOD, LINK, NOTE, Painted, notice, tell};

/// The input, and the sends that wait for a receipt.
#[derive(Debug)]
pub(super) struct Conversation {
    lines: mpsc::Receiver<String>,
    /// Recipients, by the id of the send.
    waiting: HashMap<String, String>,
    sent: u64,
}

impl Conversation {
    pub(super) fn new(lines: mpsc::Receiver<String>) -> Self {
        Self { lines, waiting: HashMap::new(), sent: 0 }
    }

    /// Runs until the input has ended and every receipt has come. If the connection ends first, sends
    /// that still wait are unconfirmed.
    pub(super) async fn run(&mut self, client: Client) -> Result<(), ClientError> {
        // No frame may come for days.
        let mut client = client.with_timeout(std::time::Duration::MAX);
        let outcome = self.converse(&mut client).await;
        for (_, to) in self.waiting.drain() {
            receipt_line(&to, "unconfirmed", 0);
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
                line = self.lines.recv(), if more => match line {
                    Some(line) => self.send(client, &line).await?,
                    None => more = false,
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self, client: &mut Client, line: &str) -> Result<(), ClientError> {
        let Some((to, body)) = parse(line) else {
            if !line.trim().is_empty() {
                notice(NOTE, "write a recipient and a text: bob hello");
            }
            return Ok(());
        };
        self.sent += 1;
        let id = format!("c-{}", self.sent);
        client.send(&id, to, &Value::from(body).to_string()).await?;
        self.waiting.insert(id, to.to_owned());
        Ok(())
    }

    fn print(&mut self, frame: Frame) {
        match frame {
            Frame::Welcome(_) => {}
            Frame::Message(message) => message_line(&message),
            Frame::Receipt(SendReceipt { id, outcome, missed, .. }) => {
                let to = self.waiting.remove(&id).unwrap_or(id);
                receipt_line(&to, &outcome, missed);
            }
            Frame::Error(ErrorFrame { code, reason, id }) => {
                if let Some(id) = id {
                    self.waiting.remove(&id);
                }
                notice(BAD, &format!("{reason} ({code})"));
            }
        }
    }
}

/// A string is shown as text, any other body as JSON.
fn message_line(ReceivedMessage { from, body, .. }: &ReceivedMessage) {
    let text = serde_json::from_str(body.get()).unwrap_or_else(|_| body.get().to_owned());
    // Escape sequences from other users must not control this terminal.
    let text: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    tell(format_args!("  {} {text}", Painted(LINK, format!("{from}:"))));
}

fn receipt_line(to: &str, outcome: &str, missed: u32) {
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
    tell(format_args!(
        "  {mark} {to} {} {}",
        Painted(style, outcome),
        Painted(DIM, meaning.to_owned() + &missed)
    ));
}
