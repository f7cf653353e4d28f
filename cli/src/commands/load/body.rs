//! The body of a load message: a JSON string that names the message, filled up to its length.

use std::time::Duration;

/// The shortest body that has room for a stamp, in bytes.
pub(super) const BODY_BYTES_MIN: i64 = 64;

/// Which message of its sender to its recipient this is, and when it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LoadStamp {
    pub(super) sequence: u64,
    /// Counted from the start of the load.
    pub(super) due: Duration,
}

impl LoadStamp {
    /// The body, `bytes` long with its quotes.
    pub(super) fn body(self, bytes: usize) -> String {
        let stamp = format!("\"{} {} ", self.sequence, self.due.as_micros());
        format!("{stamp:x<filled$}\"", filled = bytes - 1)
    }

    /// Reads what [`Self::body`] wrote.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let mut words = body.strip_prefix('"')?.split(' ');
        let sequence = words.next()?.parse().ok()?;
        let due = Duration::from_micros(words.next()?.parse().ok()?);
        Some(Self { sequence, due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_its_length_and_carries_the_stamp() {
        let stamp = LoadStamp { sequence: u64::MAX, due: Duration::from_micros(1 << 52) };
        let body = stamp.body(BODY_BYTES_MIN as usize);
        assert_eq!(body.len(), BODY_BYTES_MIN as usize);
        assert!(body.starts_with('"') && body.ends_with('"'));
        assert_eq!(LoadStamp::parse(&body), Some(stamp));
        assert_eq!(LoadStamp::parse("\"hello\""), None);
    }
}
