//! `Recorded<T>`: proof that an answer is in the log, on disk, before it is given.
//!
//! It exists so that **no record, no answer** is checked by the compiler: a reply can only be built
//! from a `Recorded` value, and only `audit` makes one, after the commit that holds both the state
//! and the entry.
//!
//! INVARIANT: a `Recorded<T>` exists only after a durable commit of the entry with that index, and
//! its value is the one that was handed in with the entry, or a pure function of it.
//!
//! It does *not* prove that the entry describes the value well; that is the caller's duty.

use std::fmt;

/// A value whose access is durably recorded as an entry of the log.
///
/// It has no `Clone`, so one record gives one answer, and its `Debug` leaves the value out.
/// Nothing outside `audit` can make one:
///
/// ```compile_fail,E0624
/// let forged = hvelv::audit::Recorded::durable("register ID", 0);
/// ```
///
/// ```compile_fail,E0451
/// let forged = hvelv::audit::Recorded { value: "register ID", index: 0 };
/// ```
///
/// Nor can a value that was not recorded be carried into one:
///
/// ```compile_fail,E0308
/// fn smuggle(recorded: hvelv::audit::Recorded<()>, id: u64) -> hvelv::audit::Recorded<u64> {
///     recorded.map(|()| id)
/// }
/// ```
#[must_use = "an answer is given from a recorded value, or the record says what did not happen"]
pub struct Recorded<T> {
    value: T,
    index: u64,
}

impl<T> Recorded<T> {
    /// Says that `value` is durably recorded as the entry `index`.
    ///
    /// For the committer of the log alone. Its duty: call this after the synced write of the batch
    /// that holds the entry *and* the state has succeeded; never after a failed or uncertain one.
    pub(super) fn durable(value: T, index: u64) -> Self {
        Self { value, index }
    }

    /// The number of the entry.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Looks at the value without answering with it.
    #[cfg(feature = "server")]
    pub(crate) fn peek(&self) -> &T {
        &self.value
    }

    /// Gives the value another form, under the same record.
    ///
    /// It takes a function pointer, not a closure, so that nothing can be captured: what comes out
    /// is made from what was recorded, and an empty record cannot be filled afterwards.
    pub fn map<U>(self, reshape: fn(T) -> U) -> Recorded<U> {
        Recorded { value: reshape(self.value), index: self.index }
    }

    /// The value to answer with, and the number of the entry that records it.
    #[must_use]
    pub fn into_answer(self) -> (T, u64) {
        (self.value, self.index)
    }
}

impl<T> fmt::Debug for Recorded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("index", &self.index).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_keeps_its_index_through_map_and_hides_its_value() {
        let recorded = Recorded::durable(41_u64, 7);
        assert_eq!(format!("{recorded:?}"), "Recorded { index: 7, .. }");
        assert_eq!(recorded.index(), 7);
        assert_eq!(recorded.map(|n| n + 1).into_answer(), (42, 7));
    }
}
