//! The WebSocket edge: dials, upgrades, and one task per session.

mod auth;
mod listener;
mod request;
mod session;
mod socket;

pub(crate) use auth::Auth;
pub(crate) use listener::Listener;
pub(crate) use session::SessionRules;
