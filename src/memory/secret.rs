//! Pages for secrets: a page each, never swapped, never in a dump, wiped when it is dropped.
//!
//! Why it exists: the heap is swapped and dumped as the system likes, and two secrets on one of its
//! pages cannot be locked apart: unlocking one unlocks the other.  Here each secret has a page of
//! its own, locked (`mlock`) and marked (`MADV_DONTDUMP`) before anything is written to it.
//!
//! ```text
//!  zeroed() ──► a spare page, or a new one: map, lock, mark ──► written in place
//!  drop     ──► wiped ──► spare, at most 64, else unmapped
//! ```
//!
//! INVARIANT: a page holds zeros before it is given out and after it was given back.
//!
//! What it does *not* protect: key schedules of ciphers, which lie where their types put them; locking
//! the whole process is for those (`process`).  A limit on locked memory that is spent leaves a page
//! unlocked: [`unlocked_total`] counts them, and the server says so.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use memmap2::{Advice, MmapMut};
use zeroize::Zeroize;

/// Spare pages that are kept.  An opening needs a few dozen, one after the other.
const SPARES_MAX: usize = 64;
const PAGE_BYTES: usize = 4096;

static SPARES: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());
static UNLOCKED: AtomicU64 = AtomicU64::new(0);

/// `N` bytes on a page of their own.
pub(crate) struct SecretPage<const N: usize>(Option<MmapMut>);

impl<const N: usize> SecretPage<N> {
    /// `N` zeros.
    ///
    /// Ends the process when the system has no memory, as any allocation does.
    pub(crate) fn zeroed() -> Self {
        const { assert!(0 < N && N <= PAGE_BYTES, "a secret fits in a page") };
        let spare = SPARES.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self(Some(spare.unwrap_or_else(new_page)))
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8; N] {
        let page = self.0.as_ref().expect("there is a page until it is dropped");
        page.first_chunk().expect("a page has room for the secret")
    }

    /// The bytes, to be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; N] {
        let page = self.0.as_mut().expect("there is a page until it is dropped");
        page.first_chunk_mut().expect("a page has room for the secret")
    }
}

impl<const N: usize> Drop for SecretPage<N> {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        let Some(page) = self.0.take() else { return };
        let mut spares = SPARES.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES_MAX {
            spares.push(page);
        }
    }
}

fn new_page() -> MmapMut {
    let page = MmapMut::map_anon(PAGE_BYTES).expect("the system has memory for a secret");
    // Without these it works and is less safe; the server says so when it starts.
    if page.lock().is_err() {
        UNLOCKED.fetch_add(1, Ordering::Relaxed);
    }
    let _ = page.advise(Advice::DontDump);
    page
}

/// How many pages of secrets the system did not lock, since the process began.
#[cfg(feature = "server")]
pub(crate) fn unlocked_total() -> u64 {
    UNLOCKED.load(Ordering::Relaxed)
}

impl<const N: usize> fmt::Debug for SecretPage<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPage(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system says of the mapping that holds an address.
    fn flags_of(address: *const u8) -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut is_here = false;
        for line in maps.lines() {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let bound = |text: &str| usize::from_str_radix(text, 16).ok();
            if let Some((Some(from), Some(to))) = range.map(|(from, to)| (bound(from), bound(to))) {
                is_here = (from..to).contains(&(address as usize));
            } else if is_here && let Some(flags) = line.strip_prefix("VmFlags: ") {
                return flags.split_whitespace().map(Into::into).collect();
            }
        }
        panic!("the address is mapped");
    }

    #[test]
    fn a_secret_lies_on_a_page_that_is_locked_and_left_out_of_dumps() {
        let mut page = SecretPage::<32>::zeroed();
        page.bytes_mut().fill(7);
        let flags = flags_of(page.bytes().as_ptr());
        assert!(flags.contains(&"dd".to_owned()), "{flags:?}");
        let is_locked = flags.contains(&"lo".to_owned());
        // Where a limit on locked memory is spent, that is counted.
        assert!(is_locked || UNLOCKED.load(Ordering::Relaxed) > 0, "{flags:?}");
        // The positive control: the heap is neither.
        let heap = flags_of(vec![7_u8; 32].as_ptr());
        assert!(!heap.contains(&"dd".to_owned()), "{heap:?}");
    }

    #[test]
    fn a_page_that_is_given_out_again_holds_zeros() {
        for _ in 0..200 {
            let mut page = SecretPage::<64>::zeroed();
            assert_eq!(*page.bytes(), [0; 64]);
            page.bytes_mut().fill(0xff);
        }
    }
}
