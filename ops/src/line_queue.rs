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
    defaults::{LOG_QUEUE_BYTES_KEPT, LOG_QUEUE_BYTES_MAX, LOG_WRITE_RETRY},
    log_throttle::LogThrottle,
};

/// A queue of lines for an output that may be slow, full or closed.
///
/// A caller never waits for the output and sees none of its errors: a line is dropped and counted
/// if the queue is full or the output does not accept it.
pub(crate) struct LineQueue {
    state: Mutex<State>,
    changed: Condvar,
    dropped: AtomicU64,
    throttle: LogThrottle,
}

struct State {
    /// Complete lines.
    waiting: Vec<u8>,
    /// The writer has taken lines and not written them yet.
    writing: bool,
}

/// A write failed after this many bytes.
struct WriteFailed(usize);

impl LineQueue {
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State { waiting: Vec::new(), writing: false }),
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
            throttle: LogThrottle::new(),
        }
    }

    /// Adds complete lines, or drops them if the queue is full.
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

    /// How many lines were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written or dropped, at most `within`.
    pub(crate) fn flush(&self, within: Duration) {
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        drop(self.changed.wait_timeout_while(self.lock(), within, busy));
    }

    /// Writes the lines that are added, for ever. Runs on a thread of its own.
    pub(crate) fn write_to(&self, output: impl AsFd) -> ! {
        let (mut lines, mut reported, mut torn) = (Vec::new(), 0, false);
        loop {
            self.take(&mut lines);
            if mem::take(&mut torn) {
                // The last line was cut off: the next one must not look like its end.
                lines.insert(0, b'\n');
            }
            match write_all(&output, &lines) {
                Ok(()) => self.report_dropped(&mut reported),
                Err(WriteFailed(written)) => {
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

    /// Waits for lines, and swaps them for an empty buffer.
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

    /// Logs that lines are missing, once the output accepts lines again.
    fn report_dropped(&self, reported: &mut u64) {
        let dropped = self.dropped();
        if dropped > *reported && self.throttle.admit("dropped").is_some() {
            let lines = dropped - mem::replace(reported, dropped);
            warn!(lines, "log lines were dropped: the reader of standard error is too slow");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_all(output: impl AsFd, lines: &[u8]) -> Result<(), WriteFailed> {
    let mut written = 0;
    while written < lines.len() {
        match write(&output, &lines[written..]) {
            Ok(more) if more > 0 => written += more,
            Err(Errno::INTR) => {}
            // Another process made the shared output non-blocking. Only this thread waits for it.
            Err(Errno::AGAIN) => thread::sleep(LOG_WRITE_RETRY),
            Ok(_) | Err(_) => return Err(WriteFailed(written)),
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
    fn unwritable_lines_are_dropped_and_counted() {
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
    fn unread_output_blocks_no_caller() {
        let (reader, writer) = io::pipe().unwrap();
        let queue = writing_to(writer);
        let line = format!("{}\n", "x".repeat(99));
        let begin = Instant::now();
        (0..100_000).for_each(|_| queue.push(line.as_bytes()));
        assert!(begin.elapsed() < SOON);
        let dropped = queue.dropped();
        // The queue, the writer and the pipe hold the rest.
        assert!((70_000..95_000).contains(&dropped), "{dropped}");
        assert!(queue.lock().waiting.len() <= LOG_QUEUE_BYTES_MAX);
        let begin = Instant::now();
        queue.flush(Duration::from_millis(50));
        assert!(begin.elapsed() < SOON);
        drop(reader);
    }

    #[test]
    fn flushed_lines_reach_the_reader() {
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
    fn overlong_line_counts_as_one_dropped_line() {
        let queue = LineQueue::new();
        let mut line = vec![b'x'; LOG_QUEUE_BYTES_MAX];
        line.push(b'\n');
        queue.push(&line);
        assert_eq!((queue.dropped(), queue.lock().waiting.len()), (1, 0));
    }
}
