//! The permuted digits of what leaves the service: register IDs and serials.
//!
//! The check digit, the epoch digit and the text form belong to `ident`; here are the digits between.
//!
//! ```text
//! FORMAT:  register ID = epoch digit 1–9 ‖ body (13 digits) ‖ Damm digit
//!          body = FF1-AES-256(K_register,epoch, 13 digits, no tweak)(register number)
//! FORMAT:  serial = body (w − 1 digits, the first not 0) ‖ Damm digit,      w = 8, 9, 13 or 14
//!          body = walk(10^(w−2) + n),  0 ≤ n < 9·10^(w−2)
//!          walk(x) = y if y ≥ 10^(w−2), else walk(y);  y = FF1-AES-256(K, w−1 digits, no tweak)(x)
//! ```

use std::fmt;

use super::ff1::Ff1;
use super::secret::assert_secret;
use super::tag::BATCH_BLOCKS;
use super::{Error, SecretBytes};

/// Digits of a register ID's body.
pub const REGISTER_ID_DIGITS: u32 = 13;

/// The permutation between register numbers and the bodies of a register's IDs, in one epoch.
pub struct RegisterIdCipher(Ff1);

impl RegisterIdCipher {
    /// The permutation under `K_register,epoch`.
    #[must_use]
    pub fn new(secret: &SecretBytes<32>) -> Self {
        Self(Ff1::new(secret, b"", REGISTER_ID_DIGITS).expect("FF1 is defined for 13 digits"))
    }

    /// `body = FF1-AES-256(K, number)` for each number, in place; numbers below 10^13.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when any is not; then none is changed.
    pub fn encrypt_many(&self, numbers: &mut [u64]) -> Result<(), Error> {
        self.0.encrypt_many(numbers)
    }

    /// `number = FF1-AES-256^-1(K, body)` for each body, in place; bodies below 10^13.
    ///
    /// Every body decrypts to some number: the caller's duty is to refuse numbers not in use.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when any is not; then none is changed.
    pub fn decrypt_many(&self, bodies: &mut [u64]) -> Result<(), Error> {
        self.0.decrypt_many(bodies)
    }

    /// The body of one number.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 10^13 or more.
    pub fn encrypt(&self, number: u64) -> Result<u64, Error> {
        self.0.encrypt(number)
    }

    /// The number of one body.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 10^13 or more.
    pub fn decrypt(&self, body: u64) -> Result<u64, Error> {
        self.0.decrypt(body)
    }
}

impl fmt::Debug for RegisterIdCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegisterIdCipher(..)")
    }
}

/// How many digits a serial has, with its check digit.
///
/// Never 10, 11, 12 or 15, which are the lengths of a fødselsnummer without its zero, a
/// fødselsnummer, a DUF-number and a register ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SerialWidth(u32);

impl SerialWidth {
    /// Nine digits.
    pub const DEFAULT: Self = Self(9);
    /// All widths.
    pub const ALL: [Self; 4] = [Self(8), Self(9), Self(13), Self(14)];

    /// A width of 8, 9, 13 or 14 digits.
    ///
    /// # Errors
    /// [`Error::Width`] for any other.
    pub fn new(digits: u32) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|width| width.0 == digits).ok_or(Error::Width)
    }

    /// The digits.
    #[must_use]
    pub const fn digits(self) -> u32 {
        self.0
    }

    /// The smallest body: 1 and zeros.
    const fn first_body(self) -> u64 {
        10_u64.pow(self.0 - 2)
    }

    /// How many numbers have a serial of this width: `9·10^(w−2)`.
    #[must_use]
    pub const fn capacity(self) -> u64 {
        9 * self.first_body()
    }
}

/// The permutation between numbers and the bodies of one disclosure's serials.
///
/// Cycle-walking keeps it a bijection: FF1 permutes all `10^(w−1)` values, so that the values fall
/// into cycles.  From a value whose first digit is not 0 the walk goes along its cycle to the next
/// such value; that is the cycle with the others left out, again a permutation, and its inverse
/// walks the other way.  The walk ends, since the cycle leads back to where it began; one value in
/// ten has to be left out, so that it takes 1.11 steps on average.
pub struct SerialCipher {
    ff1: Ff1,
    width: SerialWidth,
}

impl SerialCipher {
    /// The permutation for serials of `width` digits, under the disclosure's key.
    #[must_use]
    pub fn new(secret: &SecretBytes<32>, width: SerialWidth) -> Self {
        let ff1 = Ff1::new(secret, b"", width.0 - 1);
        Self { ff1: ff1.expect("FF1 is defined for 7, 8, 12 and 13 digits"), width }
    }

    /// The width of these serials.
    #[must_use]
    pub fn width(&self) -> SerialWidth {
        self.width
    }

    /// `body = walk(10^(w−2) + number)` for each number, in place; numbers below the capacity.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when any is not; then none is changed.
    pub fn encrypt_many(&self, numbers: &mut [u64]) -> Result<(), Error> {
        if numbers.iter().any(|number| *number >= self.width.capacity()) {
            return Err(Error::OutOfRange);
        }
        let first = self.width.first_body();
        numbers.iter_mut().for_each(|number| *number += first);
        self.walk(numbers, Ff1::encrypt_many)
    }

    /// The inverse of [`SerialCipher::encrypt_many`], for bodies whose first digit is not 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when any is no such body; then none is changed.
    pub fn decrypt_many(&self, bodies: &mut [u64]) -> Result<(), Error> {
        let first = self.width.first_body();
        if bodies.iter().any(|body| !(first..self.ff1.domain()).contains(body)) {
            return Err(Error::OutOfRange);
        }
        self.walk(bodies, Ff1::decrypt_many)?;
        bodies.iter_mut().for_each(|body| *body -= first);
        Ok(())
    }

    /// The body of one number.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a number at or above the capacity.
    pub fn encrypt(&self, number: u64) -> Result<u64, Error> {
        let mut numbers = [number];
        self.encrypt_many(&mut numbers)?;
        Ok(numbers[0])
    }

    /// The number of one body.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for what is no body of this width.
    pub fn decrypt(&self, body: u64) -> Result<u64, Error> {
        let mut bodies = [body];
        self.decrypt_many(&mut bodies)?;
        Ok(bodies[0])
    }

    /// Steps every value once, then those that begin with 0 again, until none does.
    fn walk(
        &self,
        values: &mut [u64],
        step: impl Fn(&Ff1, &mut [u64]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let first = self.width.first_body();
        let mut again = [0; BATCH_BLOCKS];
        for chunk in values.chunks_mut(BATCH_BLOCKS) {
            step(&self.ff1, chunk)?;
            loop {
                let below = chunk.iter().filter(|value| **value < first);
                let mut count = 0;
                for (slot, value) in again.iter_mut().zip(below) {
                    *slot = *value;
                    count += 1;
                }
                if count == 0 {
                    break;
                }
                step(&self.ff1, &mut again[..count])?;
                let below = chunk.iter_mut().filter(|value| **value < first);
                for (value, walked) in below.zip(&again[..count]) {
                    *value = *walked;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SerialCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialCipher({} digits, ..)", self.width.0)
    }
}

assert_secret!(RegisterIdCipher, SerialCipher);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::Entropy;

    fn secret(seed: u64) -> SecretBytes<32> {
        SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap()
    }

    fn serials(digits: u32) -> SerialCipher {
        SerialCipher::new(&secret(1), SerialWidth::new(digits).unwrap())
    }

    #[test]
    fn only_widths_that_nothing_else_has_are_taken() {
        let taken: Vec<u32> = (0..20).filter(|digits| SerialWidth::new(*digits).is_ok()).collect();
        assert_eq!(taken, [8, 9, 13, 14]);
    }

    /// Goal: cycle-walking loses and repeats nothing.  Method: all serials of the smallest width.
    #[test]
    fn eight_digit_serials_are_a_bijection_onto_bodies_that_do_not_begin_with_0() {
        let cipher = serials(8);
        let capacity = cipher.width().capacity();
        let mut bodies: Vec<u64> = (0..capacity).collect();
        cipher.encrypt_many(&mut bodies).unwrap();
        let mut seen = vec![false; bodies.len()];
        for body in &bodies {
            let index = usize::try_from(body - 1_000_000).unwrap();
            assert!(!std::mem::replace(&mut seen[index], true));
        }
        cipher.decrypt_many(&mut bodies).unwrap();
        assert!(bodies.iter().copied().eq(0..capacity));
    }

    #[test]
    fn a_number_beyond_the_capacity_is_refused() {
        let cipher = serials(9);
        assert_eq!(cipher.width().capacity(), 90_000_000);
        let mut numbers = [1, 90_000_000];
        assert_eq!(cipher.encrypt_many(&mut numbers), Err(Error::OutOfRange));
        assert_eq!(numbers, [1, 90_000_000]);
        assert!(cipher.encrypt(89_999_999).is_ok());
    }

    #[test]
    fn a_body_of_another_width_is_refused() {
        let cipher = serials(9);
        for body in [0, 9_999_999, 100_000_000] {
            assert_eq!(cipher.decrypt(body), Err(Error::OutOfRange));
        }
    }

    #[test]
    fn register_ids_of_two_keys_have_nothing_in_common() {
        let (one, two) = (RegisterIdCipher::new(&secret(1)), RegisterIdCipher::new(&secret(2)));
        let mut first: Vec<u64> = (0..100).collect();
        let mut second = first.clone();
        one.encrypt_many(&mut first).unwrap();
        two.encrypt_many(&mut second).unwrap();
        assert!(first.iter().zip(&second).all(|(one, two)| one != two));
        one.decrypt_many(&mut first).unwrap();
        assert!(first.into_iter().eq(0..100));
    }

    proptest! {
        #[test]
        fn serials_round_trip_and_do_not_begin_with_0(
            digits in prop::sample::select(vec![8_u32, 9, 13, 14]),
            draws in prop::collection::vec(any::<u64>(), 1..200),
        ) {
            let cipher = serials(digits);
            let numbers: Vec<u64> =
                draws.iter().map(|draw| draw % cipher.width().capacity()).collect();
            let mut bodies = numbers.clone();
            cipher.encrypt_many(&mut bodies).unwrap();
            for (body, number) in bodies.iter().zip(&numbers) {
                prop_assert_eq!(body.to_string().len(), digits as usize - 1);
                prop_assert_eq!(cipher.encrypt(*number).unwrap(), *body);
            }
            cipher.decrypt_many(&mut bodies).unwrap();
            prop_assert_eq!(bodies, numbers);
        }

        #[test]
        fn register_ids_round_trip(number in 0_u64..10_000_000_000_000) {
            let cipher = RegisterIdCipher::new(&secret(1));
            let body = cipher.encrypt(number).unwrap();
            prop_assert!(body < 10_000_000_000_000);
            prop_assert_eq!(cipher.decrypt(body).unwrap(), number);
        }
    }
}
