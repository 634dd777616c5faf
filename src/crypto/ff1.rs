//! FF1: a keyed permutation of the decimal numbers with a fixed count of digits.
//!
//! It exists because a register ID must have 13 digits, decrypt to a dense number and need no table;
//! and our own code because the `fpe` crate takes about 5 µs a number.  `fpe`, the NIST samples and
//! the Wycheproof vectors are the oracles in the tests.
//!
//! NIST SP 800-38G section 5.1 with radix 10, 6 to 18 digits (a domain of at least 10^6, as revision
//! 1 asks) and one tweak for the life of the key:
//!
//! ```text
//! FORMAT:  n digits, X = a·10^v + b, u = ⌊n/2⌋ digits in a, v = n − u digits in b
//!   P = 01 02 01 ‖ 00 00 0a ‖ 0a ‖ u (1) ‖ n u32 BE ‖ t u32 BE          t = bytes in tweak T
//!   F_i(y) = first 8 bytes, big-endian, of CBC-MAC(K, P ‖ T ‖ 0… ‖ i (1) ‖ y in w bytes BE)
//!   w = ⌈⌈v·log2 10⌉ / 8⌉
//!   for i = 0, 2, 4, 6, 8:   a ← (a + F_i(b)) mod 10^u;   b ← (b + F_{i+1}(a)) mod 10^v
//! ```
//!
//! Only the last block of the CBC-MAC depends on the number: what precedes it is computed once per
//! key, and a round is one AES call.  A batch runs the rounds of up to 64 numbers in step, so that
//! each AES call is as wide as the machine allows.
//!
//! INVARIANT: `F` fits because `d = 4⌈w/4⌉ + 4 = 8` for `w ≤ 4`, that is for at most 18 digits.

use std::fmt;

use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOutBuf,
    KeyInit, consts::U16,
};
use aes::{Aes256Enc, Block};
use zeroize::Zeroize;

use super::secret::assert_secret;
use super::tag::BATCH_BLOCKS;
use super::{Error, SecretBytes};

/// Fewest digits: the domain is at least 10^6.
pub const DIGITS_MIN: u32 = 6;
/// Most digits: the halves' pseudo-random numbers fit in 64 bits.
pub const DIGITS_MAX: u32 = 18;

/// Numbers whose rounds run in step.
const LANES: usize = BATCH_BLOCKS;

/// FF1-AES-256 on decimal numbers of one width, under one key and tweak.
///
/// Boxed: whatever moves it moves no round keys.
pub struct Ff1(Box<Ff1Core<Aes256Enc>>);

impl Ff1 {
    /// The permutation of the numbers below `10^digits`.
    ///
    /// # Errors
    /// [`Error::Width`] unless `digits` is 6 to 18.
    pub fn new(secret: &SecretBytes<32>, tweak: &[u8], digits: u32) -> Result<Self, Error> {
        // EXPOSE: the cipher expands the key into its round keys.
        let core = Ff1Core::new(Aes256Enc::new(secret.expose().into()), tweak, digits)?;
        Ok(Self(Box::new(core)))
    }

    /// How many numbers are permuted: `10^digits`.
    #[must_use]
    pub fn domain(&self) -> u64 {
        self.0.domain
    }

    /// `FF1.Encrypt(K, T, number)`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a number outside the domain.
    pub fn encrypt(&self, number: u64) -> Result<u64, Error> {
        let mut numbers = [number];
        self.encrypt_many(&mut numbers)?;
        Ok(numbers[0])
    }

    /// `FF1.Decrypt(K, T, number)`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a number outside the domain.
    pub fn decrypt(&self, number: u64) -> Result<u64, Error> {
        let mut numbers = [number];
        self.decrypt_many(&mut numbers)?;
        Ok(numbers[0])
    }

    /// Encrypts each number in place.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when any lies outside the domain; then none is changed.
    pub fn encrypt_many(&self, numbers: &mut [u64]) -> Result<(), Error> {
        self.0.run::<true>(numbers)
    }

    /// Decrypts each number in place.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when any lies outside the domain; then none is changed.
    pub fn decrypt_many(&self, numbers: &mut [u64]) -> Result<(), Error> {
        self.0.run::<false>(numbers)
    }
}

impl fmt::Debug for Ff1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ff1(..)")
    }
}

assert_secret!(Ff1);

/// The algorithm over any AES key size, since the published samples use all three.
pub(in crate::crypto) struct Ff1Core<C> {
    cipher: C,
    domain: u64,
    /// The last block of the CBC-MAC with `i` and the half both zero, first half: secret.
    base_high: u64,
    /// Its second half, which takes `i` and the half in its low `8·(w + 1)` bits.
    base_low: u64,
    /// Where `i` stands in `base_low`: `8·w`.
    round_shift: u32,
    modulus_a: Modulus,
    modulus_b: Modulus,
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Ff1Core<C> {
    pub(in crate::crypto) fn new(cipher: C, tweak: &[u8], digits: u32) -> Result<Self, Error> {
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&digits) {
            return Err(Error::Width);
        }
        let tweak_length = u32::try_from(tweak.len()).map_err(|_| Error::Width)?;
        let u = digits / 2;
        let v = digits - u;
        // ⌈v·log2 10⌉ is the number of bits of 10^v - 1, as 10^v is no power of two.
        let bits = 64 - (10_u64.pow(v) - 1).leading_zeros();
        let width = bits.div_ceil(8);

        let mut input = vec![1, 2, 1, 0, 0, 10, 10, u8::try_from(u).map_err(|_| Error::Width)?];
        input.extend_from_slice(&digits.to_be_bytes());
        input.extend_from_slice(&tweak_length.to_be_bytes());
        input.extend_from_slice(tweak);
        let length = (input.len() + width as usize + 1).next_multiple_of(16);
        input.resize(length, 0);

        let (before, last) = input.split_at(length - 16);
        let mut state = Block::from([0; 16]);
        for block in before.chunks_exact(16) {
            xor(&mut state.0, block);
            cipher.encrypt_block(&mut state);
        }
        xor(&mut state.0, last);
        let base = u128::from_be_bytes(state.0);
        state.zeroize();
        Ok(Self {
            cipher,
            domain: 10_u64.pow(digits),
            base_high: high_half(base),
            base_low: low_half(base),
            round_shift: 8 * width,
            modulus_a: Modulus::new(10_u64.pow(u)),
            modulus_b: Modulus::new(10_u64.pow(v)),
        })
    }

    pub(in crate::crypto) fn run<const ENCRYPT: bool>(
        &self,
        numbers: &mut [u64],
    ) -> Result<(), Error> {
        if numbers.iter().any(|number| *number >= self.domain) {
            return Err(Error::OutOfRange);
        }
        self.cipher.encrypt_with_backend(Rounds::<'_, C, ENCRYPT> { core: self, numbers });
        Ok(())
    }

    /// The last block of the CBC-MAC for round `i` on the half `y`.
    fn block(&self, i: u64, y: u64) -> Block {
        let low = self.base_low ^ (i << self.round_shift) ^ y;
        Block::from(((u128::from(self.base_high) << 64) | u128::from(low)).to_be_bytes())
    }
}

impl<C> Drop for Ff1Core<C> {
    fn drop(&mut self) {
        self.base_high.zeroize();
        self.base_low.zeroize();
    }
}

/// All rounds of all numbers, inside one call of the cipher's backend: the instruction set is chosen
/// once, and the round keys stay in registers.
struct Rounds<'a, C, const ENCRYPT: bool> {
    core: &'a Ff1Core<C>,
    numbers: &'a mut [u64],
}

impl<C, const ENCRYPT: bool> BlockSizeUser for Rounds<'_, C, ENCRYPT> {
    type BlockSize = U16;
}

impl<C, const ENCRYPT: bool> BlockCipherEncClosure for Rounds<'_, C, ENCRYPT>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let core = self.core;
        let (modulus_a, modulus_b) = (core.modulus_a, core.modulus_b);
        let mut blocks = [Block::from([0; 16]); LANES];
        let mut a = [0_u64; LANES];
        let mut b = [0_u64; LANES];
        for chunk in self.numbers.chunks_mut(LANES) {
            let lanes = chunk.len();
            for (lane, number) in chunk.iter().enumerate() {
                a[lane] = *number / modulus_b.value;
                b[lane] = *number % modulus_b.value;
            }
            let (a, b) = (&mut a[..lanes], &mut b[..lanes]);
            let blocks = &mut blocks[..lanes];
            // What round `i` asks of the cipher, and what it makes of the answer.
            let (add_a, add_b) = (|y, f| modulus_a.add(y, f), |y, f| modulus_b.add(y, f));
            let (sub_a, sub_b) = (|y, f| modulus_a.sub(y, f), |y, f| modulus_b.sub(y, f));
            if ENCRYPT {
                for i in [0, 2, 4, 6, 8] {
                    half_round(backend, blocks, (b, a), |y| core.block(i, y), add_a);
                    half_round(backend, blocks, (a, b), |y| core.block(i + 1, y), add_b);
                }
            } else {
                for i in [8, 6, 4, 2, 0] {
                    half_round(backend, blocks, (a, b), |y| core.block(i + 1, y), sub_b);
                    half_round(backend, blocks, (b, a), |y| core.block(i, y), sub_a);
                }
            }
            for (lane, number) in chunk.iter_mut().enumerate() {
                *number = a[lane] * modulus_b.value + b[lane];
            }
        }
    }
}

/// `to ← combine(to, F(from))` in every lane.
#[inline(always)]
fn half_round<B: BlockCipherEncBackend<BlockSize = U16>>(
    backend: &B,
    blocks: &mut [Block],
    (from, to): (&[u64], &mut [u64]),
    block_of: impl Fn(u64) -> Block,
    combine: impl Fn(u64, u64) -> u64,
) {
    for (block, from) in blocks.iter_mut().zip(from) {
        *block = block_of(*from);
    }
    let (wide, tail) = InOutBuf::from(&mut *blocks).into_chunks();
    for chunk in wide {
        backend.encrypt_par_blocks(chunk);
    }
    backend.encrypt_tail_blocks(tail);
    for (to, block) in to.iter_mut().zip(blocks) {
        *to = combine(*to, high_half(u128::from_be_bytes(block.0)));
    }
}

/// A power of ten below 2^30 with its reciprocal, so that a remainder costs a multiplication.
#[derive(Clone, Copy)]
struct Modulus {
    value: u64,
    /// `⌊2^64 / value⌋`: `value` is no power of two, so `2^64 − 1` divides to the same.
    reciprocal: u64,
}

impl Modulus {
    fn new(value: u64) -> Self {
        assert!(value < 1 << 30 && !value.is_power_of_two(), "a half has 3 to 9 digits");
        Self { value, reciprocal: u64::MAX / value }
    }

    /// `f mod value`.
    ///
    /// Barrett: with `r = ⌊2^64/m⌋`, the estimate `q = ⌊f·r / 2^64⌋` is at most one below `⌊f/m⌋`,
    /// since `f/m − f·r/2^64 = (f/2^64)·(2^64/m − r) < 1`.  So `f − q·m < 2m`.
    #[inline(always)]
    fn reduce(self, f: u64) -> u64 {
        let quotient = high_half(u128::from(f) * u128::from(self.reciprocal));
        self.below(f.wrapping_sub(quotient.wrapping_mul(self.value)))
    }

    /// `(y + f) mod value`, for `y < value`.
    #[inline(always)]
    fn add(self, y: u64, f: u64) -> u64 {
        self.below(y.wrapping_add(self.reduce(f)))
    }

    /// `(y − f) mod value`, for `y < value`.
    #[inline(always)]
    fn sub(self, y: u64, f: u64) -> u64 {
        self.below(y.wrapping_add(self.value).wrapping_sub(self.reduce(f)))
    }

    /// `x mod value`, for `x < 2·value`, without a branch on the data.
    #[inline(always)]
    fn below(self, x: u64) -> u64 {
        x.min(x.wrapping_sub(self.value))
    }
}

#[inline(always)]
fn high_half(value: u128) -> u64 {
    low_half(value >> 64)
}

#[inline(always)]
fn low_half(value: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    let low = value as u64;
    low
}

fn xor(to: &mut [u8; 16], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to ^= from;
    }
}

#[cfg(test)]
mod tests;
