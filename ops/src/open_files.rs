use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Raises the limit of open files as far as the process may, and warns if it stays below `needed`.
///
/// The soft limit is 1,024 almost everywhere, for the sake of programs that use select(2); the hard
/// one is what the host allows.
pub fn raise_open_files(needed: u64) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let granted = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    // `None` is no limit.
    if let Some(limit) = granted.filter(|&limit| limit < needed) {
        warn!(
            needed,
            limit,
            "too few files may be open for what is configured: raise the hard limit \
             (ulimit -Hn, or LimitNOFILE= of a systemd unit)"
        );
    }
}
