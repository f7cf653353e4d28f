//! What becomes of a panic: it ends the process, unless it was contained.
//!
//! A process that goes on without one of its tasks or threads is worse than one that has ended: it
//! looks alive, and does half of what it is there for.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    cell::Cell,
    panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind},
    process, thread,
};

use tracing::error;

use crate::{FAILED, output::flush_output};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// A panic that was contained. The log has told of it.
#[derive(Debug)]
pub struct Panicked;

/// Runs `action`, and returns instead of unwinding if it panics. For code that looks at the input of
/// one client and at nothing that others share: what it has borrowed is not to be used afterwards.
///
/// # Errors
/// If `action` panicked.
pub fn contain<T>(action: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(action));
    CONTAINED.set(outer);
    result.map_err(|_| Panicked)
}

/// From now on, panics are logged, and those that are not contained end the process with the status
/// [`FAILED`], whichever thread or task they happen in.
pub(crate) fn end_process_on_panic() {
    panic::set_hook(Box::new(|panic| {
        log(panic);
        if !CONTAINED.get() {
            error!("ending after a panic");
            flush_output();
            process::exit(FAILED.into());
        }
    }));
}

/// The standard hook would write to standard error itself, and wait for it.
fn log(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => error!(thread, "{panic}\n{backtrace}"),
        _ => error!(thread, "{panic}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contained_panic_is_returned() {
        assert_eq!(contain(|| 1).unwrap(), 1);
        assert!(contain(|| panic!("on purpose")).is_err());
        assert!(!CONTAINED.get());
        let nested = contain(|| {
            assert!(contain(|| panic!("within")).is_err());
            assert!(CONTAINED.get(), "the outer one still is");
        });
        nested.unwrap();
    }
}
