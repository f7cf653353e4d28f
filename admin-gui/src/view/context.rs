use std::time::Instant;

use trunkline_protocol::Name;

use super::wish::{Wish, Wishes};
use crate::state::{Picture, State};

/// What the views read while one frame is drawn, and where they put the operator's wishes.
#[derive(Clone, Copy)]
pub(crate) struct ViewContext<'a> {
    /// The relay's address.
    pub(crate) relay: &'a str,
    /// Everything that was received.
    pub(crate) state: &'a State,
    /// The cluster at the shown moment.
    pub(crate) picture: &'a Picture,
    /// The selected node.
    pub(crate) selected: Option<&'a Name>,
    /// The file name of the recording that is shown.
    pub(crate) recording: Option<&'a str>,
    /// Whether the operator may send commands to the relay.
    pub(crate) may_act: bool,
    /// The time at which the frame is drawn, by this machine's clock.
    pub(crate) now: Instant,
    /// The operator's input in this frame.
    pub(crate) wishes: &'a Wishes,
}

impl ViewContext<'_> {
    /// Queues a wish until the frame is drawn.
    pub(crate) fn send(&self, wish: Wish) {
        self.wishes.push(wish);
    }
}
