//! What an operator asks of this node.

use std::time::Instant;

use trunkline_protocol::{User, client::close, lane::Message};

use super::{pending_message::Sender, state::DataPlaneState};

/// The body of a test message.
const PROBE_BODY: &[u8] = br#"{"trunkline":"a test message"}"#;

impl DataPlaneState {
    /// Sends a user a test message, and traces it. `number` is the operator's for it.
    pub(crate) fn send_probe(&mut self, now: Instant, number: u64, to: &User, from: &User) {
        let seq = self.custody.next_seq();
        let message = Message {
            seq,
            traced: true,
            sent_at_ms: self.env.now_ms,
            to: to.as_str(),
            from: from.as_str(),
            body: PROBE_BODY,
        };
        let sender = Sender::Probe(number as u32);
        let pending = self.env.messages.write(sender, now, "", &message);
        self.env.metrics.accepted += 1;
        let traced = self.env.node.traced(seq);
        self.env.tracer.start_probe(number, to, traced, now);
        self.custody.accept(now, &mut self.env, to.as_str(), pending);
    }

    /// Ends every session of a user. Returns how many there were.
    pub(crate) fn end_user(&mut self, user: &User) -> usize {
        let sessions = self.env.delivery.sessions.of(user.as_str());
        for &key in &sessions {
            self.end_session(key, close::ENDED, "ended by an operator");
        }
        sessions.len()
    }
}
