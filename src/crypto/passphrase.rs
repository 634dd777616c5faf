//! Keys from passphrases: argon2id (RFC 9106), version 0x13, no secret, no associated data.
//!
//! ```text
//! FORMAT:  KEK (32 bytes) = argon2id(passphrase, salt (16), memory KiB, passes, lanes)
//! ```
//!
//! The parameters stand in the clear beside the salt; changing them makes another key, which then
//! does not open what it should.  Bounds keep a forged file from asking for all memory.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use super::{Error, Passphrase, SecretBytes};

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;

/// How hard a guess is made.
///
/// INVARIANT: within the bounds of [`Argon2Params::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Params {
    /// For production: 256 MiB, 3 passes, 1 lane; 0.7 to 1 second on one core.
    ///
    /// RFC 9106 section 4 offers 3 passes over 64 MiB in 4 lanes where memory is scarce, and one
    /// pass over 2 GiB.  This is the former with four times the memory, which a server has; and one
    /// lane, since this implementation fills lanes one after the other, so that more of them would
    /// help only who guesses.
    pub const PRODUCTION: Self = Self { memory_kib: 256 * 1024, passes: 3, lanes: 1 };
    /// For development and tests: 8 MiB, 1 pass, 1 lane.
    pub const DEVELOPMENT: Self = Self { memory_kib: 8 * 1024, passes: 1, lanes: 1 };

    /// Parameters as a file gives them: 8 MiB to 4 GiB, 1 to 64 passes, 1 to 16 lanes.
    ///
    /// # Errors
    /// [`Error::Parameters`] outside these bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        let within = (8 * 1024..=4 * 1024 * 1024).contains(&memory_kib)
            && (1..=64).contains(&passes)
            && (1..=16).contains(&lanes);
        if within { Ok(Self { memory_kib, passes, lanes }) } else { Err(Error::Parameters) }
    }

    /// Memory in KiB.
    #[must_use]
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub fn lanes(self) -> u32 {
        self.lanes
    }

    /// `KEK = argon2id(passphrase, salt)`, RFC 9106.  Takes its memory and time on this thread.
    ///
    /// # Errors
    /// [`Error::Parameters`] if the function refuses them.
    pub fn derive_kek(
        self,
        passphrase: &Passphrase,
        salt: &[u8; SALT_BYTES],
    ) -> Result<SecretBytes<32>, Error> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .map_err(|_| Error::Parameters)?;
        // EXPOSE: argon2 hashes the passphrase.
        SecretBytes::try_filled(|out| argon2id(params, &[], passphrase.expose(), salt, out))
    }
}

/// argon2id in memory that is wiped afterwards, which the crate does not do with its own.
pub(in crate::crypto) fn argon2id(
    params: Params,
    secret: &[u8],
    passphrase: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    let mut memory = vec![Block::new(); params.block_count()];
    let hashed = Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params)
        .and_then(|argon2| {
            argon2.hash_password_into_with_memory(passphrase, salt, out, &mut memory)
        });
    memory.iter_mut().for_each(Zeroize::zeroize);
    hashed.map_err(|_| Error::Parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kek(passphrase: &str, salt: u8) -> SecretBytes<32> {
        let passphrase = Passphrase::new(passphrase.into()).unwrap();
        Argon2Params::DEVELOPMENT.derive_kek(&passphrase, &[salt; 16]).unwrap()
    }

    #[test]
    fn the_key_depends_on_passphrase_and_salt() {
        let base = kek("one", 1);
        assert!(base.ct_eq(&kek("one", 1)));
        assert!(!base.ct_eq(&kek("two", 1)));
        assert!(!base.ct_eq(&kek("one", 2)));
    }

    #[test]
    fn parameters_outside_the_bounds_are_refused() {
        for (memory_kib, passes, lanes) in [
            (8 * 1024 - 1, 1, 1),
            (4 * 1024 * 1024 + 1, 1, 1),
            (8 * 1024, 0, 1),
            (8 * 1024, 65, 1),
            (8 * 1024, 1, 0),
            (8 * 1024, 1, 17),
        ] {
            let refused = Argon2Params::new(memory_kib, passes, lanes);
            assert_eq!(refused, Err(Error::Parameters));
        }
    }

    #[test]
    fn the_presets_are_within_the_bounds() {
        for preset in [Argon2Params::PRODUCTION, Argon2Params::DEVELOPMENT] {
            let same = Argon2Params::new(preset.memory_kib(), preset.passes(), preset.lanes());
            assert_eq!(same, Ok(preset));
        }
    }
}
