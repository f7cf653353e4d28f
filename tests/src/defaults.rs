//! The timeouts of the fault lab.

use std::time::Duration;

/// The deadline of a send, as the protocol defines it.
pub const SEND_DEADLINE: Duration = Duration::from_secs(5);

/// How long a node caches a route, as the protocol defines it.
pub const ROUTE_TTL: Duration = Duration::from_secs(5);

/// How much later than the deadline an outcome may come on a loaded machine.
pub const FAULT_SLACK: Duration = Duration::from_secs(6);

/// How long after a fault of a node its users may be missing in the directory.
pub const FAULT_RECOVERY: Duration = Duration::from_secs(5);

/// The longest pause of a slow reader.
pub const SLOW_READER_PAUSE_MAX: Duration = Duration::from_secs(4);

/// How often the observer of a run checks that it is scheduled in time.
pub const STALL_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// How long a cluster may take to converge after the last fault of a run.
pub const CONVERGENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client waits for its welcome before it tries another node.
pub const FAULT_LOGIN_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a client waits for the node's close after its own.
pub const FAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a second process with the name of a running node may take to end.
pub const DUPLICATE_NODE_TIMEOUT: Duration = Duration::from_secs(10);
