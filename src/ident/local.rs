//! A patient's number in one institution, packed into a word.
//!
//! # Why it exists
//!
//! Hospitals and municipalities have numbers of their own (`pasientNr`, DOMAIN part C): text that is
//! unique in the institution that gave it, and nowhere else.  [`NationalId`](super::NationalId) has
//! one word for a number, so that rows of the mapping path stay two words; a short text fits in it.
//!
//! ```text
//! text  1 to 12 characters of  0–9 A–Z - . /
//! word  each character's place in that list, plus 1, as a digit to the base 40, the first highest
//! ```
//!
//! # Invariants
//!
//! The word tells the text, leading zeros included: no digit of it is 0, and 40^12 < 2^64.
//!
//! # What it does *not* do
//!
//! Longer texts and small letters are refused: nothing is cut off, folded or hashed.

/// Most characters.
pub(super) const CHARACTERS_MAX: usize = 12;

const BASE: u64 = 40;

/// The digit of a character; 0 where it is none.
const fn digit_of(character: u8) -> u64 {
    let place = match character {
        b'0'..=b'9' => character - b'0' + 1,
        b'A'..=b'Z' => character - b'A' + 11,
        b'-' => 37,
        b'.' => 38,
        b'/' => 39,
        _ => 0,
    };
    place as u64
}

const fn character_of(digit: u64) -> u8 {
    // Below the base, so no bit is lost.
    let [place, ..] = digit.to_le_bytes();
    match place {
        1..=10 => b'0' + place - 1,
        11..=36 => b'A' + place - 11,
        37 => b'-',
        38 => b'.',
        _ => b'/',
    }
}

/// The word of a text; `None` when it is empty, too long, or has another character.
pub(super) fn pack(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > CHARACTERS_MAX {
        return None;
    }
    text.iter().try_fold(0, |word, character| match digit_of(*character) {
        0 => None,
        digit => Some(word * BASE + digit),
    })
}

/// The text of a word, at the end of the bytes, and how many characters it has.
pub(super) fn unpack(mut word: u64) -> ([u8; CHARACTERS_MAX], usize) {
    let mut text = [0; CHARACTERS_MAX];
    let mut count = 0;
    for place in text.iter_mut().rev() {
        if word == 0 {
            break;
        }
        *place = character_of(word % BASE);
        word /= BASE;
        count += 1;
    }
    (text, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text_of(word: u64) -> Vec<u8> {
        let (text, count) = unpack(word);
        text[CHARACTERS_MAX - count..].to_vec()
    }

    #[test]
    fn a_word_tells_its_text_at_both_ends_and_with_leading_zeros() {
        let all: [&[u8]; 8] =
            [b"0", b"00", b"0012345", b"A", b"/", b"////////////", b"2016-1234", b"12/34.B"];
        for text in all {
            assert_eq!(text_of(pack(text).unwrap()), text);
        }
        // The numbers of the format, for ever.
        assert_eq!([pack(b"0"), pack(b"00"), pack(b"A-1")], [Some(1), Some(41), Some(19_082)]);
    }

    #[test]
    fn other_texts_have_no_word() {
        for text in ["", "1234567890123", "a", "1 2", "\u{d8}", "1_2", "1\n", "\0"] {
            assert_eq!(pack(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_string_is_refused_or_comes_back(
            text in prop::collection::vec(prop_oneof![9 => b'-'..=b'Z', 1 => any::<u8>()], 0..14),
        ) {
            if let Some(word) = pack(&text) {
                prop_assert_eq!(text_of(word), text);
            }
        }
    }
}
