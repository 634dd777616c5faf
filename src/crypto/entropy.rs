//! The one source of randomness.
//!
//! Everything random (keys, nonces, salts) is drawn through an [`Entropy`] that the caller passes
//! in, so that a test can repeat a run byte for byte, and so that no other generator is used.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};

use super::Error;
use super::digest::Sha256;

/// Draws random bytes from the operating system; in tests, from a seed.
pub struct Entropy(Source);

enum Source {
    Os(SystemRandom),
    Seeded { seed: u64, next_block: AtomicU64 },
}

impl Entropy {
    /// The operating system's generator (`getrandom`).
    #[must_use]
    pub fn os() -> Self {
        Self(Source::Os(SystemRandom::new()))
    }

    /// A predictable source, for tests and golden vectors only: whoever knows the seed knows all
    /// that it will ever give.
    ///
    /// `block_i = SHA-256("hvelv dangerous seeded" ‖ seed u64 BE ‖ i u64 BE)`, from `i = 0`; each
    /// draw starts a new block.
    #[doc(hidden)]
    #[must_use]
    pub fn dangerous_seeded(seed: u64) -> Self {
        Self(Source::Seeded { seed, next_block: AtomicU64::new(0) })
    }

    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// [`Error::Entropy`] when the operating system gives none.
    pub fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        match &self.0 {
            Source::Os(system) => system.fill(out).map_err(|_| Error::Entropy),
            Source::Seeded { seed, next_block } => {
                for chunk in out.chunks_mut(32) {
                    let index = next_block.fetch_add(1, Ordering::Relaxed);
                    let mut hasher = Sha256::new();
                    hasher.update(b"hvelv dangerous seeded");
                    hasher.update(&seed.to_be_bytes());
                    hasher.update(&index.to_be_bytes());
                    chunk.copy_from_slice(&hasher.finish()[..chunk.len()]);
                }
                Ok(())
            }
        }
    }

    /// `N` random bytes that are not secret (a salt, a nonce, an id).
    ///
    /// # Errors
    /// [`Error::Entropy`] when the operating system gives none.
    pub fn draw<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Os(_) => "Entropy(os)",
            Source::Seeded { .. } => "Entropy(dangerous_seeded)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operating_system_gives_different_bytes_each_time() {
        let entropy = Entropy::os();
        let first: [u8; 32] = entropy.draw().unwrap();
        let second: [u8; 32] = entropy.draw().unwrap();
        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }

    #[test]
    fn a_seed_repeats_its_bytes_and_another_seed_gives_others() {
        let draw = |seed| Entropy::dangerous_seeded(seed).draw::<80>().unwrap();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1)[..32], draw(1)[32..64]);
    }

    #[test]
    fn debug_shows_no_seed() {
        let shown = format!("{:?}", Entropy::dangerous_seeded(987_654));
        assert_eq!(shown, "Entropy(dangerous_seeded)");
    }
}
