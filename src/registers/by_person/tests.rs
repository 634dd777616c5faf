//! Goldens of both indexes; what they find is tested with the service (`service/tests/innsyn.rs`).

use roaring::RoaringBitmap;

use super::audit::{decode_fold, encode_fold};
use super::*;

mod scale;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_fold_of_audit_entries_is_the_golden_bytes() {
    let fold =
        vec![(9, RoaringBitmap::from_iter([3])), (0x0102, RoaringBitmap::from_iter([0, 65_535]))];
    let plain = encode_fold(&fold).unwrap();
    // Cookie 12346, one container: key 0, count less one, offset 16, values; little-endian.
    let golden = concat!(
        "01",
        "0000000000000009",
        "00000012",
        "3a300000010000000000000010000000",
        "0300",
        "0000000000000102",
        "00000014",
        "3a300000010000000000010010000000",
        "0000ffff",
    );
    assert_eq!(hex(&plain), golden);
    assert_eq!(decode_fold(&plain).unwrap(), fold);
    for bad in [&plain[..0], &plain[..5], &plain[..plain.len() - 1], &[2, 0, 0][..]] {
        assert!(decode_fold(bad).is_err());
    }
}

#[test]
fn persons_are_cut_at_each_chunk() {
    let person = |number| PersonNo::from_number(number).unwrap();
    let persons = [person(0), person(65_535), person(65_536), person(9_999_999)];
    let chunks = by_chunk(&persons);
    let numbers: Vec<(u32, Vec<u32>)> =
        chunks.iter().map(|(chunk, lows)| (*chunk, lows.iter().collect())).collect();
    assert_eq!(
        numbers,
        [(0, vec![0, 65_535]), (1, vec![0]), (152, vec![9_999_999 - 152 * 65_536])]
    );
}
