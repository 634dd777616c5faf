//! Memory for the tables that the mapping path reads all over, the index and the columns; in
//! [`secret`], pages for secrets; in [`stack`], stacks that are wiped; in [`process`], what the process
//! does for all of its memory.
//!
//! Why it exists: what such a read costs is waiting, for the line and for the look-up of its page.
//! [`Pages`] asks the system for huge pages, so that few pages cover a table; [`prefetch`] asks the
//! processor for a line some rows before it is needed, so that the waits overlap with work.
//!
//! Invariants: pages begin as zeros and are wiped when dropped; a prefetch changes nothing but time.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::{Advice, MmapMut};
use zeroize::Zeroize;

#[cfg(feature = "server")]
pub(crate) mod process;
pub(crate) mod secret;
pub(crate) mod stack;

/// A table in memory of its own, mapped when it is touched.
pub(crate) struct Pages<T: Pod + Zeroize + PartialEq> {
    map: MmapMut,
    entries: PhantomData<T>,
}

impl<T: Pod + Zeroize + PartialEq> Pages<T> {
    /// So many entries, all of them zero.
    ///
    /// Ends the process when the system has no memory, as any allocation does.
    pub(crate) fn zeroed(count: usize) -> Self {
        let map = MmapMut::map_anon(count * size_of::<T>());
        let map = map.expect("the system has memory for the index and the registers' members");
        // Without huge pages it is slower and nothing else.
        let _ = map.advise(Advice::HugePage);
        Self { map, entries: PhantomData }
    }
}

impl<T: Pod + Zeroize + PartialEq> Deref for Pages<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // A mapping begins at a page and was made for a whole number of entries.
        bytemuck::cast_slice(&self.map)
    }
}

impl<T: Pod + Zeroize + PartialEq> DerefMut for Pages<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.map)
    }
}

impl<T: Pod + Zeroize + PartialEq> Drop for Pages<T> {
    fn drop(&mut self) {
        // Entries that were never written are left alone: wiping would map their pages.
        self.iter_mut().filter(|entry| **entry != T::zeroed()).for_each(Zeroize::zeroize);
    }
}

/// Asks for an entry that will be read in a moment; one beyond the end is never read.
#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "there is no safe prefetch"))]
pub(crate) fn prefetch<T>(table: &[T], place: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction is a hint. It never faults, whatever the address, and neither reads
    // nor writes anything that the program can see; the address is made by wrapping arithmetic, so
    // that making it needs nothing of `place` either.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(table.as_ptr().wrapping_add(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_begin_as_zeros_and_keep_what_is_written() {
        let mut pages = Pages::<u128>::zeroed(3000);
        assert_eq!(pages.len(), 3000);
        assert!(pages.iter().all(|entry| *entry == 0));
        pages[2999] = u128::MAX;
        assert_eq!(pages[2998..], [0, u128::MAX]);
    }

    #[test]
    fn a_prefetch_beyond_the_end_does_nothing() {
        let table = [7_u64; 4];
        for place in [0, 3, 4, 1 << 40, usize::MAX] {
            prefetch(&table, place);
        }
        prefetch::<u64>(&[], 0);
        assert_eq!(table, [7; 4]);
    }
}
