//! What the state knows about one link.

use std::rc::Rc;

use trunkline_protocol::{Name, control::Hello};

use super::link_control::LinkControl;
use crate::switch::Port;

/// One link.
#[derive(Debug)]
pub(super) struct LinkRecord {
    /// The node's name, from its certificate.
    pub(super) name: Name,
    /// The first message of the node.
    pub(super) hello: Hello,
    /// Its lanes in the switch.
    pub(super) port: Rc<Port>,
    pub(super) control: LinkControl,
    /// When it was opened, in Unix milliseconds.
    pub(super) opened_at_ms: u64,
    /// It is admitted, and nothing has decided to close it.
    pub(super) is_up: bool,
}
