use std::collections::BTreeSet;

use super::*;

/// `BatchTooLarge` → `batch_too_large`.
fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

#[test]
fn codes_are_unique_and_the_snake_case_of_their_variant() {
    let words: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), ErrorCode::ALL.len());
    for code in ErrorCode::ALL {
        assert_eq!(code.as_str(), snake_case(&format!("{code:?}")));
    }
}

#[test]
fn texts_are_one_lowercase_line_without_full_stop() {
    for code in ErrorCode::ALL {
        let text = code.text();
        assert!(text.starts_with(|c: char| c.is_ascii_lowercase()), "{text}");
        assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
    }
}

#[test]
fn a_very_long_rule_is_cut_so_that_it_fits_in_a_header() {
    let error = Error::rule("ø".repeat(30_000));
    assert!(error.text().len() < 2_500 && error.text().ends_with("(cut; mend these first)"));
    assert_eq!(Error::rule("short".into()).text(), "short");
}

#[test]
fn a_limit_names_its_option_and_value() {
    let limit = Limit { option: "limits.streams_max", max: 4 };
    let error = Error::limit(ErrorCode::TooManyStreams, limit);
    assert_eq!(error.text(), "too many streams are open (limits.streams_max = 4)");
    assert_eq!(error.group(), Group::Exhausted);
}

#[test]
fn the_source_is_in_the_chain_and_not_in_the_text() {
    let error = Error::internal(std::io::Error::other("disk gone"));
    assert_eq!(error.to_string(), "internal error");
    assert_eq!(StdError::source(&error).map(ToString::to_string).as_deref(), Some("disk gone"));
}
