//! The WebSocket edge: HTTP requests, upgrades, and one task per session.

mod auth;
mod closing;
mod hs256;
mod http;
mod listener;
mod login;
mod request_line;
mod response;
mod routes;
mod session;
mod socket;
mod upgrade;

pub(crate) use auth::Auth;
pub(crate) use listener::Listener;
pub(crate) use session::SessionRules;
