//! What a number in a cell could be, and how often chance makes a number look like it. Pure.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::find::{Form, Found};
use crate::ident::{
    Declared, IdKind, Mode, RegisterId, RegisterIdError, Reject, Rules, RulesConfig, parse_number,
};

/// What the guard tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// D-number.
    Dnr,
    /// DUF-number.
    Duf,
    /// Felles hjelpenummer.
    Felles,
    /// Fødselsnummer.
    Fnr,
    /// H-number.
    Hnr,
    /// A fødselsnummer or D-number against a letter.
    InWord,
    /// A fødselsnummer whose leading zero is lost.
    LostZero,
    /// A register ID.
    RegisterId,
    /// The row's own identifier, or one of those in the file's columns of identifiers.
    Repeated,
}

impl Kind {
    /// All of them, in the order of their number.
    pub(super) const ALL: [Self; 9] = [
        Self::Dnr,
        Self::Duf,
        Self::Felles,
        Self::Fnr,
        Self::Hnr,
        Self::InWord,
        Self::LostZero,
        Self::RegisterId,
        Self::Repeated,
    ];

    /// Its place among the counts.
    pub(super) const fn place(self) -> usize {
        self as usize
    }

    /// What a person calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dnr => "D-number",
            Self::Duf => "DUF-number",
            Self::Felles => "felles hjelpenummer",
            Self::Fnr => "fødselsnummer",
            Self::Hnr => "H-number",
            Self::InWord => "fødselsnummer or D-number within a word",
            Self::LostZero => "fødselsnummer without its leading zero",
            Self::RegisterId => "register ID",
            Self::Repeated => "identifier repeated from the ID column",
        }
    }

    /// Whether one of them is enough to refuse the file.
    pub(super) const fn is_single(self) -> bool {
        matches!(self, Self::Dnr | Self::Fnr)
    }
}

/// Tells kinds apart, under the rules of one day.
pub(super) struct Classifier {
    rules: Rules,
    today: Date,
}

impl Classifier {
    /// Takes real and marked numbers alike.
    ///
    /// Real ones count in a test environment, where they are the worst thing to leak; marked ones
    /// count in production, where they show that a column holds identifiers. So the guard needs not
    /// know which environment it is in.
    pub(super) fn new(today: Date) -> Option<Self> {
        let rules = Rules::new(&RulesConfig::new(Mode::Production)).ok()?;
        Some(Self { rules, today })
    }

    /// What a number is, or is formed like; and whether its check digits match too.
    pub(super) fn classify(&self, found: Found) -> Option<(Kind, bool)> {
        match (found.digits, found.form) {
            (10, Form::Whole) => Some((Kind::LostZero, self.dated(found.number)?)),
            (11, Form::InWord) => Some((Kind::InWord, self.dated(found.number)?)),
            (11, _) => self.eleven(found.number),
            (12, Form::Whole | Form::Word) => self.twelve(found.number),
            (15, Form::Whole | Form::Word) => match RegisterId::try_from_u64(found.number) {
                Ok(_) => Some((Kind::RegisterId, true)),
                Err(RegisterIdError::CheckDigit) => Some((Kind::RegisterId, false)),
                Err(RegisterIdError::Format) => None,
            },
            _ => None,
        }
    }

    /// How often, at most, chance makes a number of that form match.
    pub(super) fn chance(&self, kind: Kind) -> f64 {
        // Two check digits by 11; from 2032 the first may leave four rests of the eleven.
        let rests = if self.rules.accepts_2032(self.today) { 4.0 } else { 1.0 };
        match kind {
            Kind::Dnr | Kind::Felles | Kind::Fnr | Kind::Hnr => rests / 121.0,
            Kind::InWord | Kind::LostZero => rests / 121.0,
            // Of numbers whose last two digits are a remainder by 11, whatever they count.
            Kind::Duf => 1.0 / 11.0,
            Kind::RegisterId => 0.1,
            Kind::Repeated => 0.0,
        }
    }

    /// Whether eleven digits with a date that exists have matching check digits.
    fn dated(&self, number: u64) -> Option<bool> {
        match self.judge(number) {
            Ok(_) => Some(true),
            Err(Reject::CheckDigits) => Some(false),
            Err(_) => None,
        }
    }

    fn eleven(&self, number: u64) -> Option<(Kind, bool)> {
        let month = number / 10_000_000 % 100;
        match self.judge(number) {
            Ok(kind) => Some((kind, true)),
            Err(Reject::CheckDigits) if number >= 80_000_000_000 => Some((Kind::Felles, false)),
            Err(Reject::CheckDigits) if number < 40_000_000_000 && (41..=52).contains(&month) => {
                Some((Kind::Hnr, false))
            }
            Err(_) => None,
        }
    }

    /// DUF-numbers end with a sum's remainder by 11, 00 to 10. Numbers that end otherwise say
    /// nothing, so that whole hours and minutes of timestamps change nothing in what chance gives.
    fn twelve(&self, number: u64) -> Option<(Kind, bool)> {
        match self.judge(number) {
            Ok(kind) => Some((kind, true)),
            Err(Reject::CheckDigits) if number % 100 <= 10 => Some((Kind::Duf, false)),
            Err(_) => None,
        }
    }

    fn judge(&self, number: u64) -> Result<Kind, Reject> {
        match parse_number(&self.rules.at(self.today), Declared::Any, None, number) {
            Ok(id) => Ok(match id.kind() {
                IdKind::Dnr => Kind::Dnr,
                IdKind::Duf => Kind::Duf,
                IdKind::Felles => Kind::Felles,
                IdKind::Fnr => Kind::Fnr,
                IdKind::Hnr => Kind::Hnr,
                // By no value.
                IdKind::Local => return Err(Reject::Format),
            }),
            Err(Reject::AssignerMissing) => Ok(Kind::Hnr),
            // D-numbers begin with 4 to 7.
            Err(Reject::SyntheticInProduction) if number >= 40_000_000_000 => Ok(Kind::Dnr),
            Err(Reject::SyntheticInProduction) => Ok(Kind::Fnr),
            Err(other) => Err(other),
        }
    }
}
