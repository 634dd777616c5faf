//! The words that options of `hvelv pseudonymize` take.

use clap::ValueEnum;

use crate::rpc::proto;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// A person seen for the first time is recorded and gets an ID.
    Assign,
    /// Look-up only: who is not in the register is answered `unknown`.
    Resolve,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EncodingOption {
    /// ISO-8859-1 (Latin-1).
    #[value(name = "iso-8859-1", alias = "latin1")]
    Latin1,
    /// UTF-8, with or without a byte order mark.
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatOption {
    Csv,
    Parquet,
}

/// What becomes of rows without an ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Rejected {
    /// They stay, without an ID; but not those that are suppressed.
    Keep,
    /// They are not in the output.
    LeaveOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Purpose {
    /// A corrected delivery that replaces an earlier one.
    Correction,
    /// A historical import, the only one that a closed register takes.
    HistoricalImport,
    /// Quality control within the register.
    QualityControl,
    /// The source's ordinary reporting.
    Reporting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IdentifierType {
    /// Any of them but local numbers, told apart by value.
    Any,
    /// D-number.
    Dnr,
    /// DUF-number, 12 digits.
    Duf,
    /// Felles hjelpenummer.
    Felles,
    /// Fødselsnummer.
    Fnr,
    /// H-number; give --assigner.
    Hnr,
    /// A patient's number in one institution, as text; give --assigner.
    Local,
}

impl From<IdentifierType> for proto::IdentifierType {
    fn from(declared: IdentifierType) -> Self {
        match declared {
            IdentifierType::Any => Self::Any,
            IdentifierType::Dnr => Self::Dnr,
            IdentifierType::Duf => Self::Duf,
            IdentifierType::Felles => Self::Felles,
            IdentifierType::Fnr => Self::Fnr,
            IdentifierType::Hnr => Self::Hnr,
            IdentifierType::Local => Self::Local,
        }
    }
}
