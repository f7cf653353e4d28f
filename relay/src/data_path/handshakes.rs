//! Which handshakes start. The certificate is known only at the end of one, so strangers can begin as
//! many as they like: they must not keep the nodes off the relay.

use std::{cell::RefCell, collections::HashSet, net::IpAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::defaults::{
    HANDSHAKES_KEPT, HANDSHAKES_MAX, HANDSHAKES_UNVALIDATED_MAX, KNOWN_ADDRESSES_MAX,
};

/// What to do with a connection's first packet.
#[derive(Debug)]
pub(super) enum HandshakeDecision {
    /// Start the handshake; the permit is its place.
    Start(OwnedSemaphorePermit),
    /// Have the peer show that it receives at its address (RFC 9000, section 8.1.2). That costs no
    /// memory, and whoever forged the address does not come back.
    Validate,
    /// There is no place.
    Refuse,
}

/// The places for handshakes.
#[derive(Debug)]
pub(super) struct Handshakes {
    places: Arc<Semaphore>,
    /// Addresses that have had a link.
    known: RefCell<HashSet<IpAddr>>,
}

impl Handshakes {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(HANDSHAKES_MAX)), known: RefCell::default() }
    }

    /// Decides about a first packet from `address`, which is `validated` if the peer has shown that it
    /// receives there.
    pub(super) fn decide(&self, address: IpAddr, validated: bool) -> HandshakeDecision {
        let free = self.places.available_permits();
        if !validated && HANDSHAKES_MAX - free >= HANDSHAKES_UNVALIDATED_MAX {
            return HandshakeDecision::Validate;
        }
        if free <= HANDSHAKES_KEPT && !self.known.borrow().contains(&address) {
            return HandshakeDecision::Refuse;
        }
        match self.places.clone().try_acquire_owned() {
            Ok(place) => HandshakeDecision::Start(place),
            Err(_) => HandshakeDecision::Refuse,
        }
    }

    /// A node has a link from `address`: places are kept for its next dial.
    pub(super) fn remember(&self, address: IpAddr) {
        let mut known = self.known.borrow_mut();
        if known.len() < KNOWN_ADDRESSES_MAX {
            known.insert(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// How many handshakes start, until one does not.
    fn start_all(
        handshakes: &Handshakes,
        address: IpAddr,
        validated: bool,
    ) -> Vec<OwnedSemaphorePermit> {
        let start = || match handshakes.decide(address, validated) {
            HandshakeDecision::Start(place) => Some(place),
            _ => None,
        };
        std::iter::from_fn(start).collect()
    }

    #[test]
    fn beyond_a_few_handshakes_the_address_is_validated() {
        let handshakes = Handshakes::new();
        let started = start_all(&handshakes, STRANGER, false);
        assert_eq!(started.len(), HANDSHAKES_UNVALIDATED_MAX);
        assert!(matches!(handshakes.decide(NODE, false), HandshakeDecision::Validate));
        assert!(matches!(handshakes.decide(NODE, true), HandshakeDecision::Start(_)));
        drop(started);
        assert!(matches!(handshakes.decide(NODE, false), HandshakeDecision::Start(_)));
    }

    #[test]
    fn places_are_kept_for_known_addresses() {
        let handshakes = Handshakes::new();
        handshakes.remember(NODE);
        let strangers = start_all(&handshakes, STRANGER, true);
        assert_eq!(strangers.len(), HANDSHAKES_MAX - HANDSHAKES_KEPT);
        assert!(matches!(handshakes.decide(STRANGER, true), HandshakeDecision::Refuse));
        assert_eq!(start_all(&handshakes, NODE, true).len(), HANDSHAKES_KEPT);
    }
}
