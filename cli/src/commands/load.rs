//! `load`: users who send one another messages on the running cluster.

mod body;
mod display;
mod pacer;
mod tally;
mod users;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use clap::Args;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use trunkline_ops::{raise_open_files, stop_signal};

use self::{
    body::BODY_BYTES_MIN, display::LoadDisplay, pacer::Pacer, tally::SharedTally, users::Users,
};
use crate::{
    defaults::{LOAD_OUTCOMES_WITHIN, LOAD_REPORT_EVERY},
    state::{ClusterState, Home},
};

/// What `load` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Load {
    /// How many users log in, over all nodes
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    users: u32,
    /// How many messages a second they send in all
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How long a message's body is, in bytes
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(BODY_BYTES_MIN..=60_000))]
    body: u32,
    /// End after this many seconds, instead of at Ctrl-C
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

impl Load {
    /// Runs until Ctrl-C or until the time is up.
    pub(crate) async fn run(self, home: &Home) -> Result<()> {
        ClusterState::running(home)?;
        raise_open_files(u64::from(self.users));
        let until = self.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let start = Instant::now();
        let tally = SharedTally::new(start);
        let mut users = Users::new(home, self.body as usize, &tally);
        let mut display = LoadDisplay::new(self.users);
        let mut interrupted = std::pin::pin!(stop_signal()?);
        let ended = tokio::select! {
            biased;
            () = &mut interrupted => Ok(()),
            () = sleep_until(until.unwrap_or(start)), if until.is_some() => Ok(()),
            ended = self.generate(&mut users, &tally, &mut display) => ended,
        };
        // The users go on reading. Without this, the balance would lack the last outcomes.
        let _ = timeout(LOAD_OUTCOMES_WITHIN, tally.settled()).await;
        display.sum_up(&tally.report().counts);
        ended
    }

    /// Logs the users in, and lets them send until the cluster is stopped.
    async fn generate(
        &self,
        users: &mut Users,
        tally: &SharedTally,
        display: &mut LoadDisplay,
    ) -> Result<()> {
        let names = names(self.users);
        let queues = users.log_in(&names).await?;
        let pacer = Pacer::new(self.rate, tally.start(), &names, queues);
        let mut sending = std::pin::pin!(pacer.run());
        let mut reports = interval(LOAD_REPORT_EVERY);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        reports.tick().await;
        loop {
            tokio::select! {
                biased;
                _ = reports.tick() => display.show(&tally.report()),
                ended = users.next_end() => return ended,
                _ = &mut sending => {}
            }
        }
    }
}

/// User names that no earlier run had: its entries may still be in the directory.
fn names(count: u32) -> Vec<Arc<str>> {
    let run = fastrand::u16(..);
    (0..count).map(|number| format!("user-{run:04x}-{number}").into()).collect()
}
