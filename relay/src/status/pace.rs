//! Snapshots at an interval, made once for all who want the same one. Who reads slowly misses
//! some; nobody's snapshots queue up.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use hashbrown::HashMap;
use tokio::{
    sync::watch,
    task,
    time::{self, MissedTickBehavior},
};
use trunkline_protocol::status::{Snapshot, StatusLine};

use super::{Desk, encode};

/// A snapshot, and the line that it is sent as.
#[derive(Debug)]
pub(crate) struct Published {
    /// The snapshot.
    pub(crate) snapshot: Box<Snapshot>,
    /// Its line.
    pub(crate) line: Arc<str>,
}

type Latest = Option<Arc<Published>>;

/// The intervals that someone wants, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Paces(RefCell<HashMap<u64, watch::Sender<Latest>>>);

/// The snapshots of an interval, from the next one on.
pub(super) fn subscribe(desk: &Rc<Desk>, interval_ms: u64) -> watch::Receiver<Latest> {
    let mut paces = desk.paces.0.borrow_mut();
    let pace = paces.entry(interval_ms).or_insert_with(|| {
        let sender = watch::Sender::new(None);
        task::spawn_local(keep(desk.clone(), interval_ms, sender.clone()));
        sender
    });
    let mut receiver = pace.subscribe();
    receiver.mark_unchanged();
    receiver
}

/// Makes snapshots for as long as someone wants them.
async fn keep(desk: Rc<Desk>, interval_ms: u64, sender: watch::Sender<Latest>) {
    let mut every = time::interval(Duration::from_millis(interval_ms));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if sender.receiver_count() == 0 {
            desk.paces.0.borrow_mut().remove(&interval_ms);
            return;
        }
        let Some(snapshot) = desk.snapshot().await else { return };
        sender.send_replace(Some(Arc::new(publish(snapshot))));
    }
}

fn publish(snapshot: Box<Snapshot>) -> Published {
    let line = encode(&StatusLine::Snapshot(snapshot.clone()));
    Published { snapshot, line }
}
