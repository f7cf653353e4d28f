use std::rc::Rc;

/// A connection slot: taken at the upgrade, free again when the socket is closed.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    _token: Rc<()>,
}

/// The connection slots of this node.
#[derive(Debug)]
pub(crate) struct ConnectionSlots {
    capacity: usize,
    token: Rc<()>,
    /// How many connections found none free.
    pub(super) refused: u64,
}

impl ConnectionSlots {
    pub(super) fn new(capacity: u32) -> Self {
        Self { capacity: capacity as usize, token: Rc::new(()), refused: 0 }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        Rc::strong_count(&self.token) - 1
    }

    /// Takes one, unless all are taken.
    pub(crate) fn acquire(&mut self) -> Option<ConnectionSlot> {
        if self.taken() < self.capacity {
            return Some(ConnectionSlot { _token: self.token.clone() });
        }
        self.refused += 1;
        None
    }

    /// Refuses every further connection.
    pub(crate) fn close(&mut self) {
        self.capacity = 0;
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.capacity == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_slot_is_free_again() {
        let mut slots = ConnectionSlots::new(1);
        let first = slots.acquire().expect("one is free");
        assert!(slots.acquire().is_none());
        assert_eq!((slots.taken(), slots.refused), (1, 1));
        drop(first);
        assert!(slots.acquire().is_some());
    }

    #[test]
    fn closed_slots_refuse_everyone_and_keep_those_taken() {
        let mut slots = ConnectionSlots::new(2);
        let _first = slots.acquire().expect("two are free");
        slots.close();
        assert!(slots.are_closed() && slots.acquire().is_none());
        assert_eq!(slots.taken(), 1);
    }
}
