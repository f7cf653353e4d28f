//! Sessions that a login on another node replaces, where a user may have one session only.
//!
//! The other node says so by a notice. A node that was taken over could end anyone's sessions by it, so
//! that a notice is obeyed only if the directory has the user where the notice came from.

use smallvec::SmallVec;
use trunkline_directory::Location;
use trunkline_protocol::{Incarnation, User, client::close};

use super::{delivery::SessionKey, state::DataPlaneState};
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

    pub(super) fn take(&mut self) -> Vec<Replacement> {
        std::mem::take(&mut self.0)
    }
}

impl DataPlaneState {
    /// Notes a notice of `origin` that these sessions of `user` are replaced. Of too many at once, the
    /// rest is forgotten: the sessions stay until the user's next login.
    pub(super) fn note_replacement(
        &mut self,
        user: &str,
        origin: Incarnation,
        sessions: SmallVec<[SessionKey; 1]>,
    ) {
        if self.replacements.0.len() < REPLACEMENTS_MAX {
            let user = user.parse().expect("the frame's decoder has checked it");
            self.replacements.0.push(Replacement { user, origin, sessions });
        }
    }

    /// The directory has answered: `found` is where the user is.
    pub(super) fn replace(&mut self, replacement: &Replacement, found: &[Location]) {
        let Replacement { user, origin, sessions } = replacement;
        if !found.iter().any(|(_, incarnation)| incarnation == origin) {
            return;
        }
        for &key in sessions {
            // A session that has ended meanwhile has no user any more.
            if self.user_of(key).as_ref() == Some(user) {
                self.end_session(key, close::REPLACED, "replaced by a newer session elsewhere");
                self.log_out(key);
            }
        }
    }
}
