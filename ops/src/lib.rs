//! What every program of Trunkline does alike for whoever runs it: how it takes its arguments and
//! ends, how it logs, what it tells of its health, and what it costs.

mod address;
mod clock;
pub mod defaults;
mod endpoint;
mod line_queue;
mod log;
mod log_throttle;
mod memory;
mod open_files;
mod output;
mod panics;
mod program;
mod redact;
mod stop;
mod text_file;
mod usage;

pub use address::{BadAddress, BindFailed, DialAddress, ListenAddress};
pub use clock::unix_ms;
pub use endpoint::{Observed, serve};
pub use log::{Log, log_to_stderr};
pub use log_throttle::{Admitted, LogThrottle};
pub use memory::keep_freed_memory;
pub use open_files::raise_open_files;
pub use output::{flush_output, log_lines_dropped, tell};
pub use panics::{Panicked, contain};
pub use program::{FAILED, UNUSABLE, announce, fail, number_in, parse_args};
pub use redact::{SecretUrl, redacted};
pub use stop::{StopSignal, StopSignals, stop_signal};
pub use text_file::{TextFileError, read_secret, read_text};
pub use usage::Usage;
