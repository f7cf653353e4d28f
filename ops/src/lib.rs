//! What every program of Trunkline does alike for whoever runs it: how it takes its arguments and
//! ends, how it logs, what it tells of its health, and what it costs.

pub mod defaults;
mod endpoint;
mod log_throttle;
mod memory;
mod program;
mod usage;

pub use endpoint::{Observed, serve};
pub use log_throttle::{Admitted, LogThrottle};
pub use memory::keep_freed_memory;
pub use program::{FAILED, UNUSABLE, fail, log_to_stderr, parse_args, stop_signal};
pub use usage::Usage;
