use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies a series of values that only grows at its end. A cache that was filled from one lineage
/// may append to it, and says nothing of another: of the live state after a recording was opened, or
/// of a history whose newest part was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lineage(u64);

impl Default for Lineage {
    /// A lineage that is unlike any other in this process.
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lineages_are_equal() {
        assert_ne!(Lineage::default(), Lineage::default());
    }
}
