use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time;
use trunkline_directory::{Location, Registration};
use trunkline_protocol::User;

use crate::defaults::{LOGIN_WITHIN, REGISTER_WITHIN};

/// The state of a session's login.
pub(super) enum Login {
    /// The client has not asked to log in. The login times out when the sleep ends.
    Awaited(Pin<Box<time::Sleep>>),
    /// The directory registers the user.
    Registering(User, Pin<Box<dyn Future<Output = Option<Vec<Location>>>>>),
    /// The registration has succeeded or failed.
    Done,
}

/// A change in the state of a login.
pub(super) enum LoginEvent {
    /// The client did not ask to log in within [`LOGIN_WITHIN`].
    TimedOut,
    /// The user is registered and has sessions at these other locations; `None` if the registration
    /// failed.
    Registered(User, Option<Vec<Location>>),
}

impl Login {
    pub(super) fn awaited() -> Self {
        Self::Awaited(Box::pin(time::sleep(LOGIN_WITHIN)))
    }

    /// A login that ends with `registration`, which starts at the next [`Self::poll`].
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

    /// Ready when the state changes.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LoginEvent> {
        match self {
            Self::Done => Poll::Pending,
            Self::Awaited(deadline) => deadline.as_mut().poll(cx).map(|()| LoginEvent::TimedOut),
            Self::Registering(user, registered) => {
                let others = ready!(registered.as_mut().poll(cx));
                let event = LoginEvent::Registered(user.clone(), others);
                *self = Self::Done;
                Poll::Ready(event)
            }
        }
    }

    /// Ends the login. Returns the user whose registration is still pending.
    pub(super) fn abandon(&mut self) -> Option<User> {
        match std::mem::replace(self, Self::Done) {
            Self::Registering(user, _) => Some(user),
            Self::Awaited(_) | Self::Done => None,
        }
    }
}
