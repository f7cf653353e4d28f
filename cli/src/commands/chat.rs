//! `chat`: a user in a terminal. Each input line is a send; messages and receipts are printed.

mod conversation;
mod input;
mod output;
mod reconnect;

use anyhow::{Context, Result, bail};
use clap::Args;
use trunkline_client::Client;

use self::{
    conversation::Conversation,
    input::ChatInput,
    reconnect::{AfterEnd, after},
};
use crate::{
    state::{ClusterState, Home},
    terminal::{GOOD, NOTE},
};

/// What `chat` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example: trunkline chat alice node-1, then type: bob hello")]
pub(crate) struct Chat {
    /// The user to log in as
    user: String,
    /// A node of the local cluster, or a client URL; the default is the first node
    node: Option<String>,
}

/// A node that may be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ChatNode {
    name: String,
    url: String,
}

impl ChatNode {
    /// A node of which only the URL is known.
    fn at(url: &str) -> Self {
        let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next());
        Self { name: host.unwrap_or(url).to_owned(), url: url.to_owned() }
    }
}

impl Chat {
    /// Connects, and again whenever the connection ends, until the input ends or the node closes for
    /// good.
    pub(crate) async fn run(self, home: &Home) -> Result<()> {
        let mut nodes = self.nodes(home)?;
        let mut conversation = Conversation::new(ChatInput::open(&self.user)?);
        loop {
            let error = match Client::login(&nodes[0].url, &self.user).await {
                Ok(client) => {
                    let ChatNode { name, url } = &nodes[0];
                    let how = "type: bob hello   (/help, Ctrl-D ends)";
                    let greeting = format!("connected to {name} at {url} as {}; {how}", self.user);
                    conversation.notice(GOOD, &greeting);
                    match conversation.run(client).await {
                        Ok(()) => return Ok(()),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            match after(&error, &nodes[0].name) {
                AfterEnd::Stop(why) => bail!(why),
                AfterEnd::Again { why, wait, elsewhere } => {
                    match elsewhere.filter(|url| *url != nodes[0].url) {
                        Some(url) => put_first(&mut nodes, &url),
                        None => nodes.rotate_left(1),
                    }
                    let next =
                        format!("{why}; trying {} in {} ms", nodes[0].name, wait.as_millis());
                    conversation.notice(NOTE, &next);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// The nodes to try, in order.
    fn nodes(&self, home: &Home) -> Result<Vec<ChatNode>> {
        if let Some(url) = self.node.as_ref().filter(|node| node.contains("://")) {
            return Ok(vec![ChatNode::at(url)]);
        }
        let running = ClusterState::running(home)?.nodes.into_iter();
        let mut nodes: Vec<_> =
            running.map(|node| ChatNode { name: node.name, url: node.url }).collect();
        let first = match &self.node {
            Some(name) => nodes.iter().position(|node| node.name == *name),
            None => (!nodes.is_empty()).then_some(0),
        };
        let first = first.with_context(|| {
            let names: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
            format!("there is no such node: choose one of {}", names.join(", "))
        })?;
        nodes.rotate_left(first);
        Ok(nodes)
    }
}

/// Puts the node with this URL first. It may have started after the others were listed.
fn put_first(nodes: &mut Vec<ChatNode>, url: &str) {
    match nodes.iter().position(|node| node.url == url) {
        Some(at) => nodes.rotate_left(at),
        None => nodes.insert(0, ChatNode::at(url)),
    }
}
