use aes::{Aes128Enc, Aes192Enc, Aes256};
use fpe::ff1::{FF1, FlexibleNumeralString};
use proptest::prelude::*;

use super::*;
use crate::crypto::Entropy;
use crate::crypto::test_support::{cases, from_hex};

fn secret(seed: u64) -> SecretBytes<32> {
    SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap()
}

fn ff1(digits: u32) -> Ff1 {
    Ff1::new(&secret(5), b"", digits).unwrap()
}

/// NIST "FF1samples.pdf": samples 1, 2 (AES-128), 4, 5 (AES-192), 7, 8 (AES-256), all radix 10.
/// Samples 3, 6 and 9 are radix 36, which this code does not do.
#[test]
fn nist_samples_with_radix_10() {
    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94";
    const PLAIN: u64 = 123_456_789;
    let tweak = b"9876543210";
    let key = from_hex(KEY);
    let samples = [
        (16, &b""[..], 2_433_477_484_u64),
        (16, tweak, 6_124_200_773),
        (24, b"", 2_830_668_132),
        (24, tweak, 2_496_655_549),
        (32, b"", 6_657_667_009),
        (32, tweak, 1_001_623_463),
    ];
    for (key_bytes, tweak, cipher) in samples {
        let key = &key[..key_bytes];
        match key_bytes {
            16 => sample(Aes128Enc::new_from_slice(key).unwrap(), tweak, PLAIN, cipher),
            24 => sample(Aes192Enc::new_from_slice(key).unwrap(), tweak, PLAIN, cipher),
            _ => sample(Aes256Enc::new_from_slice(key).unwrap(), tweak, PLAIN, cipher),
        }
    }
}

fn sample<C>(cipher: C, tweak: &[u8], plain: u64, expected: u64)
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let core = Ff1Core::new(cipher, tweak, 10).unwrap();
    let mut numbers = [plain];
    core.run::<true>(&mut numbers).unwrap();
    assert_eq!(numbers, [expected]);
    core.run::<false>(&mut numbers).unwrap();
    assert_eq!(numbers, [plain]);
}

fn digits_of(number: u64, digits: u32) -> Vec<u16> {
    format!("{number:0width$}", width = digits as usize)
        .bytes()
        .map(|digit| u16::from(digit - b'0'))
        .collect()
}

fn number_of(digits: &[u16]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
}

/// Goal: our arithmetic agrees with an implementation on big integers.  Method: random keys, tweaks
/// and numbers for each width; 20,000 a width, a million with `HVELV_LONG=1`.
#[test]
fn ff1_equals_the_fpe_crate() {
    let cases = cases(20_000, 1_000_000);
    for digits in DIGITS_MIN..=DIGITS_MAX {
        let entropy = Entropy::dangerous_seeded(u64::from(digits));
        for _ in 0..cases / 500 {
            let secret = SecretBytes::<32>::generate(&entropy).unwrap();
            let tweak: [u8; 21] = entropy.draw().unwrap();
            let tweak = &tweak[..usize::from(tweak[20]) % 21];
            let ours = Ff1::new(&secret, tweak, digits).unwrap();
            let theirs = FF1::<Aes256>::new(secret.expose(), 10).unwrap();
            let draws: [u64; 500] =
                std::array::from_fn(|_| u64::from_be_bytes(entropy.draw().unwrap()));
            let plain = draws.map(|draw| draw % ours.domain());
            let mut numbers = plain;
            ours.encrypt_many(&mut numbers).unwrap();
            for (plain, cipher) in plain.iter().zip(&numbers) {
                let string = FlexibleNumeralString::from(digits_of(*plain, digits));
                let expected: Vec<u16> = theirs.encrypt(tweak, &string).unwrap().into();
                assert_eq!(*cipher, number_of(&expected), "{digits} digits");
            }
            ours.decrypt_many(&mut numbers).unwrap();
            assert_eq!(numbers, plain, "{digits} digits");
        }
    }
}

#[test]
fn six_digits_are_permuted_completely() {
    let ff1 = ff1(6);
    let mut numbers: Vec<u64> = (0..1_000_000).collect();
    ff1.encrypt_many(&mut numbers).unwrap();
    let mut seen = vec![false; 1_000_000];
    for number in &numbers {
        assert!(!std::mem::replace(&mut seen[usize::try_from(*number).unwrap()], true));
    }
    ff1.decrypt_many(&mut numbers).unwrap();
    assert!(numbers.iter().copied().eq(0..1_000_000));
}

#[test]
fn batches_of_every_size_equal_single_numbers() {
    let ff1 = ff1(13);
    for count in 0..200_u64 {
        let mut batch: Vec<u64> = (0..count).map(|i| i * 49_999_999_999).collect();
        let single: Vec<u64> = batch.iter().map(|number| ff1.encrypt(*number).unwrap()).collect();
        let plain = batch.clone();
        ff1.encrypt_many(&mut batch).unwrap();
        assert_eq!(batch, single);
        ff1.decrypt_many(&mut batch).unwrap();
        assert_eq!(batch, plain);
    }
}

#[test]
fn a_number_outside_the_domain_is_refused_and_nothing_changes() {
    let ff1 = ff1(6);
    let mut numbers = [1, 1_000_000, 2];
    assert_eq!(ff1.encrypt_many(&mut numbers), Err(Error::OutOfRange));
    assert_eq!(ff1.decrypt_many(&mut numbers), Err(Error::OutOfRange));
    assert_eq!(numbers, [1, 1_000_000, 2]);
    assert_eq!(ff1.encrypt(u64::MAX), Err(Error::OutOfRange));
}

#[test]
fn only_6_to_18_digits_are_supported() {
    for digits in [0, 1, 5, 19, 20] {
        assert_eq!(Ff1::new(&secret(5), b"", digits).unwrap_err(), Error::Width);
    }
}

#[test]
fn another_tweak_key_or_width_is_another_permutation() {
    let number = 123_456;
    let base = ff1(6).encrypt(number).unwrap();
    assert_ne!(base, Ff1::new(&secret(5), b"t", 6).unwrap().encrypt(number).unwrap());
    assert_ne!(base, Ff1::new(&secret(6), b"", 6).unwrap().encrypt(number).unwrap());
    assert_ne!(base, ff1(7).encrypt(number).unwrap());
}

proptest! {
    #[test]
    fn remainders_are_exact(f: u64, digits in 3_u32..=9, y: u64) {
        for f in [f, u64::MAX, u64::MAX - f % 1000, f % 1000, 0] {
            let modulus = Modulus::new(10_u64.pow(digits));
            let m = u128::from(modulus.value);
            let y = y % modulus.value;
            prop_assert_eq!(u128::from(modulus.reduce(f)), u128::from(f) % m);
            prop_assert_eq!(u128::from(modulus.add(y, f)), (u128::from(y) + u128::from(f)) % m);
            let sub = (u128::from(y) + m - u128::from(f) % m) % m;
            prop_assert_eq!(u128::from(modulus.sub(y, f)), sub);
        }
    }
}
