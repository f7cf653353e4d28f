//! The end of sessions that are silent, read too slowly, or whose token has expired.

use std::time::{Duration, Instant};

use trunkline_protocol::client::close;

use super::{CloseReason, Delivery, SessionKey, session::SessionSocket};
use crate::defaults::{ROUTE_LIFE, SLOW_AFTER};

/// A WebSocket ping without a payload.
const PING_FRAME: [u8; 2] = [0x89, 0x00];

impl<W: SessionSocket> Delivery<W> {
    /// The client has sent something.
    pub(crate) fn heard(&mut self, key: SessionKey, now: Instant) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.heard_at = now;
        }
    }

    /// Pings sessions that were silent for `ping_interval`. Ends those that stay silent, those whose
    /// socket is blocked, and those whose token has expired.
    pub(crate) fn sweep(&mut self, now: Instant, unix_seconds: u64, ping_interval: Duration) {
        self.elsewhere.retain(|_, since| now < *since + ROUTE_LIFE);
        for key in self.sessions.keys() {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            let quiet = now.saturating_duration_since(session.heard_at);
            let blocked = session.outbound.blocked_since();
            if blocked.is_some_and(|since| since + SLOW_AFTER <= now) {
                self.counts.ended_slow += 1;
                let reason = "this client reads too slowly".to_owned();
                self.end(key, CloseReason { code: close::TOO_SLOW, reason });
            } else if session.token_end.is_some_and(|end| end <= unix_seconds) {
                let reason = "token expired".to_owned();
                self.end(key, CloseReason { code: close::UNAUTHORIZED, reason });
            } else if quiet >= ping_interval && session.pinged_at + ping_interval <= now {
                // A silence counts only if a ping was sent in it: a process that was suspended has
                // sent none.
                if quiet >= 2 * ping_interval && session.pinged_at > session.heard_at {
                    let reason = "no answer to a ping".to_owned();
                    self.end(key, CloseReason { code: close::POLICY, reason });
                } else {
                    session.pinged_at = now;
                    self.write_raw(key, &PING_FRAME);
                }
            }
        }
    }
}
