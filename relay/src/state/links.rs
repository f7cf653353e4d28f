//! All links, admitted or not.

use std::rc::Rc;

use hashbrown::HashMap;
use trunkline_protocol::{Name, control::Hello};

use super::link_control::LinkControl;
use crate::{liveness::LinkId, switch::Port};

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

/// The links by id.
#[derive(Debug, Default)]
pub(super) struct LinkTable {
    last_id: LinkId,
    links: HashMap<LinkId, LinkRecord>,
}

impl LinkTable {
    pub(super) fn insert(&mut self, link: LinkRecord) -> LinkId {
        self.last_id += 1;
        self.links.insert(self.last_id, link);
        self.last_id
    }

    pub(super) fn remove(&mut self, id: LinkId) -> Option<LinkRecord> {
        self.links.remove(&id)
    }

    pub(super) fn get(&self, id: LinkId) -> Option<&LinkRecord> {
        self.links.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: LinkId) -> Option<&mut LinkRecord> {
        self.links.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &LinkRecord> {
        self.links.values()
    }

    /// The links that are up.
    pub(super) fn up(&self) -> impl Iterator<Item = (LinkId, &LinkRecord)> {
        self.links.iter().filter(|(_, link)| link.is_up).map(|(&id, link)| (id, link))
    }
}
