//! Sessions that a login on another node replaces, where a user may have one session only.
//!
//! The other node says so by a notice. A node that was taken over could end anyone's sessions by it, so
//! that a notice is obeyed only if the directory has the user where the notice came from.

use smallvec::SmallVec;
use trunkline_directory::Location;
use trunkline_protocol::{Incarnation, User};

use super::delivery::SessionKey;
use crate::defaults::REPLACEMENTS_MAX;

/// Sessions that are to end if the directory agrees.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) user: User,
    /// The node where the user has logged in.
    origin: Incarnation,
    /// The sessions that the user had when the notice came. Later ones are not replaced by it.
    sessions: SmallVec<[SessionKey; 1]>,
}

/// The replacements that the directory has yet to be asked about.
#[derive(Debug, Default)]
pub(super) struct Replacements(Vec<Replacement>);

impl Replacements {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that `origin` says that these sessions of `user` are replaced. Of too many at once, the
    /// rest is forgotten: the sessions stay until the user's next login.
    pub(super) fn note(
        &mut self,
        user: User,
        origin: Incarnation,
        sessions: SmallVec<[SessionKey; 1]>,
    ) {
        if self.0.len() < REPLACEMENTS_MAX {
            self.0.push(Replacement { user, origin, sessions });
        }
    }

    pub(super) fn take(&mut self) -> Vec<Replacement> {
        std::mem::take(&mut self.0)
    }
}

impl Replacement {
    /// The sessions that end if the directory has found the user at these locations.
    pub(super) fn sessions_to_end(&self, found: &[Location]) -> &[SessionKey] {
        let agrees = found.iter().any(|(_, incarnation)| *incarnation == self.origin);
        if agrees { &self.sessions } else { &[] }
    }
}
