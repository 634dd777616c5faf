//! Runs the Parquet library over bytes that may be damaged.
//!
//! Some damage makes it panic (a negative offset in a footer, for one). What it says then may quote
//! the file, so it is not printed; the panic becomes an error like any other damage. The reader that
//! panicked is dropped and never used again.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use parquet::errors::ParquetError;

thread_local! {
    /// Whether this thread is inside [`caught`].
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// What the library makes of damaged bytes, a panic included.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    HOOK.call_once(|| {
        let other = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_SILENT.get() {
                other(panic);
            }
        }));
    });
    let before = IS_SILENT.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    IS_SILENT.set(before);
    outcome.unwrap_or_else(|_| Err(ParquetError::General("damaged".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_one_outside_is_heard() {
        let numbers: Vec<u64> = Vec::new();
        let outcome = caught(|| Ok(numbers[0]));
        assert!(matches!(outcome, Err(ParquetError::General(_))));
        assert!(!IS_SILENT.get());
    }
}
