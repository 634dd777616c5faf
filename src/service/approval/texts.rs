//! Texts of approvals: reason, law, note, subject.
//!
//! Why: they stand in the approval and in the audit log for ever, in clear.
//!
//! Invariants: none has what may be somebody's number; where the act says whose a serial is, none has
//! what may be a serial, so that nothing is left of it when the disclosure's key is gone.
//!
//! What it does *not* protect: a number that is spelled otherwise, in words or in pieces.

use super::super::budget::is_reason;
use crate::approval::Act;

const LINE: &str = "must be one line of 1 to 200 characters, without a number of 10 digits";
const NO_SERIAL: &str = "must be one line of 1 to 200 characters, without a number of 8 digits or \
    more, which may be a løpenummer: tell the approver by another way which one it is";

/// Digits in a row that may be a serial.
const SERIAL_DIGITS_MIN: usize = 8;

/// What is wrong with a text that is kept of an approval.  Of an act that must not say whose a serial is
/// when the disclosure's key is gone, no text says which one it is.
pub(super) fn unfit(act: Act, text: &str) -> Option<&'static str> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    if act.dies_with_disclosure() && digits >= SERIAL_DIGITS_MIN {
        return Some(NO_SERIAL);
    }
    unfit_line(text)
}

/// What is wrong with a text of any act.
pub(super) fn unfit_line(text: &str) -> Option<&'static str> {
    (!is_reason(text)).then_some(LINE)
}

/// What is wrong with a subject.
pub(super) fn unfit_subject(text: &str) -> Option<&'static str> {
    (!is_subject(text)).then_some(LINE)
}

/// A line without anybody's number.  An id of ours, 32 hexadecimal digits with a letter among them,
/// is none, whatever digits stand in it.
fn is_subject(text: &str) -> bool {
    const ID_CHARS: usize = 32;
    let is_id = |word: &str| {
        word.len() == ID_CHARS
            && word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            && word.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    let words =
        text.split(' ').map(|word| if is_id(word) { "x".repeat(ID_CHARS) } else { word.into() });
    is_reason(&words.collect::<Vec<String>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_may_hold_an_id_of_ours_and_nobodys_number() {
        let id = "0123456789abcdef0123456789abcdef";
        for good in ["disclosure 26-0017", &format!("disclosure {id}"), "NPR", "role custodian"] {
            assert!(is_subject(good), "{good}");
        }
        for bad in ["", "41814061033", &format!("{id}0"), &"1".repeat(32), "a\nb", &"x".repeat(201)]
        {
            assert!(!is_subject(bad), "{bad}");
        }
    }
}
