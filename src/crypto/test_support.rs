//! What several tests of this module need.

/// How many cases a test runs: `short`, or `long` with `HVELV_LONG=1`.
#[expect(clippy::disallowed_methods, reason = "the size of a test run is no configuration")]
pub(crate) fn cases(short: usize, long: usize) -> usize {
    if std::env::var("HVELV_LONG").is_ok_and(|value| value == "1") { long } else { short }
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
