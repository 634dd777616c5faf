//! Shamir's secret sharing: 32 secret bytes become `n` shares of 32 bytes, any `k` of which give
//! them back.
//!
//! ```text
//! FORMAT:  GF(2^8) modulo x^8 + x^4 + x^3 + x + 1, the field of AES; each byte by itself
//!   f(x) = secret + c_1·x + … + c_(k−1)·x^(k−1),   c_i random,   share i = f(i),   i = 1 … n
//!   secret = f(0) = Σ share_i · Π_(j≠i) x_j / (x_j + x_i)
//! ```
//!
//! Fewer than `k` shares say nothing about the secret, whatever computing power there is; each share
//! by itself is uniformly random.  (A. Shamir, *How to share a secret*, CACM 22:11, 1979.)  The crate
//! `vsss-rs` is the oracle in the tests.
//!
//! TIMING: a product takes the same steps whatever its factors are: no table is looked up and no
//! branch is taken by a secret.
//!
//! Not protected: whoever makes the shares has seen the secret.  Shares carry no proof that they are
//! of one polynomial; `keyring` keeps a digest of each, so that a wrong one is known at once.

use super::{Entropy, Error, SecretBytes};

/// Bytes of a secret, and of a share.
pub const SHARE_BYTES: usize = 32;

/// Splits a secret into `total` shares, the first for `x = 1`.
///
/// PANIC: unless `2 ≤ threshold ≤ total`; `keyring` has checked what was asked for.
///
/// # Errors
/// [`Error::Entropy`] without randomness.
pub fn split(
    secret: &SecretBytes<SHARE_BYTES>,
    threshold: u8,
    total: u8,
    entropy: &Entropy,
) -> Result<Vec<SecretBytes<SHARE_BYTES>>, Error> {
    assert!(2 <= threshold && threshold <= total, "the caller checks threshold and total");
    let coefficients: Vec<SecretBytes<SHARE_BYTES>> =
        (1..threshold).map(|_| SecretBytes::generate(entropy)).collect::<Result<_, _>>()?;
    let share = |x: u8| {
        SecretBytes::filled(|out: &mut [u8; SHARE_BYTES]| {
            // Horner's rule from the highest coefficient.  EXPOSE: the polynomial is evaluated.
            for higher in coefficients.iter().rev() {
                for (byte, coefficient) in out.iter_mut().zip(higher.expose()) {
                    *byte = mul(*byte ^ coefficient, x);
                }
            }
            for (byte, constant) in out.iter_mut().zip(secret.expose()) {
                *byte ^= constant;
            }
        })
    };
    Ok((1..=total).map(share).collect())
}

/// The value at 0 of the polynomial through `points`, each an `x` and its share: the secret, if there
/// are as many as the threshold and all are right; else 32 bytes that have nothing to do with it.
///
/// PANIC: when an `x` is 0 or is given twice; whoever collects shares refuses such.
#[must_use]
pub fn join(points: &[(u8, &SecretBytes<SHARE_BYTES>)]) -> SecretBytes<SHARE_BYTES> {
    SecretBytes::filled(|out: &mut [u8; SHARE_BYTES]| {
        for (at, (x, share)) in points.iter().enumerate() {
            let others = points.iter().enumerate().filter(|(other, _)| *other != at);
            let weight = others.fold(1, |weight, (_, (other, _))| {
                assert!(*other != 0 && other != x, "the caller refuses a share given twice");
                mul(weight, mul(*other, inverse(*other ^ *x)))
            });
            // EXPOSE: the shares are added up, each by its weight.
            for (byte, value) in out.iter_mut().zip(share.expose()) {
                *byte ^= mul(*value, weight);
            }
        }
    })
}

/// `a·b` in the field of AES.
fn mul(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= a & mask(b >> bit);
        a = (a << 1) ^ (0x1b & mask(a >> 7));
    }
    product
}

/// All ones if the lowest bit is set, else all zeros.
fn mask(bits: u8) -> u8 {
    (bits & 1).wrapping_neg()
}

/// `1/a`, which is `a^254`.
fn inverse(a: u8) -> u8 {
    // 254 is 11111110 in binary.
    let mut square = a;
    let mut product = 1;
    for _ in 0..7 {
        square = mul(square, square);
        product = mul(product, square);
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vsss_rs::Gf256;

    use super::*;

    fn secret(seed: u64) -> SecretBytes<32> {
        SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap()
    }

    /// A share as `vsss-rs` writes it: `x`, then a byte for each byte of the secret.
    fn theirs(x: u8, share: &SecretBytes<32>) -> Vec<u8> {
        [&[x], share.expose().as_slice()].concat()
    }

    /// FIPS 197, sections 4.2 and 4.2.1.
    #[test]
    fn products_are_those_of_the_standard() {
        for (a, b, product) in [(0x57, 0x83, 0xc1), (0x57, 0x13, 0xfe), (0x57, 0x02, 0xae)] {
            assert_eq!((mul(a, b), mul(b, a)), (product, product));
        }
    }

    #[test]
    fn products_and_inverses_are_those_of_the_other_implementation() {
        for a in 0..=255 {
            assert!(a == 0 || mul(a, inverse(a)) == 1, "{a}");
            for b in 0..=255 {
                assert_eq!(Gf256(mul(a, b)), Gf256(a) * Gf256(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn any_k_of_n_shares_give_the_secret_and_fewer_do_not() {
        for (threshold, total) in [(2, 2), (2, 3), (3, 5), (5, 5)] {
            let shares = split(&secret(1), threshold, total, &Entropy::os()).unwrap();
            for chosen in 1_u32..1 << total {
                let points: Vec<(u8, &SecretBytes<32>)> = (1..=total)
                    .filter(|x| chosen >> (x - 1) & 1 == 1)
                    .map(|x| (x, &shares[usize::from(x) - 1]))
                    .collect();
                let is_enough = points.len() >= usize::from(threshold);
                assert_eq!(join(&points).ct_eq(&secret(1)), is_enough, "{threshold} {chosen:b}");
            }
        }
    }

    /// Goal: fewer shares fit every secret alike.  Method: `k − 1` shares of one secret, and for
    /// another secret the missing share that makes them fit it.
    #[test]
    fn shares_below_the_threshold_fit_any_other_secret_as_well() {
        let shares = split(&secret(1), 3, 3, &Entropy::os()).unwrap();
        let zero = [(1, &shares[0]), (2, &shares[1])];
        // f(3) of the parabola through (0, other), 1 and 2: a value that is as likely as the true one.
        let other = secret(2);
        let third = SecretBytes::filled(|out: &mut [u8; 32]| {
            for (at, byte) in out.iter_mut().enumerate() {
                let ours = [&other, &shares[0], &shares[1]].map(|share| share.expose()[at]);
                let points = [(0, ours[0]), (1, ours[1]), (2, ours[2])];
                *byte = points.iter().fold(0, |sum, (x, y)| {
                    let rest = points.iter().filter(|(other, _)| other != x);
                    sum ^ mul(*y, rest.fold(1, |w, (o, _)| mul(w, mul(3 ^ o, inverse(o ^ x)))))
                });
            }
        });
        let all = [zero[0], zero[1], (3, &third)];
        assert!(join(&all).ct_eq(&other) && !join(&all).ct_eq(&secret(1)));
    }

    proptest! {
        #[test]
        fn the_other_implementation_joins_ours_and_we_join_theirs(
            seed: u64,
            threshold in 2_u8..8,
            more in 0_u8..6,
        ) {
            let (secret, total) = (secret(seed), threshold + more);
            let shares = split(&secret, threshold, total, &Entropy::dangerous_seeded(!seed)).unwrap();
            let first = (more + 1..=total).map(|x| theirs(x, &shares[usize::from(x) - 1]));
            let joined = Gf256::combine_bytes(first.collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(joined.as_slice(), secret.expose().as_slice());

            let bytes = secret.expose();
            let rng = &mut Seeded(Entropy::dangerous_seeded(seed));
            let made = Gf256::split_bytes(threshold.into(), total.into(), bytes, rng).unwrap();
            let made: Vec<(u8, SecretBytes<32>)> = made
                .iter()
                .map(|share| (share[0], SecretBytes::filled(|out| out.copy_from_slice(&share[1..]))))
                .collect();
            let points: Vec<_> = made.iter().take(threshold.into()).map(|(x, y)| (*x, y)).collect();
            prop_assert!(join(&points).ct_eq(&secret));
        }
    }

    /// Our randomness as the other implementation takes it.
    struct Seeded(Entropy);

    impl rand_core::TryRng for Seeded {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(u32::from_be_bytes(self.0.draw().unwrap()))
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(u64::from_be_bytes(self.0.draw().unwrap()))
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            self.0.fill(out).unwrap();
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Seeded {}
}
