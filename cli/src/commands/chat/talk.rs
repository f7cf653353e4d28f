//! Sending lines and printing what comes, over one connection after another.

use std::collections::HashMap;

use serde_json::Value;
use tokio::sync::mpsc;
use trunkline_client::{Client, ClientError, ErrorFrame, Frame, Message, Receipt};

use super::input::parse;
use crate::terminal::{BAD, BOLD, DIM, GOOD, LINK, NOTE, Painted, notice, tell};

/// Input that goes on, and sends that wait for their receipt.
#[derive(Debug)]
pub(super) struct Talk {
    lines: mpsc::Receiver<String>,
    /// To whom, by the send's id.
    waiting: HashMap<String, String>,
    sent: u64,
}

impl Talk {
    pub(super) fn new(lines: mpsc::Receiver<String>) -> Self {
        Self { lines, waiting: HashMap::new(), sent: 0 }
    }

    /// Talks until the input has ended and every receipt has come.
    ///
    /// # Errors
    /// How the connection ended, if it did so first. What still waited is unconfirmed then.
    pub(super) async fn over(&mut self, client: Client) -> Result<(), ClientError> {
        // A user may say nothing for days.
        let mut client = client.with_patience(std::time::Duration::MAX);
        let outcome = self.converse(&mut client).await;
        for (_, to) in self.waiting.drain() {
            receipt_line(&to, "unconfirmed", 0);
        }
        outcome?;
        // It may be gone already, and we are leaving anyway.
        let _ = client.close().await;
        Ok(())
    }

    async fn converse(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let mut more = true;
        while more || !self.waiting.is_empty() {
            tokio::select! {
                frame = client.next_frame() => self.print(frame?),
                line = self.lines.recv(), if more => match line {
                    Some(line) => self.say(client, &line).await?,
                    None => more = false,
                }
            }
        }
        Ok(())
    }

    async fn say(&mut self, client: &mut Client, line: &str) -> Result<(), ClientError> {
        let Some((to, body)) = parse(line) else {
            if !line.trim().is_empty() {
                notice(NOTE, "say to whom and what: bob hello");
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
            Frame::Receipt(Receipt { id, outcome, missed, .. }) => {
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

/// A string is shown as text, anything else as the JSON that it is.
fn message_line(Message { from, body, .. }: &Message) {
    let text = serde_json::from_str(body.get()).unwrap_or_else(|_| body.get().to_owned());
    // What others wrote must not steer this terminal.
    let text: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    tell(format_args!("  {} {text}", Painted(LINK, format!("{from}:"))));
}

fn receipt_line(to: &str, outcome: &str, missed: u32) {
    let (style, mark, meaning) = match outcome {
        "delivered" => (GOOD, "✓", ""),
        "offline" => (NOTE, "○", "no session has that name"),
        "busy" => (NOTE, "!", "a queue on the way is full, nothing was delivered: try later"),
        "unreachable" => {
            (BAD, "✗", "the recipient's node cannot be reached, nothing was delivered")
        }
        _ => (BAD, "?", "no answer came; it may have arrived"),
    };
    let missed = match missed {
        0 => String::new(),
        missed => format!("but {missed} of the sessions or nodes did not get it"),
    };
    let (mark, to) = (Painted(style, mark), Painted(BOLD, to));
    tell(format_args!(
        "  {mark} {to} {} {}",
        Painted(style, outcome),
        Painted(DIM, meaning.to_owned() + &missed)
    ));
}
