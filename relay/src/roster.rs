//! What nodes have told of themselves, by incarnation.

use hashbrown::HashMap;
use trunkline_directory::NodeRecord;
use trunkline_protocol::{
    Incarnation,
    control::{Hello, URL_BYTES_MAX},
    status::NodeLoad,
};

use crate::{
    defaults::{LATENCY_BUCKETS_MAX, SOFTWARE_BYTES_MAX, TROUBLE_BYTES_MAX},
    end::End,
};

/// What one incarnation has told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Where clients connect.
    pub(crate) url: String,
    /// How many sessions it takes.
    pub(crate) capacity: u32,
    /// When its process started, in Unix milliseconds.
    pub(crate) started_at_ms: u64,
    /// The program's version.
    pub(crate) software: String,
    /// What it last told of its work.
    pub(crate) load: NodeLoad,
    /// When it told that, in Unix milliseconds.
    pub(crate) load_at_ms: u64,
}

/// What a new report of a node's work changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadChange {
    /// What other nodes should know at once.
    pub(crate) urgent: bool,
    /// What they should know soon.
    pub(crate) sessions: bool,
    /// Sessions that were ended because they read too slowly, since the last report.
    pub(crate) ended_slow: u64,
}

/// Everything that was told.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    told: HashMap<Incarnation, Told>,
}

impl Roster {
    /// What an incarnation has told; nothing if it has not.
    pub(crate) fn of(&self, incarnation: Incarnation) -> Told {
        self.told.get(&incarnation).cloned().unwrap_or_default()
    }

    /// Takes down what a node says at its start.
    pub(crate) fn hello(&mut self, hello: &Hello) {
        let told = self.told.entry(hello.incarnation).or_default();
        told.url.clone_from(&hello.url);
        told.software.clone_from(&hello.software);
        told.capacity = hello.capacity;
        told.started_at_ms = hello.started_at_ms;
    }

    /// Takes down what the directory says of a node that has not said anything itself.
    pub(crate) fn card(&mut self, card: NodeRecord) {
        if card.url.len() <= URL_BYTES_MAX {
            self.told.entry(card.incarnation).or_insert_with(|| Told {
                url: card.url,
                capacity: card.capacity,
                started_at_ms: card.started_at,
                ..Told::default()
            });
        }
    }

    /// Takes down how much a node has to do, told at `at_ms`, in Unix milliseconds.
    pub(crate) fn load(
        &mut self,
        incarnation: Incarnation,
        mut load: NodeLoad,
        at_ms: u64,
    ) -> LoadChange {
        load.latency.0.truncate(LATENCY_BUCKETS_MAX);
        if let Some(trouble) = &mut load.redis_trouble {
            trouble.truncate(trouble.floor_char_boundary(TROUBLE_BYTES_MAX));
        }
        let told = self.told.entry(incarnation).or_default();
        told.load_at_ms = at_ms;
        let before = &mut told.load;
        let change = LoadChange {
            urgent: before.rebuilding != load.rebuilding,
            sessions: before.sessions != load.sessions,
            ended_slow: load.ended_slow.saturating_sub(before.ended_slow),
        };
        *before = load;
        change
    }

    /// Drops what is not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(Incarnation) -> bool) {
        self.told.retain(|&incarnation, _| keep(incarnation));
    }
}

/// Checks that a hello has nothing in it that would be told on and on at length.
pub(crate) fn check(hello: &Hello) -> Result<(), End> {
    let fits = |field, text: &str, bytes_max| {
        if text.len() <= bytes_max { Ok(()) } else { Err(End::TooLong { field, bytes_max }) }
    };
    fits("url", &hello.url, URL_BYTES_MAX)?;
    fits("software", &hello.software, SOFTWARE_BYTES_MAX)
}
