//! Session events: what a session's task tells the data plane and asks of it.

use std::time::Instant;

use trunkline_directory::{Location, Registration};
use trunkline_protocol::{
    User,
    client::{self, ErrorCode, close},
    lane::{LoginNotice, Message},
};

use super::{
    delivery::{CloseReason, SessionKey},
    pending_message::Sender,
    replacements::Replacement,
    state::DataPlaneState,
};
use crate::client_socket::ClientWriter;

/// From the connection to its end.
impl DataPlaneState {
    /// A connection was upgraded.
    pub(crate) fn open(&mut self, socket: ClientWriter) -> SessionKey {
        self.env.delivery.sessions.open(socket, self.env.now)
    }

    /// The id that clients and the log know a session by.
    pub(crate) fn session_id(&self, key: SessionKey) -> String {
        format!("{}-{key}", self.incarnation())
    }

    /// The session's socket is about to be closed. What waits for it is taken back.
    pub(crate) fn close(&mut self, key: SessionKey) {
        self.log_out(key);
        self.env.delivery.close(key);
    }

    pub(crate) fn session_keys(&self) -> Vec<SessionKey> {
        self.env.delivery.sessions.keys()
    }

    /// Has the session's task close it, with this code and reason.
    pub(crate) fn end_session(&mut self, key: SessionKey, code: u16, reason: impl Into<String>) {
        self.env.delivery.end(key, CloseReason { code, reason: reason.into() });
    }

    /// Pings sessions, and ends those that are silent, read too slowly, or whose token has expired.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.env.delivery.sweep(now, self.unix_seconds(), self.ping_interval);
    }

    /// The time of this turn, in Unix seconds.
    pub(crate) fn unix_seconds(&self) -> u64 {
        self.env.now_ms / 1_000
    }

    /// Whether the session may be read further.
    pub(crate) fn may_read(&mut self, key: SessionKey) -> bool {
        self.env.delivery.may_read(key, self.custody.session_share())
    }

    /// How many sends exceeded their session's rate.
    pub(crate) fn rate_limited(&self) -> u64 {
        self.env.metrics.rate_limited
    }

    /// A session sent more than it may.
    pub(crate) fn count_rate_limited(&mut self) {
        self.env.metrics.rate_limited += 1;
    }

    /// A session has ended by a panic.
    pub(crate) fn count_session_panic(&mut self) {
        self.env.metrics.session_panics += 1;
    }
}

/// Logins.
impl DataPlaneState {
    /// Asks the directory to register a login. [`Self::finish_login`] has to follow.
    pub(crate) fn start_login(&mut self, user: &User) -> Registration {
        self.env.delivery.sessions.start_login(user);
        self.registrar.register(user)
    }

    /// Welcomes a session whose login was registered, and ends the sessions that it replaces.
    /// `others` are the user's other nodes; `None` if the registration has failed.
    pub(crate) fn finish_login(
        &mut self,
        key: SessionKey,
        user: &User,
        others: Option<&[Location]>,
    ) {
        self.env.delivery.sessions.end_login(user);
        if let (Some(others), true) = (others, self.env.delivery.sessions.get(key).is_some()) {
            self.replace_oldest(user);
            let id = self.session_id(key);
            let node = self.env.node.name.clone();
            self.env.delivery.write(key, |out| client::welcome(out, user, &id, &node));
            self.env.delivery.sessions.log_in(key, user);
            self.notify_others(user, others);
        }
        self.deregister_if_absent(user);
    }

    /// Ends the delivery of messages to the session. If its client reads too slowly, takes back those
    /// that wait.
    pub(crate) fn retire(&mut self, key: SessionKey, close_reason: &CloseReason) {
        self.log_out(key);
        if close_reason.code == close::TOO_SLOW {
            self.env.delivery.take_back(key, false);
        }
    }

    /// Ends the delivery of messages to the session.
    pub(crate) fn log_out(&mut self, key: SessionKey) {
        if let Some(user) = self.env.delivery.sessions.log_out(key) {
            self.deregister_if_absent(&user);
        }
    }

    /// The directory has found the user of a replacement at these locations.
    pub(super) fn replace(&mut self, replacement: &Replacement, found: &[Location]) {
        for &key in replacement.sessions_to_end(found) {
            // A session that has ended meanwhile has no user any more.
            if self.user_of(key).as_ref() == Some(&replacement.user) {
                self.end_session(key, close::REPLACED, "replaced by a newer session elsewhere");
                self.log_out(key);
            }
        }
    }

    fn deregister_if_absent(&mut self, user: &User) {
        if !self.env.delivery.sessions.has(user) {
            self.registrar.deregister(user);
        }
    }

    fn replace_oldest(&mut self, user: &User) {
        let sessions = self.env.delivery.sessions.of(user.as_str());
        let too_many = (sessions.len() + 1).saturating_sub(self.sessions_per_user);
        for &oldest in &sessions[..too_many] {
            self.end_session(oldest, close::REPLACED, "replaced by a newer session of this user");
            // The user stays registered: the new session is about to be theirs.
            self.env.delivery.sessions.log_out(oldest);
        }
    }

    fn notify_others(&mut self, user: &User, others: &[Location]) {
        let notice = LoginNotice { user: user.as_str(), replaces: self.sessions_per_user == 1 };
        for (_, node) in others {
            self.env.links.notice(*node, notice);
        }
    }
}

/// Who has logged in.
impl DataPlaneState {
    /// The user of a session.
    pub(crate) fn user_of(&self, key: SessionKey) -> Option<User> {
        self.env.delivery.sessions.get(key)?.user().cloned()
    }
}

/// Frames from the client, and to it.
impl DataPlaneState {
    /// A session sends a message. `to` is a valid user key, `id` a valid send id.
    pub(crate) fn send(&mut self, now: Instant, key: SessionKey, id: &str, to: &str, body: &[u8]) {
        let Some(session) = self.env.delivery.sessions.get_mut(key) else { return };
        let Some(from) = session.user() else { return };
        let message = Message {
            seq: self.custody.next_seq(),
            traced: false,
            sent_at_ms: self.env.now_ms,
            to,
            from: from.as_str(),
            body,
        };
        let pending = self.env.messages.write(Sender::Session(key), now, id, &message);
        session.charge(pending.charge());
        self.env.metrics.accepted += 1;
        self.custody.accept(now, &mut self.env, to, pending);
    }

    pub(crate) fn error(
        &mut self,
        key: SessionKey,
        code: ErrorCode,
        reason: &str,
        id: Option<&str>,
    ) {
        self.env.delivery.write(key, |out| client::error(out, code, reason, id));
    }
}
