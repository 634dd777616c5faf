//! Secrets in memory: fixed-size key bytes and passphrases.
//!
//! They exist so that a key cannot be copied, printed, serialised or compared by accident: the types
//! lack the traits, and static assertions below hold that.
//!
//! INVARIANT: the bytes are written in place, on a page of their own that is left out of dumps and,
//! where the system permits, of swap (`memory::secret`), and wiped when the value is dropped.
//! INVARIANT: only `crypto` reads them (`expose`, each call with an `EXPOSE:` reason).
//!
//! Not protected: a debugger, and the copies that the CPU, the compiler or a cipher's key schedule
//! makes.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{Entropy, Error};
use crate::memory::secret::SecretPage;

/// Longest passphrase that is accepted, in bytes.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

/// `N` secret bytes: on a page of their own, filled in place, wiped on drop.
///
/// Cannot be cloned, printed, compared by `==` or read outside this module's parent:
///
/// ```compile_fail
/// let secret = hvelv::crypto::SecretBytes::<32>::generate(&hvelv::crypto::Entropy::os()).unwrap();
/// let copy = secret.clone();
/// ```
///
/// ```compile_fail
/// let secret = hvelv::crypto::SecretBytes::<32>::generate(&hvelv::crypto::Entropy::os()).unwrap();
/// println!("{secret}");
/// ```
///
/// ```compile_fail
/// let secret = hvelv::crypto::SecretBytes::<32>::generate(&hvelv::crypto::Entropy::os()).unwrap();
/// let bytes: &[u8; 32] = secret.expose();
/// ```
///
/// What works:
///
/// ```
/// use hvelv::crypto::{Entropy, SecretBytes};
/// let secret = SecretBytes::<32>::generate(&Entropy::os())?;
/// assert_eq!(format!("{secret:?}"), "SecretBytes(..)");
/// assert!(secret.ct_eq(&secret));
/// # Ok::<(), hvelv::crypto::Error>(())
/// ```
pub struct SecretBytes<const N: usize>(SecretPage<N>);

impl<const N: usize> SecretBytes<N> {
    /// A secret whose bytes `fill` writes in place.
    ///
    /// # Errors
    /// What `fill` returns; the bytes written so far are wiped.
    pub fn try_filled<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self(SecretPage::zeroed());
        fill(secret.0.bytes_mut())?;
        Ok(secret)
    }

    /// A secret whose bytes `fill`, which cannot fail, writes in place.
    pub fn filled(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(SecretPage::zeroed());
        fill(secret.0.bytes_mut());
        secret
    }

    /// A fresh random secret.
    ///
    /// # Errors
    /// [`Error::Entropy`] when there is no randomness.
    pub fn generate(entropy: &Entropy) -> Result<Self, Error> {
        Self::try_filled(|bytes| entropy.fill(bytes))
    }

    /// Whether two secrets are equal, in time that does not depend on where they differ.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.bytes().as_slice().ct_eq(other.0.bytes().as_slice()).into()
    }

    /// The bytes.  Each caller says why in an `EXPOSE:` comment.
    pub(in crate::crypto) fn expose(&self) -> &[u8; N] {
        self.0.bytes()
    }
}

// The page wipes itself.
impl<const N: usize> ZeroizeOnDrop for SecretBytes<N> {}

impl<const N: usize> fmt::Debug for SecretBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

/// What a person types, or a file holds, to open a root key.
///
/// The bytes count as they are: no Unicode normalisation, so that a passphrase outside ASCII must
/// be typed in the same normal form each time.
pub struct Passphrase {
    page: SecretPage<PASSPHRASE_BYTES_MAX>,
    length: usize,
}

impl Passphrase {
    /// Takes the bytes over, without one trailing line feed (or carriage return and line feed).
    ///
    /// # Errors
    /// [`Error::Passphrase`] when nothing remains or more than [`PASSPHRASE_BYTES_MAX`] bytes do;
    /// the bytes are wiped.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(bytes);
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        let mut page = SecretPage::zeroed();
        let room = page.bytes_mut().get_mut(..bytes.len()).filter(|room| !room.is_empty());
        room.ok_or(Error::Passphrase)?.copy_from_slice(&bytes);
        Ok(Self { page, length: bytes.len() })
    }

    /// The bytes.  Each caller says why in an `EXPOSE:` comment.
    pub(in crate::crypto) fn expose(&self) -> &[u8] {
        &self.page.bytes()[..self.length]
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Fails to compile when the type implements one of the traits.
///
/// Each trait in a closure of its own: were it implemented, two candidates for the helper trait's
/// parameter would fit and inference would refuse to choose.
macro_rules! assert_lacks {
    ($type:ty: $($absent:path),+ $(,)?) => {
        $(const _: fn() = || {
            trait AmbiguousIf<A> {
                fn probe() {}
            }
            impl<T: ?Sized> AmbiguousIf<()> for T {}
            struct Present;
            impl<T: ?Sized + $absent> AmbiguousIf<Present> for T {}
            let _ = <$type as AmbiguousIf<_>>::probe;
        };)+
    };
}
pub(crate) use assert_lacks;

/// The traits that no type holding a secret may have.
macro_rules! assert_secret {
    ($($type:ty),+ $(,)?) => {
        $($crate::crypto::secret::assert_lacks!(
            $type: Clone, Copy, std::fmt::Display, serde::Serialize, std::ops::Deref,
            AsRef<[u8]>, std::borrow::Borrow<[u8]>, PartialEq, Eq, std::hash::Hash, PartialOrd,
            Ord, Into<Vec<u8>>,
        );)+
    };
}
pub(crate) use assert_secret;

assert_secret!(SecretBytes<32>, SecretBytes<16>, Passphrase);

/// Does not compile when a dependency loses the feature that wipes its key schedule or state.
const _: () = {
    const fn assert_wiped<T: ZeroizeOnDrop>() {}
    assert_wiped::<aes::Aes256>();
    assert_wiped::<aes::Aes256Enc>();
    assert_wiped::<aes_gcm::Aes256Gcm>();
    // HMAC 0.13 lacks the marker; what it holds are two SHA-256 states and a block.
    assert_wiped::<sha2::Sha256>();
    assert_wiped::<hmac::digest::CtOutput<hmac::Hmac<sha2::Sha256>>>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_byte_of_a_secret() {
        let secret = SecretBytes::<4>::filled(|bytes| *bytes = [0xab; 4]);
        assert_eq!(format!("{secret:?}"), "SecretBytes(..)");
        let passphrase = Passphrase::new(b"abc".to_vec()).unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase(..)");
    }

    #[test]
    fn constant_time_comparison_tells_equal_from_different() {
        let one = SecretBytes::<4>::filled(|bytes| *bytes = [1, 2, 3, 4]);
        let same = SecretBytes::<4>::filled(|bytes| *bytes = [1, 2, 3, 4]);
        let other = SecretBytes::<4>::filled(|bytes| *bytes = [1, 2, 3, 5]);
        assert!(one.ct_eq(&same));
        assert!(!one.ct_eq(&other));
    }

    #[test]
    fn a_fill_that_fails_makes_no_secret() {
        let refused = SecretBytes::<4>::try_filled(|bytes| {
            bytes[0] = 1;
            Err(Error::Open)
        });
        assert_eq!(refused.unwrap_err(), Error::Open);
    }

    #[test]
    fn a_passphrase_loses_one_line_ending_and_nothing_else() {
        for (given, kept) in [
            (&b"two words\n"[..], &b"two words"[..]),
            (b"two words\r\n", b"two words"),
            (b"two words\n\n", b"two words\n"),
            (b" padded ", b" padded "),
            (b"\r", b"\r"),
        ] {
            assert_eq!(Passphrase::new(given.to_vec()).unwrap().expose(), kept);
        }
    }

    #[test]
    fn a_passphrase_is_neither_empty_nor_too_long() {
        for bytes in [vec![], b"\n".to_vec(), b"\r\n".to_vec(), vec![b'a'; 1025]] {
            assert_eq!(Passphrase::new(bytes).unwrap_err(), Error::Passphrase);
        }
        assert!(Passphrase::new(vec![b'a'; 1024]).is_ok());
    }
}
