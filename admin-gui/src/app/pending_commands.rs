use std::collections::HashMap;

use trunkline_protocol::status::{AdminCommand, CommandRequest};

use crate::escape;

/// The commands that the relay has not answered yet.
#[derive(Debug, Default)]
pub(super) struct PendingCommands {
    last_id: u64,
    actions: HashMap<u64, AdminCommand>,
}

impl PendingCommands {
    /// The request for a command, under an id of its own.
    pub(super) fn request(&mut self, action: AdminCommand) -> CommandRequest {
        self.last_id += 1;
        self.actions.insert(self.last_id, action.clone());
        CommandRequest { id: self.last_id, action }
    }

    /// Removes a command that was answered, or could not be sent.
    pub(super) fn remove(&mut self, id: u64) -> Option<AdminCommand> {
        self.actions.remove(&id)
    }
}

/// What a command does, in a few words.
pub(super) fn describe(action: &AdminCommand) -> String {
    match action {
        AdminCommand::Drain { node } => format!("drain {node}"),
        AdminCommand::EndUser { user } => format!("disconnect {}", escape::text(user.as_str())),
        AdminCommand::Test { user, .. } => {
            format!("test message to {}", escape::text(user.as_str()))
        }
    }
}
