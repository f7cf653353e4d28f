use std::{rc::Rc, time::Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tracing::{Span, debug};
use trunkline_ops::contain;
use trunkline_protocol::{
    User,
    client::{self, BadFrame, ClientFrame, ErrorCode, close},
};

use super::{
    closing::SessionEnd,
    login::{Login, LoginEvent},
    rate::SendLimiter,
    rules::SessionRules,
};
use crate::{
    data_plane::{DataPlaneState, SessionKey},
    defaults::{BAD_REQUEST_FORGIVEN_AFTER, BAD_REQUESTS_MAX},
};

/// The form of the names that operators send test messages by: no client may log in with one.
const RESERVED_USERS: &str = "admin/";

/// Handles the requests of one client: login, sends, refreshes and pings.
pub(super) struct RequestHandler {
    key: SessionKey,
    pub(super) rules: Rc<SessionRules>,
    pub(super) login: Login,
    /// Created by the first send, which most sessions never make.
    limiter: Option<Box<SendLimiter>>,
    /// Created by the first bad request, which most sessions never make.
    bad_requests: Option<Box<DefaultDirectRateLimiter>>,
}

impl RequestHandler {
    pub(super) fn new(key: SessionKey, rules: Rc<SessionRules>) -> Self {
        #[cfg(feature = "testing")]
        let login = if rules.echo { Login::Done } else { Login::awaited() };
        #[cfg(not(feature = "testing"))]
        let login = Login::awaited();
        Self { key, rules, login, limiter: None, bad_requests: None }
    }

    /// Handles a text frame. A panic of a parser is contained: it ends only this session.
    pub(super) fn handle(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        text: &str,
    ) -> Result<(), SessionEnd> {
        let logged_in = self.login.is_done();
        match contain(|| client::parse(text))? {
            Ok(ClientFrame::Send { id, to, body }) if logged_in => {
                self.send(state, now, text.len(), (&id, &to, body));
                Ok(())
            }
            Ok(ClientFrame::Ping) => {
                state.env.delivery.write(self.key, client::pong);
                Ok(())
            }
            Ok(ClientFrame::Login { user, token }) if !logged_in => {
                self.log_in(state, &user, token.as_deref())
            }
            Ok(ClientFrame::Login { .. }) => {
                let reason = "this session has logged in";
                state.error(self.key, ErrorCode::AlreadyLoggedIn, reason, None);
                Ok(())
            }
            Ok(ClientFrame::Refresh { token }) if logged_in => self.refresh(state, &token),
            Ok(ClientFrame::Refresh { .. }) => self.require_login(state, None),
            Ok(ClientFrame::Send { id, .. }) => self.require_login(state, Some(&id)),
            Err(bad) => self.reject(state, &bad),
        }
    }

    fn require_login(
        &mut self,
        state: &mut DataPlaneState,
        id: Option<&str>,
    ) -> Result<(), SessionEnd> {
        let reason = "the first frame is {\"type\":\"login\",\"user\":…}";
        state.error(self.key, ErrorCode::LoginRequired, reason, id);
        Err(SessionEnd::close(close::POLICY, "login required"))
    }

    /// Handles a send whose frame has this many bytes.
    fn send(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        frame_bytes: usize,
        (id, to, body): (&str, &str, &str),
    ) {
        let rules = &self.rules;
        let limiter = self.limiter.get_or_insert_with(|| {
            Box::new(SendLimiter::new(rules.rates, rules.frame_bytes_max, now))
        });
        match limiter.admit(now, frame_bytes) {
            Ok(()) => state.send(now, self.key, id, to, body.as_bytes()),
            Err(reason) => {
                state.count_rate_limited();
                state.error(self.key, ErrorCode::RateLimited, reason, Some(id));
            }
        }
    }

    fn log_in(
        &mut self,
        state: &mut DataPlaneState,
        user: &str,
        token: Option<&str>,
    ) -> Result<(), SessionEnd> {
        if user.starts_with(RESERVED_USERS) {
            let reason = format!(
                "`user`: names that begin with {RESERVED_USERS} are reserved for operators"
            );
            return self.reject(state, &BadFrame { reason, id: None });
        }
        self.authenticate(state, user, token)?;
        let user: User = user.parse().expect("the parser of the frame has checked it");
        let registration = state.start_login(&user);
        self.login = Login::registering(user, registration);
        Ok(())
    }

    /// Checks a token, and has the session end with it. Returns when it expires.
    fn authenticate(
        &mut self,
        state: &mut DataPlaneState,
        user: &str,
        token: Option<&str>,
    ) -> Result<Option<u64>, SessionEnd> {
        let now = state.unix_seconds();
        match contain(|| self.rules.auth.check(user, token, now))? {
            Ok(end) => {
                state.env.delivery.set_token_end(self.key, end);
                Ok(end)
            }
            Err(error) => {
                state.error(self.key, ErrorCode::Unauthorized, &error.to_string(), None);
                Err(SessionEnd::close(close::UNAUTHORIZED, "unauthorized"))
            }
        }
    }

    fn refresh(&mut self, state: &mut DataPlaneState, token: &str) -> Result<(), SessionEnd> {
        let Some(user) = state.user_of(self.key) else { return Ok(()) };
        let end = self.authenticate(state, user.as_str(), Some(token))?;
        state.env.delivery.write(self.key, |out| client::refreshed(out, end));
        Ok(())
    }

    fn reject(&mut self, state: &mut DataPlaneState, bad: &BadFrame) -> Result<(), SessionEnd> {
        state.error(self.key, ErrorCode::BadRequest, &bad.reason, bad.id.as_deref());
        let allowance = self.bad_requests.get_or_insert_with(|| {
            let quota = Quota::with_period(BAD_REQUEST_FORGIVEN_AFTER).expect("it is not zero");
            Box::new(RateLimiter::direct(quota.allow_burst(BAD_REQUESTS_MAX)))
        });
        match allowance.check() {
            Ok(()) => Ok(()),
            Err(_) => Err(SessionEnd::close(close::POLICY, "too many bad requests")),
        }
    }

    /// Applies a result of the login to the state.
    pub(super) fn finish_login(
        &mut self,
        state: &mut DataPlaneState,
        event: LoginEvent,
    ) -> Result<(), SessionEnd> {
        let (user, others) = match event {
            LoginEvent::TimedOut => {
                return Err(SessionEnd::close(close::NO_LOGIN, "no login in time"));
            }
            LoginEvent::Registered(user, others) => (user, others),
        };
        state.finish_login(self.key, &user, others.as_deref());
        if others.is_some() {
            Span::current().record("user", user.as_str());
            debug!("logged in");
            return Ok(());
        }
        let reason = "the directory did not register the login in time: try again later";
        state.error(self.key, ErrorCode::DirectoryUnavailable, reason, None);
        Err(SessionEnd::close(close::TRY_AGAIN, "directory unavailable"))
    }

    /// Cancels a registration that is still pending, so that the directory does not list a session
    /// that has ended.
    pub(super) fn abandon_login(&mut self, state: &mut DataPlaneState) {
        if let Some(user) = self.login.abandon() {
            state.finish_login(self.key, &user, None);
        }
    }
}
