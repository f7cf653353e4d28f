//! The rate limits of one session's sends.

use std::{cell::Cell, num::NonZeroU32, rc::Rc, time::Instant};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};

/// How much each session may send. `None` is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendRates {
    pub(crate) messages_per_second: Option<NonZeroU32>,
    pub(crate) bytes_per_second: Option<NonZeroU32>,
}

/// The time of the current turn. Reading the system's clock twice for each send would cost more than
/// the limits.
#[derive(Clone, Debug)]
struct TurnClock(Rc<Cell<Instant>>);

impl Clock for TurnClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        self.0.get()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TurnClock, NoOpMiddleware<Instant>>;

/// What one session has sent lately. A second's worth may come at once.
#[derive(Debug)]
pub(super) struct SendLimiter {
    clock: TurnClock,
    messages: Option<Limiter>,
    bytes: Option<Limiter>,
}

impl SendLimiter {
    /// A limiter of a session that has sent nothing yet, whose frames have at most `frame_bytes_max`
    /// bytes.
    pub(super) fn new(rates: SendRates, frame_bytes_max: usize, now: Instant) -> Self {
        let clock = TurnClock(Rc::new(Cell::new(now)));
        let limiter = |quota| Limiter::direct_with_clock(quota, clock.clone());
        let messages = rates.messages_per_second.map(|rate| limiter(Quota::per_second(rate)));
        // The largest frame is admitted at any rate.
        let burst = NonZeroU32::new(frame_bytes_max as u32).unwrap_or(NonZeroU32::MIN);
        let bytes = rates
            .bytes_per_second
            .map(|rate| limiter(Quota::per_second(rate).allow_burst(rate.max(burst))));
        Self { clock, messages, bytes }
    }

    /// Counts a send of this many bytes at `now`. Returns the reason if it is too much.
    pub(super) fn admit(&self, now: Instant, bytes: usize) -> Result<(), &'static str> {
        self.clock.0.set(now);
        if self.messages.as_ref().is_some_and(|limiter| limiter.check().is_err()) {
            return Err("too many messages a second: the node's --messages-per-second");
        }
        let bytes = NonZeroU32::new(bytes as u32).unwrap_or(NonZeroU32::MIN);
        let admitted = |limiter: &Limiter| matches!(limiter.check_n(bytes), Ok(Ok(())));
        if !self.bytes.as_ref().is_none_or(admitted) {
            return Err("too many bytes a second: the node's --bytes-per-second");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limiter(messages: u32, bytes: u32, now: Instant) -> SendLimiter {
        let rates = SendRates {
            messages_per_second: NonZeroU32::new(messages),
            bytes_per_second: NonZeroU32::new(bytes),
        };
        SendLimiter::new(rates, 1_000, now)
    }

    /// How many sends are admitted at once.
    fn admitted(limiter: &SendLimiter, now: Instant, bytes: usize) -> usize {
        (0..5_000).take_while(|_| limiter.admit(now, bytes).is_ok()).count()
    }

    #[test]
    fn messages_are_limited_per_second() {
        let now = Instant::now();
        let limiter = limiter(10, 0, now);
        assert_eq!(admitted(&limiter, now, 100), 10);
        assert!(limiter.admit(now, 1).unwrap_err().contains("--messages-per-second"));
        assert_eq!(admitted(&limiter, now + SECOND, 100), 10);
    }

    #[test]
    fn bytes_are_limited_per_second_and_the_largest_frame_is_admitted() {
        let now = Instant::now();
        let bytes = limiter(0, 5_000, now);
        assert_eq!(admitted(&bytes, now, 500), 10);
        assert!(bytes.admit(now, 1).unwrap_err().contains("--bytes-per-second"));
        assert_eq!(admitted(&bytes, now + SECOND, 1_000), 5);
        let slow = limiter(0, 10, now);
        assert_eq!(admitted(&slow, now, 1_000), 1);
    }

    #[test]
    fn no_limit_admits_everything() {
        let now = Instant::now();
        assert_eq!(admitted(&limiter(0, 0, now), now, 1_000), 5_000);
    }
}
