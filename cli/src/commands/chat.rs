//! `chat`: a user in a terminal. Each line of the input is a send; what comes is printed.

mod ending;
mod input;
mod talk;

use anyhow::{Context, Result, bail};
use clap::Args;
use trunkline_client::Client;

use self::{
    ending::{Next, after},
    talk::Talk,
};
use crate::{
    state::{Home, State},
    terminal::{DIM, GOOD, NOTE, Painted, notice, tell},
};

/// What `chat` takes.
#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// Who you are
    user: String,
    /// Where to connect: a node of the local cluster, or a client URL
    node: Option<String>,
}

impl Chat {
    /// Connects, and again whenever the connection ends, until the input does or the node says
    /// that there is no coming back.
    pub(crate) async fn run(self, home: &Home) -> Result<()> {
        let mut urls = self.urls(home)?;
        let mut talk = Talk::new(input::lines());
        loop {
            let ending = match Client::login(&urls[0], &self.user).await {
                Ok(client) => {
                    self.greet(&urls[0]);
                    match talk.over(client).await {
                        Ok(()) => return Ok(()),
                        Err(ending) => ending,
                    }
                }
                Err(ending) => ending,
            };
            match after(&ending) {
                Next::Stop(why) => bail!(why),
                Next::Again { why, wait, elsewhere } => {
                    match elsewhere.filter(|url| *url != urls[0]) {
                        Some(url) => urls.insert(0, url),
                        None => urls.rotate_left(1),
                    }
                    notice(NOTE, &format!("{why}; trying {} in {} ms", urls[0], wait.as_millis()));
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Where to try, the first first.
    fn urls(&self, home: &Home) -> Result<Vec<String>> {
        if let Some(url) = self.node.as_ref().filter(|node| node.contains("://")) {
            return Ok(vec![url.clone()]);
        }
        let nodes = State::running(home)?.nodes;
        let first = match &self.node {
            Some(name) => nodes.iter().position(|node| node.name == *name),
            None => (!nodes.is_empty()).then_some(0),
        };
        let first = first.with_context(|| {
            let names: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
            format!("there is no such node: choose one of {}", names.join(", "))
        })?;
        let mut urls: Vec<_> = nodes.into_iter().map(|node| node.url).collect();
        urls.rotate_left(first);
        Ok(urls)
    }

    fn greet(&self, url: &str) {
        notice(GOOD, &format!("connected to {url} as {}", self.user));
        let how = "type: bob hello   (Ctrl-D ends)";
        tell(format_args!("    {}", Painted(DIM, how)));
    }
}
