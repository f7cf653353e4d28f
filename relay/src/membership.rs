//! Telling all nodes about each other.

use std::convert::Infallible;

use bytes::Bytes;
use tokio::time::{self, MissedTickBehavior};
use trunkline_protocol::control::{self, Member, ToNode};

use crate::{
    defaults::{MEMBERS_EVERY, MEMBERS_GATHER},
    hub::Hub,
    link::Link,
    liveness::Seen,
};

/// Tells the nodes about each other: soon after a state changes, and once a second if only the
/// number of someone's sessions did.
pub(crate) async fn keep_telling(hub: &Hub) -> Infallible {
    let mut every = time::interval(MEMBERS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = hub.members_changed.notified() => time::sleep(MEMBERS_GATHER).await,
            _ = every.tick() => {
                if !hub.sessions_changed.get() {
                    continue;
                }
            }
        }
        hub.sessions_changed.set(false);
        hub.epoch.set(hub.epoch.get() + 1);
        let members = members(hub);
        let links = hub.links.borrow();
        links
            .values()
            .filter(|link| link.is_up())
            .for_each(|link| link.say_encoded(members.clone()));
    }
}

impl Hub {
    /// The first words to a node that was let in.
    pub(crate) fn greet(&self, link: &Link) {
        link.say(&ToNode::Welcome { version: control::CONTROL_VERSION, relay: self.name.clone() });
        link.say_encoded(members(self));
    }
}

fn members(hub: &Hub) -> Bytes {
    let roster = hub.roster.borrow();
    let member = |(name, seen): (&_, Seen)| {
        let told = roster.of(seen.incarnation);
        Member {
            name: Clone::clone(name),
            incarnation: seen.incarnation,
            state: seen.state,
            url: told.url,
            capacity: told.capacity,
            sessions: told.load.sessions,
            rebuilding: told.load.rebuilding,
        }
    };
    let members = hub.liveness(|liveness, _| liveness.nodes().into_iter().map(member).collect());
    control::encode(&ToNode::Members { epoch: hub.epoch.get(), members }).into()
}
