//! What operators ask of the data path.

use std::rc::Rc;

use tokio::task;
use tracing::info;
use trunkline_protocol::{
    Name, User,
    control::ToNode,
    status::{AdminCommand, EventKind},
};

use crate::{
    hub::Hub,
    side::{Ask, Done},
};

impl Hub {
    /// Answers what the status side asks.
    pub(crate) fn answer(self: &Rc<Self>, ask: Ask) {
        // Who asked may have gone away since; then nobody needs the answer.
        match ask {
            Ask::Snapshot(answer) => drop(answer.send(Box::new(self.snapshot()))),
            Ask::Act { who, action, answer } => {
                let hub = self.clone();
                task::spawn_local(async move { answer.send(hub.act(&who, action).await) });
            }
        }
    }

    async fn act(&self, who: &str, action: AdminCommand) -> Done {
        let command = match &action {
            AdminCommand::Drain { node } => format!("drain {node}"),
            AdminCommand::EndUser { user } => format!("end {user}"),
            AdminCommand::Test { user, node: None } => format!("test {user}"),
            AdminCommand::Test { user, node: Some(node) } => format!("test {user} from {node}"),
        };
        info!(who, command, "an operator gave a command");
        self.tell(None, EventKind::Commanded { command: format!("{who}: {command}") });
        match action {
            AdminCommand::Drain { node } => self.drain(&node).map(|()| None),
            AdminCommand::EndUser { user } => self.end_user(&user).map(|()| None),
            AdminCommand::Test { user, node } => {
                let from = who.parse().map_err(|_| format!("{who} cannot be a sender"))?;
                self.test(from, user, node).await.map(Some)
            }
        }
    }

    fn drain(&self, node: &Name) -> Result<(), String> {
        let links = self.links.borrow();
        let link = links.values().find(|link| link.name == *node && link.is_up());
        link.ok_or_else(|| format!("the node {node} has no link to this relay"))?
            .say(&ToNode::Drain);
        Ok(())
    }

    fn end_user(&self, user: &User) -> Result<(), String> {
        let links = self.links.borrow();
        let mut up = links.values().filter(|link| link.is_up()).peekable();
        up.peek().ok_or("no node has a link to this relay")?;
        up.for_each(|link| link.say(&ToNode::EndUser { user: user.clone() }));
        Ok(())
    }
}
