//! The WebSocket edge: HTTP requests, upgrades, and one task per session.

mod auth;
mod hs256;
mod http;
mod listener;
mod request_line;
mod response;
mod routes;
mod session;
mod upgrade;

pub(crate) use auth::Auth;
pub(crate) use listener::Listener;
pub(crate) use session::SessionRules;
