//! What the data path does by the clock.

use std::convert::Infallible;

use tokio::time::{self, MissedTickBehavior};
use trunkline_certs::{Credentials, defaults::EXPIRY_CHECK_EVERY};
use trunkline_protocol::status::EventKind;

use crate::{
    defaults::{MEMBERS_EVERY, MEMBERS_GATHER, REJECTION_EVENT_EVERY, TICK, TICK_WHILE_PROBING},
    state::{RelayState, SharedState},
};

/// Announces the membership to the nodes: soon after a state changes, and once a second if only
/// numbers of sessions do.
pub(crate) async fn announce_members(shared: &SharedState) -> Infallible {
    let mut every = time::interval(MEMBERS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.members_changed() => time::sleep(MEMBERS_GATHER).await,
            _ = every.tick() => {
                if !shared.query(|state| state.sessions_changed) {
                    continue;
                }
            }
        }
        shared.apply(|state, _| state.announce_members());
    }
}

/// Runs the clock of liveness.
pub(crate) async fn run_clock(shared: &SharedState) -> Infallible {
    let mut refill = time::interval(REJECTION_EVENT_EVERY);
    loop {
        shared.apply(RelayState::tick);
        let is_probing = shared.query(|state| state.liveness.is_probing());
        let pause = if is_probing { TICK_WHILE_PROBING } else { TICK };
        tokio::select! {
            () = time::sleep(pause) => {}
            _ = refill.tick() => shared.apply(|state, _| state.refill_rejection_events()),
        }
    }
}

/// Warns while the relay's own certificate is about to expire.
pub(crate) async fn watch_certificate(
    shared: &SharedState,
    credentials: &Credentials,
) -> Infallible {
    let mut every = time::interval(EXPIRY_CHECK_EVERY);
    loop {
        every.tick().await;
        if let Some(days) = credentials.expires_soon() {
            let subject = credentials.identity().to_string();
            let kind = EventKind::CertificateEnding { subject, days };
            shared.apply(|state, _| state.report(None, kind));
        }
    }
}
