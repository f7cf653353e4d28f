use std::{
    pin::Pin,
    task::{Context, Poll},
};

use thiserror::Error;
use tokio::sync::oneshot;

use crate::users::Location;

/// Resolves to the user's other nodes when the user is registered. It has no timeout of its own;
/// dropping it does not deregister the user.
#[derive(Debug)]
#[must_use = "the user is registered only when this future resolves"]
pub struct Registration(pub(super) oneshot::Receiver<Vec<Location>>);

/// The user was deregistered, or the registrar was shut down, before the registration was
/// confirmed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the registration was cancelled before it was confirmed")]
pub struct RegistrationCancelled;

impl Future for Registration {
    type Output = Result<Vec<Location>, RegistrationCancelled>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| RegistrationCancelled)
    }
}
