use std::ops::RangeInclusive;

use trunkline_protocol::{Incarnation, Outcome, User};

use super::branch::{BranchResult, RelayLinkId};

/// A message that custody carries without looking into it.
pub trait Payload {
    /// The bytes it holds, for the bound on what is pending.
    fn bytes(&self) -> usize;
    /// The session that sent it. Custody keeps the order of one sender's messages.
    fn sender(&self) -> u64;
}

/// The effects that custody has. No method calls back into custody.
pub trait Environment<P> {
    /// Whether `incarnation` is this process: its current incarnation or a former one.
    fn is_here(&self, incarnation: Incarnation) -> bool;
    /// Puts the message into the buffers of this node's own sessions of `to`.
    fn deliver_here(&mut self, seq: u64, to: &User, message: &P) -> LocalDelivery;
    /// Puts the message into a batch to another node.
    fn forward(&mut self, node: Incarnation, seq: u64, message: &P) -> Forwarded;
    /// Asks the directory for the nodes of `user`. [`super::Custody::routed`] follows exactly once,
    /// after this call has returned.
    fn look_up(&mut self, user: &User);
    /// Whether some node is still re-registering its users, so that a miss proves nothing.
    fn rebuilding(&self) -> bool;
    /// Reports a send's outcome. Called exactly once for each accepted send.
    fn report(&mut self, report: OutcomeReport<'_, P>);
    /// Takes back the message of a send that has ended. Called exactly once for each accepted send,
    /// after [`Self::report`].
    fn recycle(&mut self, message: P);
}

/// What happened to a message for this node's own sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalDelivery {
    /// The user has no session here.
    Nobody,
    /// The buffer of every session of the user is full.
    Full,
    /// It waits in a buffer for its socket; [`super::Custody::answered`] follows.
    Waiting,
}

/// What happened to a message for another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// It is in a batch. Batches are numbered in the order in which a lane hands them to QUIC.
    InBatch {
        /// The link that the batch goes by.
        link: RelayLinkId,
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

/// A batch that a relay has sent back: none of its messages was handed to the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedBatch {
    /// The link that the batch went by, and the refusal came by.
    pub link: RelayLinkId,
    /// The node that the batch was for.
    pub destination: Incarnation,
    /// The batch's number.
    pub number: u32,
    /// The lowest and the highest number among its messages.
    pub seqs: RangeInclusive<u64>,
    /// Why it was refused.
    pub result: BranchResult,
}

/// The outcome of a send, for its sender.
#[derive(Debug)]
pub struct OutcomeReport<'a, P> {
    /// The send's number.
    pub seq: u64,
    /// The message.
    pub message: &'a P,
    /// Its one outcome.
    pub outcome: Outcome,
    /// How many of the recipient's sessions or nodes did not get what others did, as far as is
    /// known by now.
    pub missed: u32,
}
