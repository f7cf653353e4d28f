use std::path::PathBuf;

use trunkline_protocol::{Name, status::AdminCommand};

use crate::{clock::Clock, escape, format::plural, state::ClusterStatus};

/// A dialog that is open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dialog {
    /// Confirm a command.
    Confirm {
        /// The command.
        action: AdminCommand,
        /// What it does, in words.
        consequence: String,
        /// The nodes that a test message can be sent from.
        nodes: Vec<Name>,
    },
    /// Choose the path that a recording is saved to.
    Save(String),
    /// Choose the path of the recording to open.
    Open(String),
    /// Read which keys there are.
    Keys,
}

impl Dialog {
    /// The dialog that confirms a command.
    pub(crate) fn confirm(action: AdminCommand, status: &ClusterStatus) -> Self {
        let consequence = match &action {
            AdminCommand::Drain { node } => {
                let users = status.node(node).map_or(0, |(node, _)| node.load.users);
                let others = status.present().filter(|other| other.name != *node);
                let free = others.map(|other| other.capacity.saturating_sub(other.load.slots));
                format!(
                    "The node takes no new sessions, tells its {} to reconnect elsewhere, and \
                     leaves the cluster. The other nodes have {}.",
                    plural(users.into(), "user"),
                    plural(free.map(u64::from).sum(), "free slot")
                )
            }
            AdminCommand::EndUser { .. } => "Closes every session of this user, on every node, \
                                             with close code 4010. The user can log in again at \
                                             any time."
                .into(),
            AdminCommand::Test { user, .. } => format!(
                "The sessions of {} receive a message that is marked as a test. It is traced hop \
                 by hop to its outcome.",
                escape::text(user.as_str())
            ),
        };
        let nodes = status.present().map(|node| node.name.clone()).collect();
        Self::Confirm { action, consequence, nodes }
    }

    /// The dialog that saves a recording. It proposes a name by the relay and the shown moment.
    pub(crate) fn save(status: &ClusterStatus, clock: &Clock) -> Self {
        let (relay, at_ms) = (&status.snapshot.relay.name, status.snapshot.at_ms);
        let time = clock.file_stamp(at_ms);
        Self::Save(in_home(&format!("trunkline-{relay}-{time}.jsonl")))
    }

    /// The dialog that opens a recording.
    pub(crate) fn open() -> Self {
        Self::Open(in_home("trunkline-"))
    }
}

fn in_home(file: &str) -> String {
    let home: PathBuf = std::env::home_dir().unwrap_or_default();
    home.join(file).display().to_string()
}
