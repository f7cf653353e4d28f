use std::{collections::HashMap, hash::Hash, time::Instant};

use crate::defaults::RESORT_INTERVAL;

/// The order of a list that is sorted by changing values. It changes at most once per
/// [`RESORT_INTERVAL`], and never under the pointer: a click hits the row that it was meant for.
#[derive(Debug)]
pub(super) struct SteadyOrder<S, K> {
    sorting: Option<S>,
    sorted_at: Option<Instant>,
    ranks: HashMap<K, usize>,
}

impl<S, K> Default for SteadyOrder<S, K> {
    fn default() -> Self {
        Self { sorting: None, sorted_at: None, ranks: HashMap::new() }
    }
}

impl<S: PartialEq, K: Eq + Hash> SteadyOrder<S, K> {
    /// Brings `rows`, which are sorted by `sorting`, into the order to show. They keep their new order
    /// if the operator has chosen another sorting, or if the last change is long enough ago and the
    /// pointer is elsewhere. Rows that are new stand last until then.
    pub(super) fn apply<R>(
        &mut self,
        rows: &mut [R],
        (sorting, key): (S, impl Fn(&R) -> K),
        is_pointed_at: bool,
        now: Instant,
    ) {
        let is_due = self.sorted_at.is_none_or(|at| now >= at + RESORT_INTERVAL);
        if self.sorting.as_ref() == Some(&sorting) && (is_pointed_at || !is_due) {
            rows.sort_by_cached_key(|row| self.ranks.get(&key(row)).copied().unwrap_or(usize::MAX));
            return;
        }
        self.sorting = Some(sorting);
        self.sorted_at = Some(now);
        self.ranks = rows.iter().enumerate().map(|(rank, row)| (key(row), rank)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_places_under_the_pointer_and_for_a_second() {
        let (mut order, start) = (SteadyOrder::default(), Instant::now());
        let mut shown = |rows: [char; 3], sorting, is_pointed_at, ms| {
            let mut rows = rows;
            let now = start + RESORT_INTERVAL * ms / 1_000;
            order.apply(&mut rows, (sorting, |row: &char| *row), is_pointed_at, now);
            rows
        };
        assert_eq!(shown(['a', 'b', 'c'], 1, false, 0), ['a', 'b', 'c']);
        assert_eq!(shown(['c', 'b', 'a'], 1, false, 999), ['a', 'b', 'c']);
        assert_eq!(shown(['c', 'b', 'a'], 1, true, 5_000), ['a', 'b', 'c']);
        assert_eq!(shown(['d', 'b', 'a'], 1, true, 5_000), ['a', 'b', 'd'], "new rows are last");
        assert_eq!(shown(['c', 'b', 'a'], 2, true, 5_000), ['c', 'b', 'a'], "another sorting");
        assert_eq!(shown(['b', 'c', 'a'], 2, false, 6_000), ['b', 'c', 'a']);
    }
}
