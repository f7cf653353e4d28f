use trunkline_protocol::{
    Incarnation,
    lane::{Receipt, ReceiptStatus},
};

/// The node that has custody of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data_plane) enum Origin {
    /// This one.
    Local,
    /// Another one, in this incarnation.
    Remote(Incarnation),
}

/// A message in a session's buffer, and whom to answer when the socket has taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) origin: Origin,
    /// The message's number at its origin.
    pub(super) seq: u64,
    /// The group it belongs to, if the message went to several sessions.
    pub(super) group: Option<u32>,
    /// The user has logged in on another node lately.
    pub(super) route_stale: bool,
}

impl Ticket {
    /// The receipt that answers for this message.
    pub(super) fn receipt(self, status: ReceiptStatus, missed: u16) -> Receipt {
        Receipt { seq: self.seq, status, route_stale: self.route_stale, missed }
    }
}
