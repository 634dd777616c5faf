//! Which of a person's data in a register a case or an order is about.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::disclosure::line::Line;

/// Most records that one case names.
pub const RECORDS_MAX: usize = 100;

/// Which of a person's data in a register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// Those about days up to and with this one.
    Period {
        /// The last day.
        up_to: Date,
    },
    /// Those records, as the register names them.
    Records {
        /// Their names, ascending, each once.
        records: Vec<Line>,
    },
    /// All of them.
    Whole,
}

/// Why texts name no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// None, or too many.
    #[error("must be 1 to 100 different records")]
    Count,
    /// Not a name.
    #[error("has a name that is not one line without a fødselsnummer")]
    Name,
}

impl Scope {
    /// Named records.
    ///
    /// # Errors
    ///
    /// [`ScopeError`].
    pub fn records(names: &[String]) -> Result<Self, ScopeError> {
        let parsed: Result<Vec<Line>, _> = names.iter().map(|name| name.parse()).collect();
        let mut records = parsed.map_err(|_| ScopeError::Name)?;
        records.sort_unstable();
        records.dedup();
        if records.is_empty() || records.len() > RECORDS_MAX || records.len() != names.len() {
            return Err(ScopeError::Count);
        }
        Ok(Self::Records { records })
    }

    /// Whether all that `other` is about is in this too, as far as one can tell without the data.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole, _) => true,
            (Self::Period { up_to }, Self::Period { up_to: other }) => other <= up_to,
            (Self::Records { records }, Self::Records { records: others }) => {
                others.iter().all(|one| records.contains(one))
            }
            (Self::Period { .. } | Self::Records { .. }, _) => false,
        }
    }

    /// In a few words, without the names of records.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Period { up_to } => format!("data up to {up_to}"),
            Self::Records { records } => format!("{} named records", records.len()),
            Self::Whole => "all data".to_owned(),
        }
    }
}
