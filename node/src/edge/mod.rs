//! The WebSocket edge: HTTP requests, upgrades, and one task per session.

mod auth;
mod http;
mod listener;
mod page;
mod request_line;
mod response;
mod routes;
mod session;
mod upgrade;

pub use auth::TokenKeyError;
pub(crate) use auth::{Auth, KeyFiles};
pub(crate) use listener::Listener;
pub(crate) use routes::BrowserRules;
pub(crate) use session::{SendRates, SessionRules};
