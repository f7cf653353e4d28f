use std::collections::VecDeque;

use trunkline_protocol::User;

use crate::defaults::LOOK_UPS_MAX;

/// The users that the directory is asked for.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    queue: VecDeque<User>,
    in_flight: usize,
    /// How many there were since the process started.
    pub(super) total: u64,
}

impl LookUps {
    pub(super) fn push(&mut self, user: User) {
        self.total += 1;
        self.queue.push_back(user);
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The users to ask for now. [`Self::answered`] has to follow for each.
    pub(super) fn take(&mut self) -> Vec<User> {
        let count = self.queue.len().min(LOOK_UPS_MAX - self.in_flight);
        self.in_flight += count;
        self.queue.drain(..count).collect()
    }

    pub(super) fn answered(&mut self) {
        self.in_flight -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_in_flight_are_bounded() {
        let mut look_ups = LookUps::default();
        for _ in 0..=LOOK_UPS_MAX {
            look_ups.push("bob".parse().unwrap());
        }
        assert_eq!(look_ups.take().len(), LOOK_UPS_MAX);
        assert!(look_ups.take().is_empty() && look_ups.has_queued());
        look_ups.answered();
        assert_eq!(look_ups.take().len(), 1);
        assert_eq!(look_ups.total, LOOK_UPS_MAX as u64 + 1);
    }
}
