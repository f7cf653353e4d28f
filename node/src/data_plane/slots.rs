//! Connection slots: how many connections there may be, and which gives way when all are taken.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

/// A bounded number of slots. While all are taken, the oldest connection without a login gives way
/// to a new one: a client that says nothing keeps no other out.
#[derive(Debug)]
pub(crate) struct ConnectionSlots {
    table: Rc<RefCell<SlotTable>>,
}

#[derive(Debug)]
struct SlotTable {
    capacity: usize,
    taken: usize,
    last_id: u64,
    /// The connections that have not logged in, oldest first, and how to have each give way.
    without_login: BTreeMap<u64, oneshot::Sender<()>>,
    /// New connections, each of which waits for the slot of one that gives way.
    waiting: VecDeque<oneshot::Sender<ConnectionSlot>>,
    refused: u64,
    gave_way: u64,
}

/// A slot that was granted.
#[derive(Debug)]
pub(crate) enum GrantedSlot {
    /// It was free.
    Free(ConnectionSlot),
    /// Another connection has to close its socket first, so that there are never too many.
    Awaited(oneshot::Receiver<ConnectionSlot>),
}

/// A connection slot: taken at the upgrade, free again when the socket is closed.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    table: Rc<RefCell<SlotTable>>,
    id: u64,
    /// Completes when the connection has to give way; `None` once its client has logged in.
    gives_way: Option<oneshot::Receiver<()>>,
}

impl ConnectionSlots {
    /// This many slots, all free.
    pub(crate) fn new(capacity: usize) -> Self {
        let table = SlotTable {
            capacity,
            taken: 0,
            last_id: 0,
            without_login: BTreeMap::new(),
            waiting: VecDeque::new(),
            refused: 0,
            gave_way: 0,
        };
        Self { table: Rc::new(RefCell::new(table)) }
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.table.borrow().taken
    }

    /// How many connections found none.
    pub(crate) fn refused(&self) -> u64 {
        self.table.borrow().refused
    }

    /// How many connections without a login gave way to a new one.
    pub(crate) fn gave_way(&self) -> u64 {
        self.table.borrow().gave_way
    }

    /// Takes a slot. `None` if clients that have logged in hold all of them.
    pub(crate) fn acquire(&self) -> Option<GrantedSlot> {
        let mut table = self.table.borrow_mut();
        if table.taken < table.capacity {
            table.taken += 1;
            drop(table);
            return Some(GrantedSlot::Free(ConnectionSlot::new(&self.table)));
        }
        if table.capacity > 0
            && let Some((_, oldest)) = table.without_login.pop_first()
        {
            table.gave_way += 1;
            let (grant, granted) = oneshot::channel();
            table.waiting.push_back(grant);
            // A connection that is about to end anyway does not listen, and frees its slot as well.
            let _ = oldest.send(());
            return Some(GrantedSlot::Awaited(granted));
        }
        table.refused += 1;
        None
    }

    /// Has the oldest connection without a login give way, and nobody take its slot.
    pub(crate) fn shed_oldest(&self) {
        let mut table = self.table.borrow_mut();
        if let Some((_, oldest)) = table.without_login.pop_first() {
            table.gave_way += 1;
            let _ = oldest.send(());
        }
    }

    /// Refuses every further connection.
    pub(crate) fn close(&self) {
        let mut table = self.table.borrow_mut();
        table.capacity = 0;
        table.waiting.clear();
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.table.borrow().capacity == 0
    }
}

impl GrantedSlot {
    /// Waits until the slot is free. `None` if the slots were closed meanwhile.
    pub(crate) async fn wait(self) -> Option<ConnectionSlot> {
        match self {
            Self::Free(slot) => Some(slot),
            Self::Awaited(slot) => slot.await.ok(),
        }
    }
}

impl ConnectionSlot {
    /// A slot that is counted as taken.
    fn new(table: &Rc<RefCell<SlotTable>>) -> Self {
        let (give_way, gives_way) = oneshot::channel();
        let mut slots = table.borrow_mut();
        slots.last_id += 1;
        let id = slots.last_id;
        slots.without_login.insert(id, give_way);
        Self { table: table.clone(), id, gives_way: Some(gives_way) }
    }

    /// The client has shown who it is: its connection does not give way any more.
    pub(crate) fn keep(&mut self) {
        self.table.borrow_mut().without_login.remove(&self.id);
        self.gives_way = None;
    }

    /// Ready when the connection has to give way. Else has the task of `cx` woken then.
    pub(crate) fn poll_gives_way(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.gives_way {
            Some(gives_way) => Pin::new(gives_way).poll(cx).map(drop),
            None => Poll::Pending,
        }
    }

    /// Waits until the connection has to give way. Cancel-safe.
    pub(crate) async fn gives_way(&mut self) {
        poll_fn(|cx| self.poll_gives_way(cx)).await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let next = {
            let mut table = self.table.borrow_mut();
            table.without_login.remove(&self.id);
            let next = table.waiting.pop_front();
            if next.is_none() {
                table.taken -= 1;
            }
            next
        };
        // If the connection that waited has gone, the slot is dropped, and goes to the next.
        if let Some(next) = next {
            drop(next.send(Self::new(&self.table)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn take(slots: &ConnectionSlots) -> ConnectionSlot {
        match slots.acquire() {
            Some(GrantedSlot::Free(slot)) => slot,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn dropped_slot_is_free_again() {
        let slots = ConnectionSlots::new(1);
        let mut first = take(&slots);
        first.keep();
        assert!(slots.acquire().is_none());
        assert_eq!((slots.taken(), slots.refused()), (1, 1));
        drop(first);
        drop(take(&slots));
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn closed_slots_refuse_everyone_and_keep_those_taken() {
        let slots = ConnectionSlots::new(2);
        let first = take(&slots);
        slots.close();
        assert!(slots.are_closed() && slots.acquire().is_none());
        assert_eq!(slots.taken(), 1);
        drop(first);
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn oldest_without_a_login_gives_way() {
        let slots = ConnectionSlots::new(3);
        let [mut known, mut oldest, mut other] = [0; 3].map(|_| take(&slots));
        known.keep();
        let next = slots.acquire().expect("one gives way");
        assert!(known.gives_way().now_or_never().is_none());
        assert!(oldest.gives_way().now_or_never().is_some());
        assert!(other.gives_way().now_or_never().is_none());

        let mut next = Box::pin(next.wait());
        assert!(next.as_mut().now_or_never().is_none(), "its socket is not closed yet");
        drop(oldest);
        let next = next.now_or_never().expect("it is free").expect("they are open");
        assert_eq!((slots.taken(), slots.gave_way(), slots.refused()), (3, 1, 0));
        drop((known, other, next));
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn shed_connection_leaves_a_free_slot() {
        let slots = ConnectionSlots::new(2);
        let [mut oldest, mut other] = [0; 2].map(|_| take(&slots));
        slots.shed_oldest();
        assert!(other.gives_way().now_or_never().is_none());
        assert!(oldest.gives_way().now_or_never().is_some());
        drop(oldest);
        assert_eq!((slots.taken(), slots.gave_way()), (1, 1));
        other.keep();
        slots.shed_oldest();
        assert_eq!(slots.gave_way(), 1, "a session stays");
    }

    #[test]
    fn slot_is_free_when_the_connection_that_waits_for_it_ends() {
        let slots = ConnectionSlots::new(1);
        let first = take(&slots);
        drop(slots.acquire());
        drop(first);
        assert_eq!(slots.taken(), 0);

        let second = take(&slots);
        let waits = slots.acquire().expect("the second gives way");
        drop(second);
        // The slot has been handed over, and nobody took it.
        drop(waits);
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn connections_that_wait_get_nothing_from_closed_slots() {
        let slots = ConnectionSlots::new(1);
        let first = take(&slots);
        let waits = slots.acquire().expect("the first gives way");
        slots.close();
        drop(first);
        assert!(waits.wait().now_or_never().expect("it ends").is_none());
        assert_eq!(slots.taken(), 0);
    }
}
