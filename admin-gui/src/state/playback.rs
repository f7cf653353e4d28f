use std::time::{Duration, Instant};

/// The speeds that a recording can be played at, as multiples of real time.
pub(crate) const SPEEDS: [u32; 6] = [1, 2, 5, 10, 30, 60];

/// How a recording is played.
#[derive(Clone, Copy, Debug)]
pub struct Playback {
    speed: u32,
    /// While it plays: when that began, and at which moment of the recording.
    since: Option<(Instant, u64)>,
}

impl Default for Playback {
    fn default() -> Self {
        Self { speed: SPEEDS[0], since: None }
    }
}

impl Playback {
    /// Whether the recording plays.
    pub fn is_playing(&self) -> bool {
        self.since.is_some()
    }

    /// How many milliseconds of the recording pass in one.
    pub fn speed(&self) -> u32 {
        self.speed
    }

    /// Plays from a moment on.
    pub fn play(&mut self, from_ms: u64, now: Instant) {
        self.since = Some((now, from_ms));
    }

    /// Stops at the moment that is shown.
    pub fn pause(&mut self) {
        self.since = None;
    }

    /// Changes the speed; goes on from where it is.
    pub fn set_speed(&mut self, speed: u32, now: Instant) {
        self.since = self.position(now).map(|at_ms| (now, at_ms));
        self.speed = speed;
    }

    /// The moment of the recording that is to be shown now; `None` while it does not play.
    pub fn position(&self, now: Instant) -> Option<u64> {
        let (since, from_ms) = self.since?;
        let passed = now.saturating_duration_since(since) * self.speed;
        Some(from_ms.saturating_add(passed.as_millis() as u64))
    }

    /// The time until the recording has advanced by `ms`.
    pub fn time_to(&self, ms: u64) -> Duration {
        Duration::from_millis(ms) / self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_at_the_chosen_speed() {
        let (mut playback, start) = (Playback::default(), Instant::now());
        assert_eq!(playback.position(start), None);
        playback.play(5_000, start);
        let later = start + Duration::from_secs(2);
        assert_eq!(playback.position(later), Some(7_000));
        playback.set_speed(10, later);
        assert_eq!(playback.position(later), Some(7_000), "a new speed is no jump");
        assert_eq!(playback.position(later + Duration::from_secs(2)), Some(27_000));
        assert_eq!(playback.time_to(500), Duration::from_millis(50));
        playback.pause();
        assert!(!playback.is_playing());
    }
}
