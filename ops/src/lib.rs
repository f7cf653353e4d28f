//! What every program does for its operator: arguments, exit statuses, logs, signals, health, metrics.

mod address;
mod clock;
pub mod defaults;
mod endpoint;
mod host_port;
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
mod watched_files;

pub use address::{BindFailed, DialAddress, ListenAddress};
pub use clock::unix_ms;
pub use endpoint::{Monitored, serve};
pub use host_port::{BadAddress, is_host_name};
pub use log::{Log, log_to_stderr};
pub use log_throttle::{Admitted, LogThrottle};
pub use memory::keep_freed_memory;
pub use open_files::raise_open_files;
pub use output::{flush_output, print_lines};
pub use panics::{Panicked, contain};
pub use program::{FAILED, UNUSABLE, announce, fail, number_in, parse_args};
pub use redact::{SecretUrl, redacted};
pub use stop::{StopSignal, StopSignals, stop_signal};
pub use text_file::{TextFileError, read_secret, read_text};
pub use usage::Usage;
pub use watched_files::WatchedFiles;
