//! Whether damage in the engine's log is what a power cut leaves: a last commit that is not whole.
//!
//! Why: a disk writes the sectors of a file in any order, so what was not synced may be there with
//! holes. RocksDB takes a log that ends early, and refuses one with a hole, since it cannot know that
//! nothing was acknowledged behind it. We can: a commit is one record, and it is synced before the
//! next one is written, so a hole with the beginning of another record behind it is damage, and one
//! without is the last commit, which nobody was told of.
//!
//! ```text
//! log       block of 32,768 bytes *                            RocksDB, db/log_format.h
//! block     fragment * ‖ up to 6 bytes of filling
//! fragment  masked CRC-32C of the rest (4) ‖ length u16 (2) ‖ type (1) ‖ bytes     little-endian
//! type      1 a whole record; 2 its beginning, 3 its middle, 4 its end
//! ```
//!
//! What it does *not* protect: damage within the last commit alone, by a disk that loses what was
//! synced, looks like a power cut. A log that was cut off at its end always did.

use std::io;
use std::path::{Path, PathBuf};

const BLOCK_BYTES: usize = 32_768;
const HEADER_BYTES: usize = 7;
const WHOLE: u8 = 1;
const BEGINNING: u8 = 2;
const END: u8 = 4;

/// Whether every record but the last one in the logs of a database is whole.
///
/// # Errors
///
/// When a log cannot be read.
pub(super) fn only_the_last_commit_is_damaged(database: &Path) -> io::Result<bool> {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(database)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    // Their names are numbers of the same width.
    logs.sort();
    let mut is_damaged = false;
    for path in logs {
        let log = std::fs::read(path)?;
        let whole = if is_damaged { 0 } else { whole_bytes(&log) };
        if has_beginning(&log, whole) {
            return Ok(false);
        }
        is_damaged |= whole < log.len();
    }
    Ok(is_damaged)
}

/// How many bytes from the start are whole fragments.
fn whole_bytes(log: &[u8]) -> usize {
    let mut at = 0;
    while at < log.len() {
        let left = BLOCK_BYTES - at % BLOCK_BYTES;
        if left < HEADER_BYTES {
            at += left;
        } else if let Some((_, bytes)) = fragment(log, at) {
            at += bytes;
        } else {
            break;
        }
    }
    at.min(log.len())
}

/// Whether a record begins anywhere behind a place.
fn has_beginning(log: &[u8], place: usize) -> bool {
    let begins = |at| fragment(log, at).is_some_and(|(kind, _)| kind == WHOLE || kind == BEGINNING);
    (place..log.len()).any(begins)
}

/// The type of the fragment at a place and its length, header included, if it is whole.
fn fragment(log: &[u8], at: usize) -> Option<(u8, usize)> {
    let block_end = log.len().min((at / BLOCK_BYTES + 1) * BLOCK_BYTES);
    let (header, rest) = log.get(at..block_end)?.split_first_chunk::<HEADER_BYTES>()?;
    let [a, b, c, d, low, high, kind] = *header;
    let bytes = usize::from(u16::from_le_bytes([low, high]));
    if !(WHOLE..=END).contains(&kind) || bytes > rest.len() {
        return None;
    }
    let sum = crc32c(log.get(at + HEADER_BYTES - 1..at + HEADER_BYTES + bytes)?);
    let masked = sum.rotate_right(15).wrapping_add(0xa282_ead8);
    (masked == u32::from_le_bytes([a, b, c, d])).then_some((kind, HEADER_BYTES + bytes))
}

/// CRC-32C (RFC 3720, appendix B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |sum: u32, byte: &u8| {
        let [low, ..] = sum.to_le_bytes();
        (sum >> 8) ^ TABLE[usize::from(low ^ byte)]
    };
    !bytes.iter().fold(!0, step)
}

/// The checksum of each byte.
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut sum: u32 = 0;
    while sum < 256 {
        let mut bits = 0;
        let mut entry = sum;
        while bits < 8 {
            entry = (entry >> 1) ^ (0x82f6_3b78 & (entry & 1).wrapping_neg());
            bits += 1;
        }
        table[sum.to_le_bytes()[0] as usize] = entry;
        sum += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with records, as RocksDB writes it, and where each record begins.
    fn log(records: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let (mut log, mut begins) = (Vec::new(), Vec::new());
        for bytes in records {
            let (mut left, mut is_first) = (*bytes, true);
            while left > 0 || is_first {
                let room = BLOCK_BYTES - log.len() % BLOCK_BYTES;
                if room < HEADER_BYTES {
                    log.resize(log.len() + room, 0);
                    continue;
                }
                if is_first {
                    begins.push(log.len());
                }
                let taken = left.min(room - HEADER_BYTES);
                let kind = match (is_first, taken == left) {
                    (true, true) => WHOLE,
                    (true, false) => BEGINNING,
                    (false, true) => END,
                    (false, false) => 3,
                };
                let mut rest = vec![kind];
                rest.resize(1 + taken, 0xab);
                let masked = crc32c(&rest).rotate_right(15).wrapping_add(0xa282_ead8);
                log.extend_from_slice(&masked.to_le_bytes());
                log.extend_from_slice(&u16::try_from(taken).unwrap().to_le_bytes());
                log.extend_from_slice(&rest);
                (left, is_first) = (left - taken, false);
            }
        }
        (log, begins)
    }

    fn is_last_only(logs: &[&[u8]]) -> bool {
        let directory = tempfile::tempdir().unwrap();
        for (number, log) in logs.iter().enumerate() {
            std::fs::write(directory.path().join(format!("{number:06}.log")), log).unwrap();
        }
        std::fs::write(directory.path().join("CURRENT"), "MANIFEST").unwrap();
        only_the_last_commit_is_damaged(directory.path()).unwrap()
    }

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_hole_in_the_last_record_is_told_from_one_before_it() {
        for last in [1, 600, 40_000, 200_000] {
            let (whole, begins) = log(&[100, 50_000, 3000, last]);
            assert!(!is_last_only(&[&whole]), "nothing is damaged");
            let places = (0..whole.len()).step_by(1013).chain([whole.len() - 1]);
            for place in places {
                let mut holed = whole.clone();
                holed[place] ^= 0x40;
                let expected = place >= begins[3];
                // The filling at the end of a block is nobody's.
                let is_filling = whole_bytes(&holed) == whole.len();
                assert_eq!(is_last_only(&[&holed]), expected && !is_filling, "{last}, {place}");
            }
        }
    }

    #[test]
    fn a_record_in_a_later_log_shows_that_the_hole_was_acknowledged() {
        let (mut holed, begins) = log(&[100, 3000]);
        holed[begins[1] + 50] ^= 1;
        let (later, _) = log(&[10]);
        assert!(is_last_only(&[&holed]));
        assert!(is_last_only(&[&holed, &[]]), "a log that was begun and not written");
        assert!(!is_last_only(&[&holed, &later]));
    }

    #[test]
    fn zeros_at_the_end_and_lost_headers_are_no_records() {
        let (mut torn, begins) = log(&[100, 90_000]);
        torn[begins[1]..begins[1] + 512].fill(0);
        assert!(is_last_only(&[&torn]), "the header is lost, later fragments are there");
        torn[begins[1]..].fill(0);
        assert!(is_last_only(&[&torn]));
    }
}
