//! What the window knows of the cluster.

mod cluster_status;
mod counters;
mod events;
mod health;
mod history;
mod lineage;
mod name_order;
mod node_problem;
mod node_shares;
mod outcome;
mod playback;
mod query_cache;
mod recording;
mod report_rates;
mod samples;
mod window_state;

pub use cluster_status::ClusterStatus;
pub(crate) use cluster_status::is_present;
pub use counters::{Counter, CounterValues, Rates};
pub(crate) use events::{EVENT_LABELS, describe_event, severity, still_online};
pub use events::{EventLog, EventText};
pub(crate) use health::check_node;
pub use health::{ClusterHealth, Finding, Severity};
pub use history::{HistoryEntry, SnapshotHistory};
pub use lineage::Lineage;
pub(crate) use name_order::by_name;
pub(crate) use node_problem::{NodeProblem, urgency};
pub use node_shares::{NodeShare, NodeShares};
pub use outcome::DeliveryTest;
pub(crate) use outcome::{outcome_reason, outcome_severity};
pub use playback::Playback;
pub(crate) use playback::SPEEDS;
pub use query_cache::{QueryCache, UserQuery, UserSearch};
pub use recording::{Recording, RecordingError, read_recording, write_recording};
pub use samples::Sample;
pub use window_state::{CommandAnswer, ConnectionState, Greeting, Moment, WindowState};
