//! Snapshots at an interval, taken once for all who want the same one. A slow reader misses some;
//! snapshots never queue up.

use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{self, MissedTickBehavior},
};
use trunkline_directory::Directory;
use trunkline_ops::Usage;
use trunkline_protocol::status::{Snapshot, StatusLine};

use super::{request::ControlRequest, status_line::encode_line};
use crate::supervise::joined;

/// A snapshot, and the line that it is sent as.
#[derive(Debug)]
pub(super) struct PublishedSnapshot {
    pub(super) snapshot: Box<Snapshot>,
    pub(super) line: Arc<str>,
}

/// The latest snapshot of an interval.
pub(super) type SnapshotReceiver = watch::Receiver<Option<Arc<PublishedSnapshot>>>;
type SnapshotSender = watch::Sender<Option<Arc<PublishedSnapshot>>>;

/// Where snapshots come from.
#[derive(Clone, Debug)]
pub(super) struct SnapshotSource {
    requests: mpsc::Sender<ControlRequest>,
    directory: Directory,
}

/// The intervals that have subscribers.
#[derive(Debug)]
pub(super) struct SnapshotPublisher {
    source: SnapshotSource,
    /// By interval, in milliseconds.
    senders: HashMap<u64, SnapshotSender>,
    /// One for each sender; ends with its interval when the last subscriber has gone.
    tasks: JoinSet<u64>,
}

impl SnapshotSource {
    pub(super) fn new(requests: mpsc::Sender<ControlRequest>, directory: Directory) -> Self {
        Self { requests, directory }
    }

    /// A snapshot of the data path, with what is known here; `None` when the data path has ended.
    async fn take(&self) -> Option<PublishedSnapshot> {
        let (response, received) = oneshot::channel();
        self.requests.send(ControlRequest::Snapshot(response)).await.ok()?;
        let mut snapshot = received.await.ok()?;
        let Usage { cpu, memory_bytes } = Usage::now();
        snapshot.relay.cpu_ms = cpu.as_millis() as u64;
        snapshot.relay.memory_bytes = memory_bytes;
        snapshot.relay.redis_trouble = self.directory.trouble();
        let line = encode_line(&StatusLine::Snapshot(snapshot.clone()));
        Some(PublishedSnapshot { snapshot, line })
    }
}

impl SnapshotPublisher {
    pub(super) fn new(source: SnapshotSource) -> Self {
        Self { source, senders: HashMap::new(), tasks: JoinSet::new() }
    }

    /// The snapshots of an interval, from the next one on.
    pub(super) fn subscribe(&mut self, interval_ms: u64) -> SnapshotReceiver {
        if let Some(sender) = self.senders.get(&interval_ms) {
            let mut receiver = sender.subscribe();
            receiver.mark_unchanged();
            return receiver;
        }
        let (sender, receiver) = watch::channel(None);
        self.tasks.spawn(publish(self.source.clone(), interval_ms, sender.clone()));
        self.senders.insert(interval_ms, sender);
        receiver
    }

    /// Removes the next interval that has lost its last subscriber.
    pub(super) async fn maintain(&mut self) {
        let Some(ended) = self.tasks.join_next().await else { return pending().await };
        let interval_ms = joined(ended);
        let Some(sender) = self.senders.get(&interval_ms) else { return };
        // Someone may have subscribed after the task had ended.
        if sender.receiver_count() > 0 && !self.source.requests.is_closed() {
            self.tasks.spawn(publish(self.source.clone(), interval_ms, sender.clone()));
        } else {
            self.senders.remove(&interval_ms);
        }
    }
}

async fn publish(source: SnapshotSource, interval_ms: u64, sender: SnapshotSender) -> u64 {
    let mut every = time::interval(Duration::from_millis(interval_ms));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if sender.receiver_count() == 0 {
            return interval_ms;
        }
        let Some(published) = source.take().await else { return interval_ms };
        sender.send_replace(Some(Arc::new(published)));
    }
}

#[cfg(test)]
mod tests {
    use trunkline_directory::defaults::KEY_PREFIX;

    use super::*;

    #[tokio::test]
    async fn interval_without_subscribers_ends_and_can_begin_again() {
        let (requests, mut asked) = mpsc::channel(1);
        let directory = Directory::open("redis://127.0.0.1:1", KEY_PREFIX).unwrap();
        let mut publisher = SnapshotPublisher::new(SnapshotSource::new(requests, directory));
        drop(publisher.subscribe(1));
        // The task ends, and is not joined yet.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let again = publisher.subscribe(1);
        tokio::select! {
            () = async { loop { publisher.maintain().await } } => {}
            request = asked.recv() => assert!(matches!(request, Some(ControlRequest::Snapshot(_)))),
        }
        drop((again, asked));
        publisher.maintain().await;
        assert!(publisher.senders.is_empty());
    }
}
