use std::{
    mem,
    os::fd::AsFd,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::io::{Errno, write};
use tracing::warn;

use crate::{
    LogThrottle,
    defaults::{LOG_QUEUE_BYTES_KEPT, LOG_QUEUE_BYTES_MAX, LOG_WRITE_RETRY},
};

/// Lines on their way to an output that may be slow, full, or gone.
///
/// Whoever has something to say neither waits for the output nor hears of its errors: a line that
/// finds the queue full, or that cannot be written, is dropped and counted.
pub(crate) struct LineQueue {
    state: Mutex<State>,
    changed: Condvar,
    dropped: AtomicU64,
    told: LogThrottle,
}

struct State {
    /// Whole lines.
    waiting: Vec<u8>,
    /// Lines were taken out, and are not written yet.
    writing: bool,
}

/// A write failed; so many bytes had been written before.
struct Failed(usize);

impl LineQueue {
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State { waiting: Vec::new(), writing: false }),
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
            told: LogThrottle::new(),
        }
    }

    /// Adds whole lines, or drops them if there is no room.
    pub(crate) fn push(&self, lines: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + lines.len() > LOG_QUEUE_BYTES_MAX {
            drop(state);
            self.drop_lines(lines);
        } else {
            state.waiting.extend_from_slice(lines);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// How many lines were dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written or dropped, but no longer than `within`.
    pub(crate) fn flush(&self, within: Duration) {
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        drop(self.changed.wait_timeout_while(self.lock(), within, busy));
    }

    /// Writes what is added, for ever. Each process has one thread for this.
    pub(crate) fn write_to(&self, output: impl AsFd) -> ! {
        let (mut lines, mut reported, mut torn) = (Vec::new(), 0, false);
        loop {
            self.take(&mut lines);
            if mem::take(&mut torn) {
                // The last line broke off: what follows must not look like its end.
                lines.insert(0, b'\n');
            }
            match write_all(&output, &lines) {
                Ok(()) => self.report_dropped(&mut reported),
                Err(Failed(written)) => {
                    torn = written > 0 && lines[written - 1] != b'\n';
                    self.drop_lines(&lines[written..]);
                }
            }
            lines.clear();
            lines.shrink_to(LOG_QUEUE_BYTES_KEPT);
            self.lock().writing = false;
            self.changed.notify_all();
        }
    }

    /// Waits for lines, and exchanges them for an empty buffer.
    fn take(&self, buffer: &mut Vec<u8>) {
        let empty = |state: &mut State| state.waiting.is_empty();
        let state = self.changed.wait_while(self.lock(), empty);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.waiting, buffer);
        state.writing = true;
    }

    fn drop_lines(&self, lines: &[u8]) {
        let count = lines.iter().filter(|&&byte| byte == b'\n').count();
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Says in the log that lines are missing from it, now that it takes lines again.
    fn report_dropped(&self, reported: &mut u64) {
        let dropped = self.dropped();
        if dropped > *reported && self.told.admit("dropped").is_some() {
            let lines = dropped - mem::replace(reported, dropped);
            warn!(lines, "log lines were dropped: standard error took no more");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_all(output: impl AsFd, lines: &[u8]) -> Result<(), Failed> {
    let mut written = 0;
    while written < lines.len() {
        match write(&output, &lines[written..]) {
            Ok(more) if more > 0 => written += more,
            Err(Errno::INTR) => {}
            // Somebody else made the shared output non-blocking; only this thread has to wait.
            Err(Errno::AGAIN) => thread::sleep(LOG_WRITE_RETRY),
            Ok(_) | Err(_) => return Err(Failed(written)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{self, BufRead, BufReader},
        os::fd::OwnedFd,
        time::Instant,
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn writing_to(output: impl Into<OwnedFd>) -> &'static LineQueue {
        let (queue, output) = (Box::leak(Box::new(LineQueue::new())), output.into());
        let queue: &'static LineQueue = queue;
        thread::spawn(move || queue.write_to(output));
        queue
    }

    #[test]
    fn lines_arrive_in_order() {
        let (reader, writer) = io::pipe().unwrap();
        let queue = writing_to(writer);
        (0..1_000).for_each(|i| queue.push(format!("line {i}\n").as_bytes()));
        let lines = BufReader::new(reader).lines().take(1_000).map(Result::unwrap);
        assert!(lines.eq((0..1_000).map(|i| format!("line {i}"))));
        assert_eq!(queue.dropped(), 0);
    }

    #[test]
    fn lines_that_cannot_be_written_are_dropped_and_counted() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let full = File::options().write(true).open("/dev/full").unwrap();
        for queue in [writing_to(writer), writing_to(full)] {
            for _ in 0..3 {
                queue.push(b"one\ntwo\n");
                queue.flush(SOON);
            }
            assert_eq!(queue.dropped(), 6);
        }
    }

    #[test]
    fn output_that_nobody_reads_delays_nobody() {
        let (reader, writer) = io::pipe().unwrap();
        let queue = writing_to(writer);
        let line = format!("{}\n", "x".repeat(99));
        let begin = Instant::now();
        (0..100_000).for_each(|_| queue.push(line.as_bytes()));
        assert!(begin.elapsed() < SOON);
        let dropped = queue.dropped();
        // The queue, what the writer has taken out of it, and the pipe hold some.
        assert!((70_000..95_000).contains(&dropped), "{dropped}");
        assert!(queue.lock().waiting.len() <= LOG_QUEUE_BYTES_MAX);
        let begin = Instant::now();
        queue.flush(Duration::from_millis(50));
        assert!(begin.elapsed() < SOON);
        drop(reader);
    }

    #[test]
    fn a_reader_that_is_back_gets_whole_lines() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = writing_to(writer);
        queue.push(b"first\n");
        let mut first = String::new();
        BufReader::new(&mut reader).read_line(&mut first).unwrap();
        assert_eq!(first, "first\n");
        queue.push(b"second\n");
        queue.flush(SOON);
        let mut second = String::new();
        BufReader::new(&mut reader).read_line(&mut second).unwrap();
        assert_eq!(second, "second\n");
    }

    #[test]
    fn a_line_too_long_for_the_queue_is_one_dropped_line() {
        let queue = LineQueue::new();
        let mut line = vec![b'x'; LOG_QUEUE_BYTES_MAX];
        line.push(b'\n');
        queue.push(&line);
        assert_eq!((queue.dropped(), queue.lock().waiting.len()), (1, 0));
    }
}
