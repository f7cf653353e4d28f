//! Every limit and time of the fault lab, in one place.

use std::time::Duration;

/// How long a send may take to its outcome, as the contract says.
pub const SEND_DEADLINE: Duration = Duration::from_secs(5);

/// How long a node may believe a route, as the contract says.
pub const ROUTE_LIFE: Duration = Duration::from_secs(5);

/// By how much a loaded machine may be late in a run with faults, before lateness counts.
pub const FAULT_SLACK: Duration = Duration::from_secs(6);

/// For so long after a node was hurt, its users may still be missing in the directory.
pub const FAULT_ECHO: Duration = Duration::from_secs(5);

/// For how long a client that reads slowly reads nothing at all, at the most.
pub const FAULT_DOZE_MAX: Duration = Duration::from_secs(4);

/// How often the observer of a run with faults makes sure that it is not kept from running.
pub const FAULT_PULSE: Duration = Duration::from_millis(50);

/// How long a cluster may take to be whole again after the last fault of a run.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client in a run with faults waits for its welcome before it tries another node.
pub const FAULT_LOGIN_TIMEOUT: Duration = Duration::from_secs(4);

/// How long such a client waits until a node has answered its close.
pub const FAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a process that came up with the name of another may take to end.
pub const RIVAL_TIMEOUT: Duration = Duration::from_secs(10);
