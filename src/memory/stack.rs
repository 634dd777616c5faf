//! Stacks of threads that worked with keys: what was left below is overwritten when the work ends.
//!
//! Why it exists: a cipher that is moved, and the round keys that its back end spreads out for one
//! call, leave copies on the stack.  They lie below whatever runs next, in a thread that waits for work
//! or in a stack that the system's library keeps for the next thread, and sealing would not reach them.
//!
//! ```text
//!  wiped(work):  caller │ work ▸ ▸ ▸ deepest      work has ended, also by a panic
//!                caller │ 0000000000000000 ...    WIPED_BYTES
//! ```
//!
//! INVARIANT: every thread that may hold keys does its work in [`wiped`]; for those of the runtime
//! `rpc::begin_off_thread` is the only way there (tests/tidy).
//!
//! What it does *not* protect: work that goes deeper than [`WIPED_BYTES`]; registers; threads while
//! they work.

use std::hint::black_box;

use zeroize::Zeroize;

/// How far down is overwritten: without optimisation the copies go 200 KiB down, and with it each batch
/// and each look-up pays for this.  Threads of the library and of the runtime have 2 MiB.
const WIPED_BYTES: usize = if cfg!(debug_assertions) { 320 << 10 } else { 32 << 10 };

/// Does some work, and overwrites what its calls have left on the stack.
pub(crate) fn wiped<T>(work: impl FnOnce() -> T) -> T {
    // Dropped when the work has ended, whichever way.
    let _below = WipeBelow;
    apart(work)
}

struct WipeBelow;

impl Drop for WipeBelow {
    fn drop(&mut self) {
        wipe_below();
    }
}

/// A frame of its own, so that all of the work lies below the caller.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn wipe_below() {
    let mut below = [0_u128; WIPED_BYTES / size_of::<u128>()];
    // Written even though nobody reads it.
    below.as_mut_slice().zeroize();
    black_box(&below);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves a pattern on the stack, and says where.
    #[inline(never)]
    fn leave() -> usize {
        let left = [0xa5_u8; 4096];
        black_box(&left).as_ptr() as usize
    }

    #[test]
    fn what_work_has_left_on_the_stack_is_overwritten_when_it_ends_also_by_a_panic() {
        use std::os::unix::fs::FileExt as _;
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let at = |place: usize| {
            let mut bytes = vec![0; 4096];
            memory.read_exact_at(&mut bytes, place as u64).unwrap();
            bytes.iter().filter(|byte| **byte == 0xa5).count()
        };
        // The control: without wiping most of it is there.
        assert!(at(leave()) > 2000, "nothing was left, so nothing is shown");
        // Single bytes of that value are in whatever ran since.
        assert!(at(wiped(leave)) < 64);
        let place = std::sync::atomic::AtomicUsize::new(0);
        let panicking = std::panic::catch_unwind(|| {
            wiped(|| {
                place.store(leave(), std::sync::atomic::Ordering::Relaxed);
                panic!("on purpose");
            });
        });
        assert!(panicking.is_err());
        assert!(at(place.into_inner()) < 64);
    }
}
