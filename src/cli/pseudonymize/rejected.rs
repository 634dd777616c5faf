//! Rejects by their code, and what made cells that are `format` what they are.
//!
//! Why it exists: a million rejects have one cause as a rule, and it is a program that took the
//! column for numbers. Who sends the file is told which, how often, and what to do.
//!
//! FORMAT: part of the checkpoint, docs/FORMATS.md.
//!
//! INVARIANT: words and counts, never a cell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answers::code_name;
use crate::rpc::proto::RowCode;

/// Stands for the codes of rejects that were listed before codes were counted.
const NOT_COUNTED: &str = "not_counted";

/// What a program has done to an identifier that is `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cause {
    /// Blanks before or after it.
    Blanks,
    /// A decimal point behind it: `.0`.
    Decimals,
    /// Written as a formula: `="…"`.
    Formula,
    /// Ten digits: the zero that it began with is gone.
    LostZero,
    /// Scientific notation: `1.99E+10`.
    Scientific,
}

impl Cause {
    /// What is wrong with a cell of a column of identifiers with so many digits, if it is one of
    /// these.
    pub(super) fn of(cell: &str, digits: usize) -> Option<Self> {
        let inner = cell.trim();
        if let Some(formula) = inner.strip_prefix('=') {
            let text = formula.trim_matches('"').trim();
            return (formula.starts_with('"') && is_long(text)).then_some(Self::Formula);
        }
        if is_scientific(inner) {
            return Some(Self::Scientific);
        }
        let (whole, decimals) = inner.split_once(['.', ',']).unwrap_or((inner, ""));
        let is_whole = decimals.bytes().all(|digit| digit == b'0');
        match () {
            () if !is_long(whole) || !is_whole => None,
            () if !decimals.is_empty() => Some(Self::Decimals),
            () if inner.len() < cell.len() => Some(Self::Blanks),
            () if whole.len() == 10 && digits == 11 => Some(Self::LostZero),
            () => None,
        }
    }

    /// What it is, and what to do.
    fn advice(self) -> &'static str {
        match self {
            Self::Blanks => {
                "have blanks before or behind the number. Remove them where the file is made."
            }
            Self::Decimals => {
                "end in .0: a program took the column for numbers. Export it as text."
            }
            Self::Formula => "are formulas, =\"…\", of a spreadsheet. Export the values.",
            Self::LostZero => {
                "have ten digits: a program took the column for numbers, and the zero in front is \
                 gone. Export it as text, or give --leading-zeros."
            }
            Self::Scientific => {
                "are in scientific notation, such as 1.99E+10: a spreadsheet took the column for \
                 numbers, and their last digits are lost. Export it as text from where the numbers \
                 are whole."
            }
        }
    }
}

/// Whether a text is as many digits as an identifier has, or one fewer.
fn is_long(text: &str) -> bool {
    (10..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is a number such as `1.99E+10` or `4,18e10`.
fn is_scientific(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((number, exponent)) = text.split_once(['E', 'e']) else { return false };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let (whole, decimals) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    is_digits(whole) && is_digits(decimals) && matches!(exponent, "9" | "09" | "10" | "11")
}

/// How many identifiers were rejected with which code, and what made those that are `format`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RejectCounts {
    codes: BTreeMap<String, u64>,
    causes: BTreeMap<Cause, u64>,
}

impl RejectCounts {
    /// Of so many rejects, listed by a version that did not count codes.
    pub(super) fn not_counted(count: u64) -> Self {
        let codes = (count > 0).then(|| (NOT_COUNTED.to_owned(), count));
        Self { codes: codes.into_iter().collect(), causes: BTreeMap::new() }
    }

    /// Counts a reject.
    pub(super) fn add(&mut self, code: RowCode) {
        *self.codes.entry(code_name(code)).or_default() += 1;
    }

    /// Counts what made one.
    pub(super) fn add_cause(&mut self, cause: Cause) {
        *self.causes.entry(cause).or_default() += 1;
    }

    /// By code.
    pub(super) fn codes(&self) -> &BTreeMap<String, u64> {
        &self.codes
    }

    /// By cause.
    pub(super) fn causes(&self) -> &BTreeMap<Cause, u64> {
        &self.causes
    }

    /// The same for a person: a line of counts, and one for each cause. None without rejects.
    pub(super) fn lines(&self) -> Vec<String> {
        if self.codes.is_empty() {
            return Vec::new();
        }
        let codes: Vec<String> =
            self.codes.iter().map(|(code, count)| format!("{count} {code}")).collect();
        let causes = self
            .causes
            .iter()
            .map(|(cause, count)| format!("{count} of those that are format {}", cause.advice()));
        std::iter::once(format!("rejected: {}", codes.join(", "))).chain(causes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_has_done_to_a_cell_is_seen() {
        for (cell, cause) in [
            ("4.18141E+10", Cause::Scientific),
            ("4,18E10", Cause::Scientific),
            ("1e+09", Cause::Scientific),
            (" 4.18141E+10", Cause::Scientific),
            ("=\"41814061033\"", Cause::Formula),
            // As it stands in CSV, where quotes in quotes are doubled.
            ("=\"\"41814061033\"\"", Cause::Formula),
            (" 41814061033", Cause::Blanks),
            ("41814061033\t", Cause::Blanks),
            ("41814061033\u{a0}", Cause::Blanks),
            (" 1810012345 ", Cause::Blanks),
            ("1810012345", Cause::LostZero),
            ("41814061033.0", Cause::Decimals),
            ("41814061033,00", Cause::Decimals),
        ] {
            assert_eq!(Cause::of(cell, 11), Some(cause), "{cell}");
        }
        assert_eq!(Cause::of("1810012345", 12), None, "a DUF-number has no zero to lose");
    }

    #[test]
    fn other_cells_are_nothing_of_that_kind() {
        for cell in [
            "",
            " ",
            "x",
            "41814061033",
            "418140610331",
            "181001234",
            "4181406103E",
            "E10",
            "1.5E",
            "1.99E+2",
            "1.99E-10",
            "=1+1",
            "=\"x\"",
            "=41814061033",
            "41814061033.5",
            "12.34.56",
            "ukjent",
            "  ukjent  ",
            "0x1E10",
            "418140 61033",
        ] {
            assert_eq!(Cause::of(cell, 11), None, "{cell}");
        }
    }

    #[test]
    fn counts_are_lines_with_what_to_do() {
        let mut counts = RejectCounts::default();
        assert_eq!(counts.lines(), Vec::<String>::new());
        for code in [RowCode::Format, RowCode::CheckDigits, RowCode::Format] {
            counts.add(code);
        }
        counts.add_cause(Cause::LostZero);
        let lines = counts.lines();
        assert_eq!(lines[0], "rejected: 1 check_digits, 2 format");
        assert!(lines[1].starts_with("1 of those that are format have ten digits"), "{lines:?}");
        assert!(lines[1].contains("--leading-zeros"));
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn the_form_in_a_checkpoint_is_fixed() {
        let mut counts = RejectCounts::not_counted(3);
        counts.add(RowCode::Format);
        for cause in
            [Cause::Blanks, Cause::Decimals, Cause::Formula, Cause::LostZero, Cause::Scientific]
        {
            counts.add_cause(cause);
        }
        let text = "{\"codes\":{\"format\":1,\"not_counted\":3},\"causes\":{\"blanks\":1,\
                    \"decimals\":1,\"formula\":1,\"lost_zero\":1,\"scientific\":1}}";
        assert_eq!(serde_json::to_string(&counts).unwrap(), text);
        assert_eq!(serde_json::from_str::<RejectCounts>(text).unwrap(), counts);
        assert_eq!(RejectCounts::not_counted(0), RejectCounts::default());
    }
}
