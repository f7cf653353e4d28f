//! The link to the relay: dialled, welcomed, kept alive, and dialled again when it is lost.

mod control;
mod dial;
mod error;
mod lanes;
#[cfg(test)]
mod tests;

pub(crate) use control::{LinkControl, RelayCommand};
pub use error::NameTaken;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::{task::JoinSet, time};
use tracing::{Instrument as _, Span, field, info, info_span, warn};
use trunkline_link::{Dialer, close_code};
use trunkline_ops::{DialAddress, LogThrottle};

use self::{dial::Connected, error::LinkError};
use crate::defaults::{REDIAL_MAX, REDIAL_MIN};

/// The link, over one connection after the other.
pub(crate) struct RelayLink {
    dialer: Dialer,
    relay: DialAddress,
    control: LinkControl,
    /// Keeps a relay that is away from filling the log.
    log_throttle: LogThrottle,
    /// The loss of the last link was logged, so the next link is logged too.
    loss_logged: bool,
}

impl RelayLink {
    pub(crate) fn new(dialer: Dialer, relay: DialAddress, control: LinkControl) -> Self {
        Self { dialer, relay, control, log_throttle: LogThrottle::new(), loss_logged: true }
    }

    /// Keeps a link to the relay until the bye was sent on it.
    ///
    /// # Errors
    /// If another living process has this node's name.
    pub(crate) async fn run(mut self) -> Result<(), NameTaken> {
        let mut pauses = redial_pauses();
        loop {
            let span = info_span!("link", relay = %self.relay, id = field::Empty);
            let linked = self.run_one().instrument(span).await?;
            if self.control.said_bye {
                return Ok(());
            }
            if linked {
                pauses = redial_pauses();
            }
            time::sleep(pauses.next().expect("the back-off never ends")).await;
        }
    }

    /// Dials, and serves the link to its end. Returns whether there was one.
    async fn run_one(&mut self) -> Result<bool, NameTaken> {
        let dialled = dial::dial(&self.dialer, &self.relay, || self.control.hello()).await;
        let (linked, error) = match dialled {
            Ok(connected) => (true, self.serve(connected).await),
            Err(error) => (false, error),
        };
        match error.relay_code() {
            _ if self.control.said_bye => return Ok(linked),
            Some(close_code::NAME_TAKEN) => return Err(NameTaken),
            Some(close_code::DECLARED_DEAD) => self.control.command(RelayCommand::Reincarnate),
            _ => {}
        }
        let line = self.log_throttle.admit(&error.to_string());
        self.loss_logged = line.is_some();
        if let Some(line) = line {
            warn!(%error, suppressed = line.suppressed, "no link to the relay: dialling again");
        }
        Ok(linked)
    }

    /// Serves a link to its end, and closes it.
    async fn serve(&mut self, connected: Connected) -> LinkError {
        let Connected { connection, address, mut writer, mut reader, relay } = connected;
        let data_plane = self.control.data_plane.clone();
        let mut tasks = JoinSet::new();
        let lanes = match lanes::open(&connection, &data_plane, &mut tasks).await {
            Ok(lanes) => lanes,
            Err(error) => return error,
        };
        let id = data_plane.turn(|state, now| state.link_up(now, lanes));
        Span::current().record("id", id.0);
        if self.loss_logged {
            info!(name = %relay, %address, "linked");
        }
        let served = self.control.serve(&mut writer, &mut reader, &mut tasks).await;
        let error = served.err().unwrap_or(LinkError::Ended).or_reason_of(&connection);
        let code = error.close_code();
        let reason = if code == close_code::BYE { String::new() } else { error.to_string() };
        connection.close(code, reason.as_bytes());
        data_plane.turn(|state, now| state.link_lost(now, id));
        error
    }
}

/// The pauses before the link is dialled again, each drawn from the upper half of its bound: a relay
/// that comes back meets its nodes one after the other.
fn redial_pauses() -> impl Iterator<Item = Duration> {
    // backon adds up to as much again, from a seed that would be the same in every process.
    ExponentialBuilder::new()
        .with_min_delay(REDIAL_MIN / 2)
        .with_max_delay(REDIAL_MAX / 2)
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(fastrand::u64(..))
        .build()
}
