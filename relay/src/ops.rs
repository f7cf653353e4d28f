//! The operations endpoint: is it healthy, is it ready, and what are its figures.
//!
//! All of it is answered from the last snapshot that the data path gave, at most a second old: a
//! scrape costs the data path nothing.

use std::{io, rc::Rc, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::{net::TcpListener, sync::watch};
use trunkline_protocol::status::RedisState;

use crate::{
    clock::unix_ms,
    defaults::{RECENT_EVERY, STALE},
    metrics,
    status::{Desk, Published},
};

type Latest = watch::Receiver<Option<Arc<Published>>>;

/// Serves the endpoint; returns why it ended.
pub(crate) async fn serve(listener: std::net::TcpListener, desk: &Rc<Desk>) -> io::Error {
    let latest = desk.snapshots(RECENT_EVERY.as_millis() as u64);
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(figures))
        .with_state(latest);
    let serving = async { axum::serve(TcpListener::from_std(listener)?, router).await };
    serving.await.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The data path runs.
async fn healthz(State(latest): State<Latest>) -> (StatusCode, &'static str) {
    match fresh(&latest) {
        Some(_) => (StatusCode::OK, "ok\n"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the data path does not answer\n"),
    }
}

/// It runs, and reaches Redis, so that it can clean up after nodes. It forwards without, too.
async fn readyz(State(latest): State<Latest>) -> (StatusCode, &'static str) {
    match fresh(&latest).map(|published| published.snapshot.relay.redis) {
        Some(RedisState::Up) => (StatusCode::OK, "ok\n"),
        Some(RedisState::Away { .. }) => {
            (StatusCode::SERVICE_UNAVAILABLE, "Redis does not answer\n")
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "the data path does not answer\n"),
    }
}

async fn figures(State(latest): State<Latest>) -> (StatusCode, String) {
    match fresh(&latest) {
        Some(published) => (StatusCode::OK, metrics::render(&published.snapshot)),
        None => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
    }
}

fn fresh(latest: &Latest) -> Option<Arc<Published>> {
    let published = latest.borrow().clone()?;
    let age_ms = unix_ms().saturating_sub(published.snapshot.at_ms);
    (u128::from(age_ms) < STALE.as_millis()).then_some(published)
}
