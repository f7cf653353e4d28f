use std::collections::HashMap;

use trunkline_protocol::status::{AdminCommand, CommandRequest};

use crate::visible;

/// The commands that were given and not answered.
#[derive(Debug, Default)]
pub(super) struct Orders {
    last_id: u64,
    waiting: HashMap<u64, String>,
}

impl Orders {
    /// The command that has an action done.
    pub(super) fn command(&mut self, action: AdminCommand) -> CommandRequest {
        self.last_id += 1;
        self.waiting.insert(self.last_id, in_words(&action));
        CommandRequest { id: self.last_id, action }
    }

    /// What was commanded, in words, once it is answered.
    pub(super) fn answered(&mut self, id: u64) -> Option<String> {
        self.waiting.remove(&id)
    }
}

fn in_words(action: &AdminCommand) -> String {
    match action {
        AdminCommand::Drain { node } => format!("drain {node}"),
        AdminCommand::EndUser { user } => {
            format!("end the sessions of {}", visible::text(user.as_str()))
        }
        AdminCommand::Test { user, .. } => {
            format!("test message to {}", visible::text(user.as_str()))
        }
    }
}
