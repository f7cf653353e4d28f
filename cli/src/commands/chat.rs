//! `chat`: a user in a terminal. Each input line is a send; messages and receipts are printed.

mod conversation;
mod input;
mod reconnect;

use anyhow::{Context, Result, bail};
use clap::Args;
use trunkline_client::Client;

use self::{
    conversation::Conversation,
    reconnect::{AfterEnd, after},
};
use crate::{
    state::{ClusterState, Home},
    terminal::{DIM, GOOD, NOTE, Painted, notice, tell},
};

/// What `chat` takes.
#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// The user to log in as
    user: String,
    /// A node of the local cluster, or a client URL; the default is the first node
    node: Option<String>,
}

impl Chat {
    /// Connects, and again whenever the connection ends, until the input ends or the node closes for
    /// good.
    pub(crate) async fn run(self, home: &Home) -> Result<()> {
        let mut urls = self.urls(home)?;
        let mut conversation = Conversation::new(input::lines());
        loop {
            let error = match Client::login(&urls[0], &self.user).await {
                Ok(client) => {
                    self.greet(&urls[0]);
                    match conversation.run(client).await {
                        Ok(()) => return Ok(()),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            match after(&error) {
                AfterEnd::Stop(why) => bail!(why),
                AfterEnd::Again { why, wait, elsewhere } => {
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

    /// The URLs to try, in order.
    fn urls(&self, home: &Home) -> Result<Vec<String>> {
        if let Some(url) = self.node.as_ref().filter(|node| node.contains("://")) {
            return Ok(vec![url.clone()]);
        }
        let nodes = ClusterState::running(home)?.nodes;
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
