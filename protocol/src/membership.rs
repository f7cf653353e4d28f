use serde::{Deserialize, Serialize};

use crate::names::{Incarnation, Name};

/// One node in the member list that a relay sends to all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The node's name.
    pub name: Name,
    /// Its current incarnation.
    pub incarnation: Incarnation,
    /// Its state, as the relay judges it.
    pub state: MemberState,
    /// The URL that clients connect to.
    pub url: String,
    /// How many sessions it accepts.
    pub capacity: u32,
    /// How many sessions it had in its last load report.
    pub sessions: u32,
    /// It is registering its users again: until it is done, a look-up may miss them.
    pub rebuilding: bool,
}

/// A node's state, as its relay judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// It is in the directory and has no link yet.
    Joining,
    /// Its link is up and heartbeats arrive.
    Live,
    /// Its link is silent or lost; it is not declared dead yet.
    Suspect,
    /// It is shutting down and accepts no new sessions.
    Draining,
    /// It was declared dead.
    Dead,
    /// It has completed its shutdown.
    Left,
}
