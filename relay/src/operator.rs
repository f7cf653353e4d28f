//! What operators ask of the data path.

use tracing::info;
use trunkline_protocol::{
    Name, User,
    control::ToNode,
    status::{Action, EventKind},
};

use crate::{hub::Hub, side::Ask};

impl Hub {
    /// Answers what the status side asks.
    pub(crate) fn answer(&self, ask: Ask) {
        // Who asked may have gone away since; then nobody needs the answer.
        match ask {
            Ask::Snapshot(answer) => drop(answer.send(Box::new(self.snapshot()))),
            Ask::Act { who, action, answer } => drop(answer.send(self.act(&who, &action))),
        }
    }

    fn act(&self, who: &str, action: &Action) -> Result<(), String> {
        let command = match action {
            Action::Drain { node } => format!("drain {node}"),
            Action::EndUser { user } => format!("end {user}"),
        };
        info!(who, command, "an operator gave a command");
        self.tell(None, EventKind::Commanded { command: format!("{who}: {command}") });
        match action {
            Action::Drain { node } => self.drain(node),
            Action::EndUser { user } => self.end_user(user),
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
