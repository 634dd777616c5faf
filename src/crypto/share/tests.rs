//! Shares as text: made, read, and refused.

use bech32::{Bech32, Bech32m, Hrp};

use super::*;
use crate::crypto::Entropy;

const HEAD: ShareHead =
    ShareHead { plane: 1, store: [1, 2, 3, 4], set: [9; 8], threshold: 3, index: 2 };

fn share(seed: u64) -> Share {
    Share::new(HEAD, SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap())
}

fn read(text: &str) -> Result<Share, ShareError> {
    Share::parse(text.as_bytes().to_vec())
}

fn encoded<C: bech32::Checksum>(human: &str, payload: &[u8]) -> String {
    bech32::encode::<C>(Hrp::parse(human).unwrap(), payload).unwrap()
}

fn payload(share: &Share) -> Vec<u8> {
    [&HEAD.encode()[..], share.secret.expose()].concat()
}

fn together(share: &Share) -> String {
    share.to_text().replace(' ', "")
}

#[test]
fn a_share_comes_back_from_its_text_however_it_is_typed() {
    for seed in 0..20 {
        let share = share(seed);
        let text = share.to_text();
        let typed = [
            text.to_string(),
            together(&share),
            text.to_uppercase(),
            text.replace(' ', "-"),
            text.replace(' ', "\r\n"),
            format!("  {}\n", *text),
        ];
        for typed in typed {
            let back = read(&typed).unwrap();
            assert_eq!(*back.head(), HEAD);
            assert!(back.secret.ct_eq(&share.secret) && back.tag() == share.tag());
        }
    }
}

#[test]
fn the_text_is_that_of_the_other_implementation() {
    for seed in 0..20 {
        let share = share(seed);
        let theirs = encoded::<Bech32m>("hvelv", &payload(&share));
        assert_eq!(together(&share), theirs);
        assert_eq!(theirs.len(), 89);
    }
}

/// The words of a golden share: `tests/vectors/shares_v1.json` has whole sets.
#[test]
fn the_text_is_in_groups_that_can_be_read_out() {
    let text = share(1).to_text();
    assert!(text.starts_with("hvelv1 qyqs"), "{:?}", text.split(' ').next());
    assert!(text.split(' ').skip(1).all(|group| (3..=4).contains(&group.len())));
}

#[test]
fn up_to_four_wrong_characters_are_always_found() {
    let good = together(&share(3));
    let entropy = Entropy::dangerous_seeded(4);
    let mut refused = 0;
    for round in 0..4000 {
        let mut bad = good.clone().into_bytes();
        for _ in 0..=round % 4 {
            let [at, value] = entropy.draw::<2>().unwrap();
            bad[6 + usize::from(at) % 83] = ALPHABET[usize::from(value) % 32];
        }
        if bad != good.as_bytes() {
            assert_eq!(Share::parse(bad).unwrap_err(), ShareError::Malformed);
            refused += 1;
        }
    }
    assert!(refused > 3800, "{refused}");
}

#[test]
fn a_character_that_is_missing_doubled_or_swapped_is_found() {
    let good = together(&share(5));
    for at in 0..good.len() {
        let mut missing = good.clone();
        missing.remove(at);
        let mut doubled = good.clone();
        doubled.insert(at, char::from(good.as_bytes()[at]));
        let mut swapped = good.clone().into_bytes();
        swapped.swap(at, (at + 1) % good.len());
        for bad in [missing.into_bytes(), doubled.into_bytes(), swapped] {
            if bad != good.as_bytes() {
                assert_eq!(Share::parse(bad).unwrap_err(), ShareError::Malformed, "{at}");
            }
        }
    }
}

#[test]
fn what_is_no_share_is_refused_with_one_error() {
    let good = together(&share(6));
    let small = good.rfind(|c: char| c.is_ascii_lowercase()).unwrap();
    let mut mixed = good.clone();
    mixed.replace_range(small..=small, &good[small..=small].to_uppercase());
    let zero_index = ShareHead { index: 0, ..HEAD };
    let lone = ShareHead { threshold: 1, ..HEAD };
    let with_head =
        |head: ShareHead| encoded::<Bech32m>("hvelv", &[&head.encode()[..], &[7; 32]].concat());
    for bad in [
        String::new(),
        "correct horse battery staple".to_owned(),
        mixed,
        encoded::<Bech32>("hvelv", &payload(&share(6))),
        encoded::<Bech32m>("hvalv", &payload(&share(6))),
        encoded::<Bech32m>("hvelv", &payload(&share(6))[..47]),
        with_head(zero_index),
        with_head(lone),
        " ".repeat(TEXT_BYTES_MAX) + &good,
        good.clone() + "ø",
    ] {
        assert_eq!(read(&bad).unwrap_err(), ShareError::Malformed, "{bad}");
    }
}

#[test]
fn a_share_of_the_future_is_told_apart_from_damage() {
    let mut payload = payload(&share(7));
    payload[0] = 2;
    let refused = read(&encoded::<Bech32m>("hvelv", &payload)).unwrap_err();
    assert_eq!(refused, ShareError::UnknownVersion { found: 2 });
}

#[test]
fn the_tag_depends_on_the_share_and_on_all_of_its_head() {
    let base = share(8);
    let heads = [
        ShareHead { plane: 2, ..HEAD },
        ShareHead { store: [0; 4], ..HEAD },
        ShareHead { set: [0; 8], ..HEAD },
        ShareHead { threshold: 2, ..HEAD },
        ShareHead { index: 1, ..HEAD },
    ];
    for head in heads {
        assert_ne!(Share { head, ..share(8) }.tag(), base.tag());
    }
    assert_ne!(share(9).tag(), base.tag());
    assert_eq!(share(8).tag(), base.tag());
}

#[test]
fn neither_debug_nor_an_error_shows_a_share() {
    let share = share(10);
    assert_eq!(format!("{share:?}"), "Share(2, ..)");
    let mut bad = together(&share);
    bad.replace_range(20..24, "qqqq");
    let said = read(&bad).unwrap_err().to_string();
    assert!(!said.contains(&bad[24..40]) && !said.contains(&bad[6..16]));
}
