//! What the steps of the mapping path cannot be faster than: the same bytes encrypted in wide batches,
//! gathered with prefetch, or only copied.

use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes256, Block};
use memmap2::{Advice, MmapMut};

/// Blocks that are encrypted at once: what the `aes` crate is fastest with.
const WIDE: usize = 64;
/// Rows that are asked for ahead.
const AHEAD: usize = 32;

/// AES-256 on blocks, in batches.
pub(crate) struct Wide {
    cipher: Aes256,
    blocks: Vec<Block>,
}

impl Wide {
    /// So many blocks.
    pub(crate) fn new(count: usize) -> Self {
        let blocks = (0..count as u128).map(|n| Block::from(n.to_le_bytes())).collect();
        Self { cipher: Aes256::new(&[7; 32].into()), blocks }
    }

    /// Encrypts each block so many times.
    pub(crate) fn encrypt(&mut self, times: usize) {
        for blocks in self.blocks.chunks_mut(WIDE) {
            for _ in 0..times {
                self.cipher.encrypt_blocks(blocks);
            }
        }
        black_box(&self.blocks);
    }
}

/// A table in memory of its own, on huge pages where the system grants them, as ours are.
pub(crate) struct Table {
    map: MmapMut,
    line: usize,
}

impl Table {
    /// So many bytes, in lines of `line` 64-bit words.
    pub(crate) fn new(bytes: usize, line: usize) -> Self {
        let mut map = MmapMut::map_anon(bytes.next_multiple_of(64)).unwrap();
        // Without huge pages it is slower and nothing else.
        let _ = map.advise(Advice::HugePage);
        map.fill(1);
        Self { map, line }
    }

    /// Reads a line for each of some random words.
    pub(crate) fn gather(&self, random: &[u64]) {
        let words: &[u64] = bytemuck::cast_slice(&self.map);
        let lines = words.len() / self.line;
        let place = |random: u64| {
            // Upper half of the product: random words below 2^64 to places below `lines`.
            let place = (u128::from(random) * lines as u128) >> 64;
            usize::try_from(place).unwrap() * self.line
        };
        let mut sum = 0_u64;
        for (row, one) in random.iter().enumerate() {
            if let Some(later) = random.get(row + AHEAD) {
                prefetch(words, place(*later));
            }
            let line = &words[place(*one)..][..self.line];
            sum = sum.wrapping_add(line.iter().fold(0, |sum, word| sum ^ word));
        }
        black_box(sum);
    }
}

/// Copies bytes to where they were not.
pub(crate) fn copy(from: &[u8], to: &mut Vec<u8>) {
    to.clear();
    to.extend_from_slice(black_box(from));
    black_box(to);
}

#[expect(unsafe_code, reason = "there is no safe prefetch")]
fn prefetch(words: &[u64], place: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that never faults, whatever the address, and neither reads nor writes anything
    // that the program can see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(words.as_ptr().wrapping_add(place).cast());
    }
}
