//! What nodes report about themselves, by incarnation.

use hashbrown::HashMap;
use trunkline_directory::NodeRecord;
use trunkline_protocol::{
    Incarnation,
    control::{CONTROL_VERSION, Hello, URL_BYTES_MAX},
    status::NodeLoad,
};

use crate::{
    defaults::{LATENCY_BUCKETS_MAX, SOFTWARE_BYTES_MAX, TROUBLE_BYTES_MAX},
    link_close_reason::LinkCloseReason,
};

/// What one incarnation has reported.
#[derive(Clone, Debug, Default)]
pub(super) struct ReportedNode {
    pub(super) url: String,
    pub(super) capacity: u32,
    /// When its process started, in Unix milliseconds.
    pub(super) started_at_ms: u64,
    pub(super) software: String,
    pub(super) load: NodeLoad,
    /// When that came, in Unix milliseconds.
    pub(super) load_at_ms: u64,
}

/// What a load report changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LoadChange {
    /// Other nodes have to know at once.
    pub(super) is_urgent: bool,
    /// Other nodes have to know soon.
    pub(super) sessions_changed: bool,
    /// Sessions that were ended since the last report because they read too slowly.
    pub(super) ended_slow: u64,
}

/// All reports.
#[derive(Debug, Default)]
pub(super) struct NodeRegistry {
    records: HashMap<Incarnation, ReportedNode>,
}

impl NodeRegistry {
    /// What an incarnation has reported; the default if it has reported nothing.
    pub(super) fn of(&self, incarnation: Incarnation) -> ReportedNode {
        self.records.get(&incarnation).cloned().unwrap_or_default()
    }

    /// Records a node's hello.
    pub(super) fn hello(&mut self, hello: &Hello) {
        let record = self.records.entry(hello.incarnation).or_default();
        record.url.clone_from(&hello.url);
        record.software.clone_from(&hello.software);
        record.capacity = hello.capacity;
        record.started_at_ms = hello.started_at_ms;
    }

    /// Records what the directory knows about a node that has not said hello. Other programs write
    /// to the directory too, so a URL that is too long is possible; it is dropped.
    pub(super) fn add_directory_record(&mut self, record: NodeRecord) {
        if record.url.len() <= URL_BYTES_MAX {
            self.records.entry(record.incarnation).or_insert_with(|| ReportedNode {
                url: record.url,
                capacity: record.capacity,
                started_at_ms: record.started_at,
                ..ReportedNode::default()
            });
        }
    }

    /// Records a load report that came at `at_ms`, in Unix milliseconds.
    pub(super) fn load(
        &mut self,
        incarnation: Incarnation,
        mut load: NodeLoad,
        at_ms: u64,
    ) -> LoadChange {
        load.latency.0.truncate(LATENCY_BUCKETS_MAX);
        if let Some(trouble) = &mut load.redis_trouble {
            trouble.truncate(trouble.floor_char_boundary(TROUBLE_BYTES_MAX));
        }
        let record = self.records.entry(incarnation).or_default();
        record.load_at_ms = at_ms;
        let before = std::mem::replace(&mut record.load, load);
        LoadChange {
            is_urgent: before.rebuilding != record.load.rebuilding,
            sessions_changed: before.sessions != record.load.sessions,
            ended_slow: record.load.ended_slow.saturating_sub(before.ended_slow),
        }
    }

    /// Drops the incarnations that are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(Incarnation) -> bool) {
        self.records.retain(|&incarnation, _| keep(incarnation));
    }
}

/// Checks a hello: its version, and the lengths of what is repeated to all nodes and operators.
pub(crate) fn check_hello(hello: &Hello) -> Result<(), LinkCloseReason> {
    if hello.version != CONTROL_VERSION {
        return Err(LinkCloseReason::Version(hello.version));
    }
    let fits = |field, text: &str, bytes_max| {
        if text.len() <= bytes_max {
            Ok(())
        } else {
            Err(LinkCloseReason::FieldTooLong { field, bytes_max })
        }
    };
    fits("url", &hello.url, URL_BYTES_MAX)?;
    fits("software", &hello.software, SOFTWARE_BYTES_MAX)
}
