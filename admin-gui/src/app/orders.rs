use std::collections::HashMap;

use trunkline_protocol::status::{Action, Command};

use crate::visible;

/// The commands that were given and not answered.
#[derive(Debug, Default)]
pub(super) struct Orders {
    last_id: u64,
    waiting: HashMap<u64, String>,
}

impl Orders {
    /// The command that has an action done.
    pub(super) fn command(&mut self, action: Action) -> Command {
        self.last_id += 1;
        self.waiting.insert(self.last_id, in_words(&action));
        Command { id: self.last_id, action }
    }

    /// What was commanded, in words, once it is answered.
    pub(super) fn answered(&mut self, id: u64) -> Option<String> {
        self.waiting.remove(&id)
    }
}

fn in_words(action: &Action) -> String {
    match action {
        Action::Drain { node } => format!("drain {node}"),
        Action::EndUser { user } => format!("end the sessions of {}", visible::text(user.as_str())),
        Action::Test { user, .. } => format!("test message to {}", visible::text(user.as_str())),
    }
}
