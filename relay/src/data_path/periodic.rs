//! What the data path does by the clock.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use tokio::time::{self, MissedTickBehavior};
use tracing::warn;
use trunkline_protocol::{Name, status::EventKind};

use crate::{
    defaults::{
        CERTIFICATE_CHECK_EVERY, CERTIFICATE_WARNING, MEMBERS_EVERY, MEMBERS_GATHER,
        REJECTION_EVENT_EVERY, TICK, TICK_WHILE_PROBING,
    },
    state::{RelayState, SharedState},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    name: &Name,
    not_after: SystemTime,
) -> Infallible {
    let mut every = time::interval(CERTIFICATE_CHECK_EVERY);
    loop {
        every.tick().await;
        let left = not_after.duration_since(SystemTime::now()).unwrap_or_default();
        if left < CERTIFICATE_WARNING {
            let (subject, days) = (format!("relay/{name}"), left.as_secs() / DAY.as_secs());
            warn!(subject, days, "the certificate expires soon: issue a new one");
            let kind = EventKind::CertificateEnding { subject, days };
            shared.apply(|state, _| state.report(None, kind));
        }
    }
}
