use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock, in milliseconds since 1970; 0 for a clock that is set before that.
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
