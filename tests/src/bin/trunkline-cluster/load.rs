//! `load`: users who send one another messages on the running cluster, for someone to watch.

mod crowd;
mod screen;

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::time::{Instant, sleep_until};
use trunkline_ops::stop_signal;

use self::{crowd::Crowd, screen::Screen};
use crate::state::{Home, State};

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
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(64..=60_000))]
    body: u32,
    /// End after so long, instead of at Ctrl-C
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

impl Load {
    /// Keeps them talking until Ctrl-C or the time is up.
    pub(crate) async fn run(self, home: &Home) -> Result<()> {
        State::running(home)?;
        let until = self.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut screen = Screen::new(self.users);
        let mut crowd = Crowd::gather(self, home.clone());
        let mut interrupted = std::pin::pin!(stop_signal()?);
        loop {
            tokio::select! {
                biased;
                () = &mut interrupted => break,
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => break,
                look = crowd.next() => match look? {
                    Some(look) => screen.show(&look),
                    None => break,
                },
            }
        }
        screen.sum_up();
        Ok(())
    }
}
