//! One session: reads its socket, and writes on what the flush has left.

#[cfg(feature = "testing")]
mod echo;

use std::{
    future::poll_fn,
    io,
    num::NonZeroU32,
    rc::Rc,
    task::{Context, Poll},
    time::Instant,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time;
use tokio_tungstenite::tungstenite::{
    self, Error, Message, WebSocket, error::CapacityError, protocol::WebSocketConfig,
};
use trunkline_directory::Location;
use trunkline_ops::{Panicked, contain};
use trunkline_protocol::{
    User,
    client::{self, BadFrame, ClientFrame, ErrorCode, close},
};

use super::{
    Auth,
    closing::{close_frame, finish},
    login::{Login, LoginEvent},
    socket::Socket,
};
use crate::{
    data_plane::{CloseReason, DataPlane, DataPlaneState, SessionKey},
    defaults::{
        BAD_REQUEST_FORGIVEN_AFTER, BAD_REQUESTS_MAX, CLOSE_WITHIN, CODEC_BYTES, FRAMES_PER_TURN,
    },
};

/// What a session is held to.
#[derive(Clone, Debug)]
pub(crate) struct SessionRules {
    /// The largest frame, in bytes.
    pub(crate) frame_bytes_max: usize,
    /// Sends a second; `None` for no limit.
    pub(crate) messages_per_second: Option<NonZeroU32>,
    /// Who may log in as whom.
    pub(crate) auth: Auth,
    /// Whether sessions echo what they are sent, and know no login.
    #[cfg(feature = "testing")]
    pub(crate) echo: bool,
}

impl SessionRules {
    /// How the WebSocket codec is set up.
    pub(crate) fn codec(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(CODEC_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(self.frame_bytes_max)
            .max_message_size(Some(self.frame_bytes_max))
            .max_frame_size(Some(self.frame_bytes_max))
    }
}

/// How a session is over.
enum Over {
    /// The connection broke.
    Gone,
    /// The client has closed it, and the answer to that waits to be written.
    Closed,
    /// This node closes it.
    Closing(CloseReason),
    /// What the client has sent made the code that reads it panic.
    Panicked,
}

impl Over {
    fn closing(code: u16, reason: impl Into<String>) -> Self {
        Self::Closing(CloseReason { code, reason: reason.into() })
    }
}

impl From<Panicked> for Over {
    fn from(_: Panicked) -> Self {
        Self::Panicked
    }
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// One session. However it ends, dropping it frees what it had in the node's state.
pub(super) struct Session {
    data_plane: DataPlane,
    key: SessionKey,
    socket: WebSocket<Socket>,
    rules: Rc<SessionRules>,
    login: Login,
    limiter: Option<DefaultDirectRateLimiter>,
    /// Made with the first bad request, which most sessions never make.
    bad_requests: Option<Box<DefaultDirectRateLimiter>>,
}

/// What a session waits for next.
#[derive(PartialEq)]
enum GoingOn {
    /// For its socket, or for the flush.
    Waiting,
    /// For a login that has just begun.
    LoggingIn,
}

impl Session {
    /// `key` stands for the writing half of the same connection.
    pub(super) fn new(
        data_plane: DataPlane,
        key: SessionKey,
        socket: WebSocket<Socket>,
        rules: Rc<SessionRules>,
    ) -> Self {
        let limiter = rules.messages_per_second.map(Quota::per_second).map(RateLimiter::direct);
        let login = Login::awaited();
        let session = Self { data_plane, key, socket, rules, login, limiter, bad_requests: None };
        #[cfg(feature = "testing")]
        let session = session.into_echo();
        session
    }

    /// The span of the session's log lines.
    pub(super) fn span(&self) -> tracing::Span {
        self.data_plane.turn(|state, _| state.session_span(self.key))
    }

    /// Runs the session to its end.
    pub(super) async fn run(mut self) {
        let over = poll_fn(|cx| self.poll(cx)).await;
        self.abandon_login();
        let close_reason = match over {
            Over::Gone => return,
            Over::Closed => None,
            Over::Closing(close_reason) => Some(close_reason),
            Over::Panicked => {
                self.data_plane.turn(|state, _| state.count_session_panic());
                let reason = "internal error".to_owned();
                Some(CloseReason { code: close::INTERNAL, reason })
            }
        };
        if let Some(close_reason) = close_reason {
            self.data_plane.turn(|state, _| {
                state.retire(self.key, &close_reason);
                state.write_raw(self.key, &close_frame(&close_reason));
            });
        }
        // A client that does not read, or does not close its side, is not waited for.
        let closed = finish(&self.data_plane, self.key, self.socket.get_mut());
        let _ = time::timeout(CLOSE_WITHIN, closed).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        match self.progress(cx) {
            Ok(()) => Poll::Pending,
            Err(over) => Poll::Ready(over),
        }
    }

    fn progress(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        let data_plane = self.data_plane.clone();
        loop {
            let event = self.login.poll(cx);
            let going_on = data_plane.turn(|state, now| {
                match event {
                    Some(LoginEvent::TooLate) => {
                        return Err(Over::closing(close::NO_LOGIN, "no login in time"));
                    }
                    Some(LoginEvent::Registered(user, others)) => {
                        self.finish_login(state, &user, others)?;
                    }
                    None => {}
                }
                self.work(state, now, cx)
            })?;
            // A login that has just begun has to be polled once to be under way.
            if going_on == GoingOn::Waiting {
                return Ok(());
            }
        }
    }

    fn finish_login(
        &mut self,
        state: &mut DataPlaneState,
        user: &User,
        others: Option<Vec<Location>>,
    ) -> Result<(), Over> {
        state.finish_login(self.key, user, others.as_deref());
        if others.is_some() {
            return Ok(());
        }
        let reason = "the directory did not register the login in time: try again later";
        state.error(self.key, ErrorCode::DirectoryUnavailable, reason, None);
        Err(Over::closing(close::TRY_AGAIN, "directory unavailable"))
    }

    /// A registration that is still under way has nobody to welcome any more.
    fn abandon_login(&mut self) {
        if let Some(user) = self.login.abandon() {
            self.data_plane.turn(|state, _| state.finish_login(self.key, &user, None));
        }
    }

    /// Writes and reads what can be now.
    fn work(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Result<GoingOn, Over> {
        if let Poll::Ready(close_reason) = state.poll_close_reason(self.key, cx) {
            return Err(Over::Closing(close_reason));
        }
        if let Poll::Ready(flushed) = state.poll_flush(self.key, now, cx) {
            flushed?;
        }
        self.read(state, now, cx)
    }

    fn read(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Result<GoingOn, Over> {
        self.socket.get_mut().begin_turn(cx);
        let going_on = self.read_frames(state, now, cx);
        let socket = self.socket.get_mut();
        // A part of a frame is a sign of life too: a large one takes a slow client its time.
        if socket.has_heard() {
            state.heard(self.key, now);
        }
        socket.end_turn();
        going_on
    }

    fn read_frames(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Result<GoingOn, Over> {
        for _ in 0..FRAMES_PER_TURN {
            if self.login.is_registering() || !state.may_read(self.key) {
                return Ok(GoingOn::Waiting);
            }
            match contain(|| self.socket.read())? {
                Ok(message) => self.message(state, now, message)?,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.socket.get_ref().is_exhausted() {
                        break;
                    }
                    return Ok(GoingOn::Waiting);
                }
                Err(error) => return Err(over_by(&error, self.rules.frame_bytes_max)),
            }
            if self.login.is_registering() {
                return Ok(GoingOn::LoggingIn);
            }
        }
        // There may be more, but it is the others' turn.
        cx.waker().wake_by_ref();
        Ok(GoingOn::Waiting)
    }

    fn message(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        message: Message,
    ) -> Result<(), Over> {
        #[cfg(feature = "testing")]
        let Some(message) = self.echo(state, message) else { return Ok(()) };
        match message {
            Message::Text(text) => self.text(state, now, text.as_str()),
            Message::Binary(_) => {
                let reason = "frames are JSON in text frames, not binary";
                Err(Over::closing(close::UNSUPPORTED, reason))
            }
            Message::Ping(_) => {
                self.send_replies(state);
                Ok(())
            }
            Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => {
                self.send_replies(state);
                // Behind the answer nothing is read: a message there would count as delivered.
                state.log_out(self.key);
                Err(Over::Closed)
            }
        }
    }

    fn text(&mut self, state: &mut DataPlaneState, now: Instant, text: &str) -> Result<(), Over> {
        let done = self.login.is_done();
        match contain(|| client::parse(text))? {
            Ok(ClientFrame::Send { id, to, body }) if done => {
                self.send(state, now, &id, &to, body);
                Ok(())
            }
            Ok(ClientFrame::Ping) => {
                state.pong(self.key);
                Ok(())
            }
            Ok(ClientFrame::Login { user, token }) if !done => {
                self.log_in(state, &user, token.as_deref())
            }
            Ok(ClientFrame::Login { .. }) => {
                let reason = "this session has logged in";
                state.error(self.key, ErrorCode::AlreadyLoggedIn, reason, None);
                Ok(())
            }
            Ok(ClientFrame::Send { id, .. }) => {
                let reason = "the first frame is {\"type\":\"login\",\"user\":…}";
                state.error(self.key, ErrorCode::LoginRequired, reason, Some(&id));
                Err(Over::closing(close::POLICY, "login required"))
            }
            Err(bad) => self.bad_request(state, &bad),
        }
    }

    fn send(&mut self, state: &mut DataPlaneState, now: Instant, id: &str, to: &str, body: &str) {
        if self.limiter.as_ref().is_some_and(|limiter| limiter.check().is_err()) {
            let reason = "too many messages a second";
            state.error(self.key, ErrorCode::RateLimited, reason, Some(id));
        } else {
            state.send(now, self.key, id, to, body.as_bytes());
        }
    }

    fn log_in(
        &mut self,
        state: &mut DataPlaneState,
        user: &str,
        token: Option<&str>,
    ) -> Result<(), Over> {
        if let Err(error) = contain(|| self.rules.auth.check(user, token))? {
            state.error(self.key, ErrorCode::Unauthorized, &error.to_string(), None);
            return Err(Over::closing(close::UNAUTHORIZED, "unauthorized"));
        }
        let user: User = user.parse().expect("the frame's parser has checked it");
        let registration = state.start_login(&user);
        self.login = Login::registering(user, registration);
        Ok(())
    }

    fn bad_request(&mut self, state: &mut DataPlaneState, bad: &BadFrame) -> Result<(), Over> {
        state.error(self.key, ErrorCode::BadRequest, &bad.reason, bad.id.as_deref());
        let allowance = self.bad_requests.get_or_insert_with(|| {
            let quota = Quota::with_period(BAD_REQUEST_FORGIVEN_AFTER).expect("it is not zero");
            Box::new(RateLimiter::direct(quota.allow_burst(BAD_REQUESTS_MAX)))
        });
        match allowance.check() {
            Ok(()) => Ok(()),
            Err(_) => Err(Over::closing(close::POLICY, "too many bad requests")),
        }
    }

    /// Puts in line what the codec has to say by itself: the pong to a ping, the answer to a close. It
    /// writes them no sooner than it is used again, and the client may send nothing more.
    fn send_replies(&mut self, state: &mut DataPlaneState) {
        // It says that the connection is closed, when it was; our socket takes all that is written.
        let _ = self.socket.flush();
        let replies = self.socket.get_mut().take_replies();
        if !replies.is_empty() {
            state.write_raw(self.key, &replies);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.abandon_login();
        self.data_plane.turn(|state, _| state.close(self.key));
    }
}

/// What a codec error means for the session. The codec must not be used after it.
fn over_by(error: &tungstenite::Error, frame_bytes_max: usize) -> Over {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Over::closing(close::TOO_BIG, format!("a frame has at most {frame_bytes_max} bytes"))
        }
        Error::Utf8(_) => Over::closing(close::NOT_UTF8, "a text frame is UTF-8"),
        Error::Protocol(error) => Over::closing(close::PROTOCOL, error.to_string()),
        _ => Over::Gone,
    }
}
