use trunkline_protocol::{Incarnation, Outcome, User};

/// A message that custody carries without looking into it.
pub trait Letter {
    /// The bytes it holds, for the bound on what is pending.
    fn bytes(&self) -> usize;
    /// The session that sent it: order is kept among the messages of one.
    fn sender(&self) -> u64;
}

/// What custody asks of the world around it. Nothing here calls back into custody.
pub trait Environment<L> {
    /// Whether `incarnation` is this node, now or before.
    fn is_here(&self, incarnation: Incarnation) -> bool;
    /// Gives the message to this node's own sessions of `to`.
    fn deliver_here(&mut self, seq: u64, to: &User, message: &L) -> LocalDelivery;
    /// Puts the message into a batch to another node.
    fn forward(&mut self, node: Incarnation, seq: u64, message: &L) -> Forwarded;
    /// Asks the directory for the nodes of `user`. Exactly one answer comes, later.
    fn look_up(&mut self, user: &User);
    /// Whether some node is rebuilding its part of the directory, so that a miss says little.
    fn rebuilding(&self) -> bool;
    /// The send has come to its outcome. Called exactly once for each accepted send.
    fn tell(&mut self, ended: Ended<'_, L>);
    /// Custody is done with the message. Called exactly once for each accepted send, in the end.
    fn recycle(&mut self, message: L);
}

/// Where a branch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this node's own sessions.
    LocalDelivery,
    /// To another node.
    Node(Incarnation),
}

/// What became of a message for this node's own sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalDelivery {
    /// The user has no session here.
    Nobody,
    /// The buffer of every session of the user is full.
    Full,
    /// It waits for a socket to take it; the answer comes later.
    Waiting,
}

/// What became of a message for another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// It stands in a batch on a lane. Batches are numbered in the order they are handed to QUIC.
    InBatch {
        /// The lane's index.
        lane: u8,
        /// The batch's number.
        batch: u32,
    },
    /// The lane's buffer is full.
    Full,
    /// There is no link.
    NoLink,
}

/// A send that has come to its outcome.
#[derive(Debug)]
pub struct Ended<'a, L> {
    /// Its number.
    pub seq: u64,
    /// The message.
    pub message: &'a L,
    /// Its one outcome.
    pub outcome: Outcome,
    /// How many of the recipient's sessions or nodes did not get what others did, as far as is
    /// known by now.
    pub missed: u32,
}
