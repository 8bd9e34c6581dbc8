//! A thread's stack as a budget: templates may nest as deep as it allows, and end in an error before it overflows.
//!
//! Owns the thread that renders run on, and the question whether much of its stack is left. A stack is address space
//! first: what a render does not touch costs nothing.

use std::cell::Cell;
use std::io;
use std::sync::Mutex;

/// Sizes to try, largest first: where address space is rationed, a smaller stack still renders every sane chart.
const SIZES: [usize; 4] = [1 << 30, 256 << 20, 64 << 20, 16 << 20];

/// What a thread that nobody measured is taken to have below the first function that asked: less than any
/// platform's default.
const UNKNOWN: usize = 1 << 20;

thread_local! {
    /// The address below which the stack counts as low; 0 until it is known.
    static FLOOR: Cell<usize> = const { Cell::new(0) };
}

/// Where the stack is now. Stacks grow downwards on every platform that this program is built for.
#[inline]
fn here() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(&marker).addr()
}

/// The part of a stack that is kept for what does not ask: functions on deep values, freeing deep trees.
const fn reserve(size: usize) -> usize {
    size / 4
}

/// Runs `work` on a thread of its own with as much stack as there is to have.
///
/// # Errors
/// If no thread can be started; `work` did not run.
pub fn on_big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    // A thread that does not start takes its closure along: it must not own the work.
    let work = Mutex::new(Some(work));
    let mut refusal = io::Error::other("no thread for rendering can be started");
    for size in SIZES {
        let run = || {
            FLOOR.set(here().saturating_sub(size - reserve(size)));
            work.lock().ok()?.take().map(|work| work())
        };
        let outcome = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("render".to_owned()).stack_size(size);
            builder.spawn_scoped(scope, run).map(std::thread::ScopedJoinHandle::join)
        });
        match outcome {
            Ok(Ok(Some(result))) => return Ok(result),
            Ok(Ok(None)) => break,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Whether so little of the stack is left that nothing may nest deeper. Everything that recurses as deep as its input
/// says asks this, and ends in an error.
#[inline]
pub fn is_low() -> bool {
    let here = here();
    let floor = FLOOR.get();
    if floor == 0 {
        FLOOR.set(here.saturating_sub(UNKNOWN - reserve(UNKNOWN)).max(1));
        return false;
    }
    here < floor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dive(depth: u64) -> u64 {
        let deeper = if is_low() || depth == u64::MAX { depth } else { dive(depth + 1) };
        std::hint::black_box(deeper)
    }

    #[test]
    fn a_recursion_that_asks_ends_before_the_stack_does() {
        assert!(dive(0) > 1000);
    }

    #[test]
    fn the_thread_of_a_render_has_room_for_deep_templates() {
        let depth = on_big_stack(|| dive(0)).unwrap();
        assert!(depth > 100_000, "{depth}");
    }

    #[test]
    fn a_panic_on_the_big_stack_reaches_the_caller() {
        let caught = std::panic::catch_unwind(|| on_big_stack(|| panic!("inside")));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"inside"));
    }
}
