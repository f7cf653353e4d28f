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
    rules::SessionRules,
};
use crate::{
    data_plane::{DataPlaneState, SessionKey},
    defaults::{BAD_REQUEST_FORGIVEN_AFTER, BAD_REQUESTS_MAX},
};

/// Handles the requests of one client: login, sends and pings.
pub(super) struct RequestHandler {
    key: SessionKey,
    pub(super) rules: Rc<SessionRules>,
    pub(super) login: Login,
    limiter: Option<DefaultDirectRateLimiter>,
    /// Created by the first bad request, which most sessions never make.
    bad_requests: Option<Box<DefaultDirectRateLimiter>>,
}

impl RequestHandler {
    pub(super) fn new(key: SessionKey, rules: Rc<SessionRules>) -> Self {
        let limiter = rules.messages_per_second.map(Quota::per_second).map(RateLimiter::direct);
        #[cfg(feature = "testing")]
        let login = if rules.echo { Login::Done } else { Login::awaited() };
        #[cfg(not(feature = "testing"))]
        let login = Login::awaited();
        Self { key, rules, login, limiter, bad_requests: None }
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
                self.send(state, now, &id, &to, body);
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
            Ok(ClientFrame::Send { id, .. }) => {
                let reason = "the first frame is {\"type\":\"login\",\"user\":…}";
                state.error(self.key, ErrorCode::LoginRequired, reason, Some(&id));
                Err(SessionEnd::close(close::POLICY, "login required"))
            }
            Err(bad) => self.reject(state, &bad),
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
    ) -> Result<(), SessionEnd> {
        if let Err(error) = contain(|| self.rules.auth.check(user, token))? {
            state.error(self.key, ErrorCode::Unauthorized, &error.to_string(), None);
            return Err(SessionEnd::close(close::UNAUTHORIZED, "unauthorized"));
        }
        let user: User = user.parse().expect("the parser of the frame has checked it");
        let registration = state.start_login(&user);
        self.login = Login::registering(user, registration);
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
