//! The codes that configuration files, the protocol and the audit log share.
//!
//! All are ASCII without spaces, so that they can stand in a log line or a role as they are.

pub use super::words::{MalformedCode, UnknownWord};
use super::words::{code_type, shown, word_enum};

code_type! {
    /// The code of a register, such as `NPR`.
    pub struct RegisterCode: "a register code",
    "a capital letter, then 1 to 15 capital letters or digits",
    |code| (2..=16).contains(&code.len())
        && code[0].is_ascii_uppercase()
        && code.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
}

code_type! {
    /// The code of a source within a register, such as `HF` or `HF-OUS`.
    pub struct SourceCode: "a source code",
    "a capital letter, then up to 31 capital letters, digits or hyphens",
    |code| (1..=32).contains(&code.len())
        && code[0].is_ascii_uppercase()
        && code.iter().all(|byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'-'
        });
}

code_type! {
    /// The code of an organisation in the catalogue, such as `FHI`.
    pub struct OrganisationCode: "an organisation code",
    "a capital letter, then 1 to 15 capital letters or digits",
    |code| (2..=16).contains(&code.len())
        && code[0].is_ascii_uppercase()
        && code.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
}

code_type! {
    /// The code of a term that a register defines for itself, such as a category of variables.
    pub struct TermCode: "a term",
    "a small letter, then up to 63 small letters, digits or underscores",
    |code| (1..=64).contains(&code.len())
        && code[0].is_ascii_lowercase()
        && code.iter().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_'
        });
}

code_type! {
    /// The name of a principal in `access.toml`.
    pub struct PrincipalName: "a principal's name",
    "1 to 64 of a-z, 0-9, dot, underscore and hyphen",
    |code| (1..=64).contains(&code.len())
        && code.iter().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(byte)
        });
}

word_enum! {
    /// What disclosed data are used for (D-20).  Ingest has purposes of its own.
    pub enum DisclosurePurpose {
        /// Klinisk beslutningsstøtteverktøy.
        ClinicalDecisionSupport = "clinical_decision_support",
        /// Helseanalyser.
        HealthAnalysis = "health_analysis",
        /// Styring.
        Management = "management",
        /// Planlegging.
        Planning = "planning",
        /// Beredskap.
        Preparedness = "preparedness",
        /// Kvalitetsforbedring.
        QualityImprovement = "quality_improvement",
        /// Forskning.
        Research = "research",
        /// Statistikk.
        Statistics = "statistics",
    }
}

word_enum! {
    /// Whether the fødselsnummer goes with the data.
    pub enum Identifiers {
        /// It goes with them.
        With = "with",
        /// It does not.
        Without = "without",
    }
}

/// The number of an organisation in Enhetsregisteret: nine digits, the last a check digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganisationNumber(u32);

/// Text that is not an organisation number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationNumberError {
    /// The last digit is not the check digit of the first eight.
    #[error("{0} is not an organisation number (its check digit is wrong)")]
    CheckDigit(String),
    /// Not nine digits.
    #[error("{0} is not an organisation number (nine digits without spaces)")]
    Format(String),
}

impl std::str::FromStr for OrganisationNumber {
    type Err = OrganisationNumberError;

    /// Digits d1..d9 are an organisation number if (3·d1 + 2·d2 + 7·d3 + … + 2·d8 + d9) mod 11 = 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WEIGHTS: [u32; 9] = [3, 2, 7, 6, 5, 4, 3, 2, 1];
        let digits = text.as_bytes();
        if digits.len() != WEIGHTS.len() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(OrganisationNumberError::Format(shown(text)));
        }
        let values = digits.iter().map(|digit| u32::from(digit - b'0'));
        let sum: u32 = values.clone().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
        let number = values.fold(0, |number, digit| number * 10 + digit);
        if number == 0 || !sum.is_multiple_of(11) {
            return Err(OrganisationNumberError::CheckDigit(shown(text)));
        }
        Ok(Self(number))
    }
}

impl std::fmt::Display for OrganisationNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:09}", self.0)
    }
}

/// What a list of roles must know about the registers: which exist, and their sources.
///
/// [`crate::registers::catalogue::Catalogue`] is one.  The trait stands here so that configuration
/// depends on nothing.
pub trait RegisterDirectory {
    /// The codes of all registers.
    fn register_codes(&self) -> Vec<&RegisterCode>;

    /// The codes of a register's sources, or `None` if there is no such register.
    fn source_codes(&self, register: &RegisterCode) -> Option<Vec<&SourceCode>>;

    /// The codes of the quality registers whose consents a register keeps.
    fn quality_codes(&self, _: &RegisterCode) -> Vec<&SourceCode> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn accepted<T: FromStr>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text} was refused");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn codes_have_their_form_and_no_other() {
        let long = "A".repeat(16);
        let too_long = "A".repeat(17);
        accepted::<RegisterCode>(&["NPR", "X2", &long], &["", "N", "npr", "DÅR", "2X", &too_long]);
        accepted::<OrganisationCode>(&["FHI"], &["fhi", "F-I", ""]);
        accepted::<SourceCode>(&["HF", "HF-OUS", "K"], &["", "*", "-HF", "hf", "HF OUS", "HF:A"]);
        accepted::<TermCode>(&["co_payment"], &["", "Co", "_a", "a b"]);
        accepted::<PrincipalName>(&["kari.nordmann", "npr-hf_1"], &["", "Kari", "a b", "a\n"]);
        accepted::<PrincipalName>(&[&"a".repeat(64)], &[&"a".repeat(65)]);
    }

    #[test]
    fn organisation_numbers_have_nine_digits_and_a_check_digit() {
        let good = ["983744516", "983544622", "971526920", "993467049"];
        let bad = ["983744517", "98374451", "9837445160", "983 744 516", "000000000", "98374451６"];
        accepted::<OrganisationNumber>(&good, &bad);
        assert_eq!(good[0].parse::<OrganisationNumber>().unwrap().to_string(), good[0]);
    }

    #[test]
    fn a_malformed_code_is_named_with_its_form() {
        let error = "npr".parse::<RegisterCode>().unwrap_err().to_string();
        assert!(error.starts_with("`npr` is not a register code (a capital letter"), "{error}");
    }
}
