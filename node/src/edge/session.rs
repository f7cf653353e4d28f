#[cfg(feature = "testing")]
mod echo;

use std::{
    future::poll_fn,
    io,
    num::NonZeroU32,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Instant,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time;
use tokio_tungstenite::tungstenite::{
    self, Error, Message, WebSocket,
    error::CapacityError,
    protocol::{CloseFrame, WebSocketConfig},
};
use trunkline_directory::Place;
use trunkline_protocol::{
    User,
    client::{self, BadFrame, ClientFrame, ErrorCode, close},
};

use super::{Auth, socket::Socket};
use crate::{
    defaults::{
        BAD_REQUESTS_MAX, CLOSE_WITHIN, CODEC_BYTES, FRAMES_PER_TURN, LOGIN_WITHIN, REGISTER_WITHIN,
    },
    exchange::{Exchange, Farewell, SessionKey, State},
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
    Closing(Farewell),
}

impl Over {
    fn closing(code: u16, reason: impl Into<String>) -> Self {
        Self::Closing(Farewell { code, reason: reason.into() })
    }
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// One session: reads its socket, and writes on what the flush has left.
pub(super) struct Session {
    exchange: Exchange,
    key: SessionKey,
    socket: WebSocket<Socket>,
    rules: Rc<SessionRules>,
    login: Login,
    limiter: Option<DefaultDirectRateLimiter>,
    bad_requests: u32,
}

/// What a session waits for next.
#[derive(PartialEq)]
enum GoingOn {
    /// For its socket, or for the flush.
    Waiting,
    /// For a login that has just begun.
    LoggingIn,
}

/// A user whose login was registered, and the user's other nodes; `None` if that has failed.
type Registered = (User, Option<Vec<Place>>);

/// How far the login has come.
enum Login {
    Awaited(Pin<Box<time::Sleep>>),
    Registering(User, Pin<Box<dyn Future<Output = Option<Vec<Place>>>>>),
    Done,
}

impl Session {
    /// `key` stands for the writing half of the same connection.
    pub(super) fn new(
        exchange: Exchange,
        key: SessionKey,
        socket: WebSocket<Socket>,
        rules: Rc<SessionRules>,
    ) -> Self {
        let limiter = rules.messages_per_second.map(Quota::per_second).map(RateLimiter::direct);
        let login = Login::Awaited(Box::pin(time::sleep(LOGIN_WITHIN)));
        let session = Self { exchange, key, socket, rules, login, limiter, bad_requests: 0 };
        #[cfg(feature = "testing")]
        let session = session.into_echo();
        session
    }

    /// Runs the session to its end.
    pub(super) async fn run(mut self) {
        let over = poll_fn(|cx| self.poll(cx)).await;
        self.abandon_login();
        // A client that does not read is not waited for.
        let _ = time::timeout(CLOSE_WITHIN, async {
            match over {
                Over::Gone => {}
                Over::Closed => self.flush().await,
                Over::Closing(farewell) => self.close(farewell).await,
            }
        })
        .await;
        self.exchange.turn(|state, _| state.close(self.key));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        match self.progress(cx) {
            Ok(()) => Poll::Pending,
            Err(over) => Poll::Ready(over),
        }
    }

    fn progress(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        let exchange = self.exchange.clone();
        loop {
            let registered = self.poll_login(cx)?;
            let going_on = exchange.turn(|state, now| {
                if let Some((user, others)) = registered {
                    self.finish_login(state, &user, others)?;
                }
                self.work(state, now, cx)
            })?;
            // A login that has just begun has to be polled once to be under way.
            if going_on == GoingOn::Waiting {
                return Ok(());
            }
        }
    }

    /// The login that has been registered, or has failed to be, by now.
    fn poll_login(&mut self, cx: &mut Context<'_>) -> Result<Option<Registered>, Over> {
        match &mut self.login {
            Login::Done => Ok(None),
            Login::Awaited(deadline) => match deadline.as_mut().poll(cx) {
                Poll::Pending => Ok(None),
                Poll::Ready(()) => Err(Over::closing(close::NO_LOGIN, "no login in time")),
            },
            Login::Registering(user, registration) => match registration.as_mut().poll(cx) {
                Poll::Pending => Ok(None),
                Poll::Ready(others) => {
                    let user = user.clone();
                    self.login = Login::Done;
                    Ok(Some((user, others)))
                }
            },
        }
    }

    fn finish_login(
        &mut self,
        state: &mut State,
        user: &User,
        others: Option<Vec<Place>>,
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
        if let Login::Registering(user, _) = std::mem::replace(&mut self.login, Login::Done) {
            let key = self.key;
            self.exchange.turn(|state, _| state.finish_login(key, &user, None));
        }
    }

    /// Writes and reads what can be now.
    fn work(
        &mut self,
        state: &mut State,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Result<GoingOn, Over> {
        if let Poll::Ready(farewell) = state.poll_farewell(self.key, cx) {
            return Err(Over::Closing(farewell));
        }
        if let Poll::Ready(flushed) = state.poll_flush(self.key, now, cx) {
            flushed?;
        }
        self.read(state, now, cx)
    }

    fn read(
        &mut self,
        state: &mut State,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Result<GoingOn, Over> {
        self.socket.get_mut().begin_turn(cx);
        let going_on = self.read_frames(state, now, cx);
        self.socket.get_mut().end_turn();
        going_on
    }

    fn read_frames(
        &mut self,
        state: &mut State,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Result<GoingOn, Over> {
        for frame in 0..FRAMES_PER_TURN {
            if matches!(self.login, Login::Registering(..)) || !state.may_read(self.key) {
                return Ok(GoingOn::Waiting);
            }
            match self.socket.read() {
                Ok(message) => {
                    if frame == 0 {
                        state.heard(self.key, now);
                    }
                    self.message(state, now, message)?;
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(GoingOn::Waiting);
                }
                Err(error) => return Err(over_by(&error, self.rules.frame_bytes_max)),
            }
            if matches!(self.login, Login::Registering(..)) {
                return Ok(GoingOn::LoggingIn);
            }
        }
        // There may be more, but it is the others' turn.
        cx.waker().wake_by_ref();
        Ok(GoingOn::Waiting)
    }

    fn message(&mut self, state: &mut State, now: Instant, message: Message) -> Result<(), Over> {
        #[cfg(feature = "testing")]
        let Some(message) = self.echo(state, message) else { return Ok(()) };
        match message {
            Message::Text(text) => self.text(state, now, text.as_str()),
            Message::Binary(_) => {
                let reason = "frames are JSON in text frames, not binary";
                Err(Over::closing(close::UNSUPPORTED, reason))
            }
            Message::Ping(_) => {
                let _ = self.socket.flush();
                self.send_replies(state);
                Ok(())
            }
            Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => {
                let _ = self.socket.flush();
                self.send_replies(state);
                // Behind the answer nothing is read: a message there would count as delivered.
                state.log_out(self.key);
                Err(Over::Closed)
            }
        }
    }

    fn text(&mut self, state: &mut State, now: Instant, text: &str) -> Result<(), Over> {
        let done = matches!(self.login, Login::Done);
        match client::parse(text) {
            Ok(ClientFrame::Send { id, to, body }) if done => {
                self.send(state, now, &id, &to, body);
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
            Err(bad) if done => self.bad_request(state, &bad),
            Ok(ClientFrame::Send { .. }) | Err(_) => {
                let reason = "the first frame is {\"type\":\"login\",\"user\":…}";
                state.error(self.key, ErrorCode::LoginRequired, reason, None);
                Err(Over::closing(close::POLICY, "login required"))
            }
        }
    }

    fn send(&mut self, state: &mut State, now: Instant, id: &str, to: &str, body: &str) {
        if self.limiter.as_ref().is_some_and(|limiter| limiter.check().is_err()) {
            let reason = "too many messages a second";
            state.error(self.key, ErrorCode::RateLimited, reason, Some(id));
        } else {
            state.send(now, self.key, id, to, body.as_bytes());
        }
    }

    fn log_in(&mut self, state: &mut State, user: &str, token: Option<&str>) -> Result<(), Over> {
        if let Err(error) = self.rules.auth.check(user, token) {
            state.error(self.key, ErrorCode::Unauthorized, &error.to_string(), None);
            return Err(Over::closing(close::UNAUTHORIZED, "unauthorized"));
        }
        let user: User = user.parse().expect("the frame's parser has checked it");
        let registration = state.start_login(&user);
        let registered = async move {
            time::timeout(REGISTER_WITHIN, registration).await.ok().and_then(Result::ok)
        };
        self.login = Login::Registering(user, Box::pin(registered));
        Ok(())
    }

    fn bad_request(&mut self, state: &mut State, bad: &BadFrame) -> Result<(), Over> {
        state.error(self.key, ErrorCode::BadRequest, &bad.reason, bad.id.as_deref());
        self.bad_requests += 1;
        if self.bad_requests >= BAD_REQUESTS_MAX {
            return Err(Over::closing(close::POLICY, "too many bad requests"));
        }
        Ok(())
    }

    /// Puts what the codec has written by itself in line.
    fn send_replies(&mut self, state: &mut State) {
        let replies = self.socket.get_mut().take_replies();
        if !replies.is_empty() {
            state.write_raw(self.key, &replies);
        }
    }

    /// Writes out what waits.
    async fn flush(&mut self) {
        let key = self.key;
        let _ = poll_fn(|cx| self.exchange.turn(|state, now| state.poll_flush(key, now, cx))).await;
    }

    /// Says why, writes out what waits, and reads on until the client has closed its side: a socket
    /// that is closed with something unread takes the last words with it.
    async fn close(&mut self, farewell: Farewell) {
        let (exchange, key) = (self.exchange.clone(), self.key);
        exchange.turn(|state, _| {
            state.retire(key, &farewell);
            let frame = CloseFrame { code: farewell.code.into(), reason: farewell.reason.into() };
            let _ = self.socket.close(Some(frame));
            let _ = self.socket.flush();
            self.send_replies(state);
        });
        poll_fn(|cx| {
            if let Poll::Ready(Err(_)) = exchange.turn(|state, now| state.poll_flush(key, now, cx))
            {
                return Poll::Ready(());
            }
            self.socket.get_mut().begin_turn(cx);
            loop {
                match self.socket.read() {
                    Ok(_) => {}
                    Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Poll::Pending;
                    }
                    Err(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

/// What a codec error means for the session.
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
