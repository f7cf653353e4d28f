//! How far the login of a session has come.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time;
use trunkline_directory::{Location, Registration};
use trunkline_protocol::User;

use crate::defaults::{LOGIN_WITHIN, REGISTER_WITHIN};

/// The state of a session's login.
pub(super) enum Login {
    /// There was none yet; when the sleep ends, it is too late.
    Awaited(Pin<Box<time::Sleep>>),
    /// The directory is asked to register it.
    Registering(User, Pin<Box<dyn Future<Output = Option<Vec<Location>>>>>),
    /// It is registered, or has failed to be.
    Done,
}

/// What a login has newly come to.
pub(super) enum LoginEvent {
    /// There was none in time.
    TooLate,
    /// The user was registered, who has these other nodes; `None` if that has failed.
    Registered(User, Option<Vec<Location>>),
}

impl Login {
    /// A login that is awaited from now on.
    pub(super) fn awaited() -> Self {
        Self::Awaited(Box::pin(time::sleep(LOGIN_WITHIN)))
    }

    /// A login that `registration` brings to its end. It has to be polled once to be under way.
    pub(super) fn registering(user: User, registration: Registration) -> Self {
        let registered = async move {
            time::timeout(REGISTER_WITHIN, registration).await.ok().and_then(Result::ok)
        };
        Self::Registering(user, Box::pin(registered))
    }

    pub(super) fn is_registering(&self) -> bool {
        matches!(self, Self::Registering(..))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// What has newly come of it, if anything.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<LoginEvent> {
        match self {
            Self::Done => None,
            Self::Awaited(deadline) => match deadline.as_mut().poll(cx) {
                Poll::Pending => None,
                Poll::Ready(()) => Some(LoginEvent::TooLate),
            },
            Self::Registering(user, registered) => match registered.as_mut().poll(cx) {
                Poll::Pending => None,
                Poll::Ready(others) => {
                    let event = LoginEvent::Registered(user.clone(), others);
                    *self = Self::Done;
                    Some(event)
                }
            },
        }
    }

    /// Ends the login. Returns the user whose registration is still under way.
    pub(super) fn abandon(&mut self) -> Option<User> {
        match std::mem::replace(self, Self::Done) {
            Self::Registering(user, _) => Some(user),
            Self::Awaited(_) | Self::Done => None,
        }
    }
}
