//! One encoding of a list of byte strings, for everything that is authenticated or derived from.
//!
//! It exists because bare concatenation is ambiguous: `("ab", "c")` and `("a", "bc")` would be the
//! same bytes, and a value sealed in one place would open in another.
//!
//! ```text
//! FORMAT:  count u8 ‖ ( length u32 BE ‖ bytes )*
//! ```
//!
//! The encoding is injective: the count says how many lengths follow, and each length where the
//! next begins, so that the bytes can be read back in one way only.

/// Most parts in one frame.
pub const PARTS_MAX: usize = 255;

/// `count ‖ (length ‖ bytes)*` of the parts.
///
/// # Panics
/// With more than 255 parts, or a part of 4 GiB: both are errors in the calling code, whose frames
/// have a fixed shape.
#[must_use]
pub fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + parts.iter().map(|part| 4 + part.len()).sum::<usize>());
    frame_into(&mut out, parts.len(), parts);
    out
}

/// Appends a frame of `count` parts that begins with `parts`; the caller appends the others with
/// [`part_into`].
pub(in crate::crypto) fn frame_into(out: &mut Vec<u8>, count: usize, parts: &[&[u8]]) {
    assert!(parts.len() <= count, "a frame begins with at most as many parts as it has");
    out.push(u8::try_from(count).expect("a frame has at most 255 parts"));
    for part in parts {
        part_into(out, part);
    }
}

/// Appends one part.
pub(in crate::crypto) fn part_into(out: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("a part is shorter than 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a frame back; the inverse that shows the encoding injective.
    fn parse(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (count, rest) = bytes.split_first()?;
        bytes = rest;
        let mut parts = Vec::new();
        for _ in 0..*count {
            let (length, rest) = bytes.split_at_checked(4)?;
            let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
            let (part, rest) = rest.split_at_checked(length)?;
            parts.push(part.to_vec());
            bytes = rest;
        }
        bytes.is_empty().then_some(parts)
    }

    #[test]
    fn the_layout_is_count_then_length_and_bytes() {
        assert_eq!(frame(&[]), [0]);
        assert_eq!(frame(&[b""]), [1, 0, 0, 0, 0]);
        assert_eq!(frame(&[b"ab", b"c"]), *b"\x02\0\0\0\x02ab\0\0\0\x01c");
    }

    #[test]
    fn moving_a_boundary_changes_the_bytes() {
        assert_ne!(frame(&[b"ab", b"c"]), frame(&[b"a", b"bc"]));
        assert_ne!(frame(&[b"ab", b""]), frame(&[b"ab"]));
    }

    proptest! {
        #[test]
        fn framing_is_injective(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        ) {
            let borrowed: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(parse(&frame(&borrowed)), Some(parts));
        }

        #[test]
        fn a_frame_cut_short_is_no_frame(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let borrowed: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let bytes = frame(&borrowed);
            prop_assert_eq!(parse(&bytes[..cut.index(bytes.len())]), None);
        }
    }
}
