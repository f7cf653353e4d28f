use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Raises the limit of open files to the hard limit, and warns if that is less than `needed`.
///
/// The soft limit is 1,024 almost everywhere, for programs that use select(2).
pub fn raise_open_files(needed: u64) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let granted = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    // `None` means unlimited.
    if let Some(limit) = granted.filter(|&limit| limit < needed) {
        warn!(
            needed,
            limit,
            "too few files may be open for this configuration: raise the hard limit \
             (ulimit -Hn, or LimitNOFILE= of a systemd unit)"
        );
    }
}
