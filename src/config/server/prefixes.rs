//! What tells, outside production, that a number without a marker belongs to nobody.
//!
//! A prefix that is too short would let real numbers through, so each has at least
//! three digits more than its number's fixed form.

use crate::config::words::code_type;

code_type! {
    /// How a felles hjelpenummer begins that belongs to nobody.
    ///
    /// The numbers begin with 8 or 9 and are random after that.
    pub struct FellesPrefix: "the beginning of a felles hjelpenummer",
    "8 or 9, then 3 to 10 digits",
    |digits| (4..=11).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(digits[0], b'8' | b'9');
}

code_type! {
    /// How a DUF-number begins that belongs to nobody: a year, and some of the serial.
    pub struct DufPrefix: "the beginning of a DUF-number",
    "7 to 12 digits: a year and 3 digits or more",
    |digits| (7..=12).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
}

code_type! {
    /// An assigner whose local numbers belong to nobody: an organisation number or an OID.
    pub struct TestAssigner: "an assigner",
    "1 to 64 of A-Z, a-z, 0-9, dot, colon, underscore and hyphen",
    |code| (1..=64).contains(&code.len())
        && code.iter().all(|byte| byte.is_ascii_alphanumeric() || b".:_-".contains(byte));
}
