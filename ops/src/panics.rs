//! A panic ends the process, unless it is contained.
//!
//! A process that has lost one of its tasks or threads is worse than one that has ended: it looks
//! alive and does half its work.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    cell::Cell,
    panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind},
    process, thread,
};

use tracing::error;

use crate::{output::flush_output, program::FAILED};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// A panic that was contained, and logged.
#[derive(Debug)]
pub struct Panicked;

/// Runs `action`, and returns an error if it panics. Only for code that handles the input of one
/// client and borrows nothing that others share: a panic can leave what it borrows inconsistent.
///
/// # Errors
/// If `action` panicked.
pub fn contain<T>(action: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(action));
    CONTAINED.set(outer);
    result.map_err(|_| Panicked)
}

/// Logs every panic from now on. One that is not contained ends the process with status
/// [`FAILED`], in whichever thread or task it happens.
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

/// Replaces the standard hook, which would write to standard error directly and wait for it.
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
            assert!(CONTAINED.get(), "the outer call still contains panics");
        });
        nested.unwrap();
    }
}
