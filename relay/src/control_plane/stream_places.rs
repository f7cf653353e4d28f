//! The places for status streams.

use std::collections::HashMap;

use trunkline_certs::{Identity, Role};

use crate::defaults::{
    STATUS_CLIENTS_MAX, STATUS_STREAMS_FOR_VIEWERS, STATUS_STREAMS_PER_NAME_MAX,
};

/// Who has a status stream. Some places are kept for admins, and nobody takes all: a viewer's
/// certificate must not lock an admin out.
#[derive(Debug, Default)]
pub(super) struct StreamPlaces {
    taken: HashMap<Identity, usize>,
}

impl StreamPlaces {
    /// Takes a place for `peer`. Returns the reason if there is none.
    pub(super) fn take(&mut self, peer: &Identity) -> Result<(), &'static str> {
        let all: usize = self.taken.values().sum();
        let viewers = self.taken.iter().filter(|(identity, _)| identity.role == Role::Viewer);
        let viewers: usize = viewers.map(|(_, taken)| taken).sum();
        if self.taken.get(peer).is_some_and(|own| *own >= STATUS_STREAMS_PER_NAME_MAX) {
            return Err("this certificate's name has too many status streams");
        }
        let is_full_for_viewers =
            peer.role == Role::Viewer && viewers >= STATUS_STREAMS_FOR_VIEWERS;
        if all >= STATUS_CLIENTS_MAX || is_full_for_viewers {
            return Err("there are too many status streams");
        }
        *self.taken.entry(peer.clone()).or_default() += 1;
        Ok(())
    }

    /// A stream of `peer` has ended.
    pub(super) fn give_back(&mut self, peer: &Identity) {
        if let Some(taken) = self.taken.get_mut(peer) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(role: Role, number: usize) -> Identity {
        Identity { role, name: format!("name-{number}").parse().unwrap() }
    }

    #[test]
    fn one_name_does_not_take_all_places() {
        let mut places = StreamPlaces::default();
        let admin = identity(Role::Admin, 1);
        for _ in 0..STATUS_STREAMS_PER_NAME_MAX {
            places.take(&admin).unwrap();
        }
        assert!(places.take(&admin).unwrap_err().contains("this certificate's name"));
        places.take(&identity(Role::Admin, 2)).unwrap();
        places.give_back(&admin);
        places.take(&admin).unwrap();
    }

    #[test]
    fn places_are_kept_for_admins() {
        let mut places = StreamPlaces::default();
        let viewers =
            (0..100).filter(|number| places.take(&identity(Role::Viewer, *number)).is_ok());
        assert_eq!(viewers.count(), STATUS_STREAMS_FOR_VIEWERS);
        let admins = (0..100).filter(|number| places.take(&identity(Role::Admin, *number)).is_ok());
        assert_eq!(admins.count(), STATUS_CLIENTS_MAX - STATUS_STREAMS_FOR_VIEWERS);
    }
}
