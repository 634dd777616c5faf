//! What a decision lets out: variables, how coarse each of them is, and what is replaced.
//!
//! Why it exists: the decision, the server's record of it and the program that makes the extract
//! must mean the same.  This is the one type for all three.  What is not named here stays behind.
//!
//! FORMAT: the field names and words are those of the stored decision, of the wire and of the files
//! that describe a disclosure.  They are for ever.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The fewest persons that may share a combination, where a decision asks for small cells.
pub const PERSONS_MIN: u32 = 2;

/// Everything that a decision lets out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What is let out of each register's data; at least one, each register once.
    pub registers: Vec<RegisterTerms>,
    /// Which combinations must not single anybody out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_cells: Option<SmallCells>,
}

/// What is let out of one register's data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterTerms {
    /// The register's code.
    pub register: String,
    /// The columns that are kept, in the order in which they come out.
    pub variables: Vec<Variable>,
    /// The columns that are replaced by surrogates and kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secondary: Vec<SecondaryIdentifier>,
}

/// One column that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The column's name.
    pub name: String,
    /// How it is made coarser; as it stands if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generalisation: Option<Generalisation>,
}

/// How a column is made coarser.  An empty cell stays empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub enum Generalisation {
    /// A date of birth, or a year of birth, becomes the band of years that the person's age on a day
    /// lies in: `40-44`.  From a year alone the age is the one reached in the day's year.
    AgeBand {
        /// How many years a band has, 1 to 50; bands begin at 0.
        years: u32,
        /// The day.
        on: Date,
    },
    /// A text becomes its first characters: `I21.4` becomes `I21`.
    FirstCharacters {
        /// How many, 1 to 64.
        count: u32,
    },
    /// A date, or date and time, becomes `2026-03`.
    Month,
    /// A number above the highest becomes the highest.
    TopCode {
        /// The highest number that comes out.
        highest: i64,
    },
    /// A date, or date and time, becomes its year.
    Year,
}

/// A column of identifiers other than the person's, such as episodes or local patient numbers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecondaryIdentifier {
    /// The column's name.
    pub column: String,
    /// The key space that the decision names: equal values of one key space have equal surrogates.
    pub key_space: String,
    /// The column that says where the identifier was given, if it is unique only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
}

/// The columns that must not single anybody out together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SmallCells {
    /// How many persons must share each combination: k.
    pub persons_min: u32,
    /// The columns, as they are named in the extract, of any of the disclosure's files.
    pub columns: Vec<String>,
}

/// What is wrong with terms; texts name columns and registers, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct TermsError {
    /// Which part, such as `registers.NPR.variables.birth_date`.
    pub at: String,
    /// What is wrong and what to do.
    pub what: &'static str,
}

impl Terms {
    /// Everything that is wrong.
    #[must_use]
    pub fn problems(&self) -> Vec<TermsError> {
        let mut problems = Vec::new();
        let mut add = |at: String, what: &'static str| problems.push(TermsError { at, what });
        if self.registers.is_empty() {
            add("registers".into(), "empty; name at least one register");
        }
        let mut registers = BTreeSet::new();
        for register in &self.registers {
            let at = format!("registers.{}", register.register);
            if !registers.insert(&register.register) {
                add(at.clone(), "named twice; put all its variables in one place");
            }
            register.add_problems(&at, &mut add);
        }
        if let Some(cells) = &self.small_cells {
            if cells.persons_min < PERSONS_MIN {
                add("small_cells.persons_min".into(), "below 2; 1 screens nothing");
            }
            if cells.columns.is_empty() {
                add("small_cells.columns".into(), "empty; name the columns to screen");
            }
            let mut seen = BTreeSet::new();
            for column in &cells.columns {
                let at = format!("small_cells.columns.{column}");
                if !seen.insert(column) {
                    add(at.clone(), "named twice");
                }
                let comes_out = |r: &RegisterTerms| r.variables.iter().any(|v| v.name == *column);
                if !self.registers.iter().any(comes_out) {
                    add(at, "no variable of that name comes out of any register");
                }
            }
        }
        problems
    }

    /// What is let out of a register's data, if anything.
    #[must_use]
    pub fn of(&self, register: &str) -> Option<&RegisterTerms> {
        self.registers.iter().find(|terms| terms.register == register)
    }
}

impl RegisterTerms {
    fn add_problems(&self, at: &str, add: &mut impl FnMut(String, &'static str)) {
        if self.variables.is_empty() && self.secondary.is_empty() {
            add(format!("{at}.variables"), "empty; name the columns that come out");
        }
        let names = self.variables.iter().map(|v| &v.name);
        let mut seen = BTreeSet::new();
        for name in names.chain(self.secondary.iter().map(|s| &s.column)) {
            if !seen.insert(name) {
                add(format!("{at}.{name}"), "named twice; a column comes out once");
            }
        }
        for variable in &self.variables {
            let what = match variable.generalisation {
                Some(Generalisation::AgeBand { years, .. }) if !(1..=50).contains(&years) => {
                    "years of a band must be 1 to 50"
                }
                Some(Generalisation::FirstCharacters { count }) if !(1..=64).contains(&count) => {
                    "count of characters must be 1 to 64"
                }
                _ => continue,
            };
            add(format!("{at}.variables.{}", variable.name), what);
        }
        for secondary in self.secondary.iter().filter(|s| s.key_space.is_empty()) {
            add(format!("{at}.secondary.{}", secondary.column), "no key space; name one");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        [[registers]]
        register = "NPR"
        variables = [
            { name = "birth_date", generalisation = { kind = "age_band", years = 5, on = "2026-01-01" } },
            { name = "icd10", generalisation = { kind = "first_characters", count = 3 } },
            { name = "in_date", generalisation = { kind = "month" } },
            { name = "sex" },
        ]
        secondary = [{ column = "patient_no", key_space = "patients", institution = "unit_orgnr" }]

        [small_cells]
        persons_min = 5
        columns = ["birth_date", "sex"]
    "#;

    fn terms() -> Terms {
        toml::from_str(WHOLE).unwrap()
    }

    #[test]
    fn terms_are_read_from_toml_and_kept_through_json() {
        let terms = terms();
        assert_eq!(terms.problems(), []);
        let json = serde_json::to_string(&terms).unwrap();
        assert_eq!(serde_json::from_str::<Terms>(&json).unwrap(), terms);
        assert!(json.contains(r#"{"kind":"age_band","years":5,"on":"2026-01-01"}"#), "{json}");
        assert!(toml::from_str::<Terms>(&WHOLE.replace("persons_min", "k")).is_err());
    }

    #[test]
    fn all_problems_are_listed_at_once() {
        let mut terms = terms();
        terms.registers[0].variables.push(Variable { name: "sex".into(), generalisation: None });
        terms.registers[0].variables[0].generalisation =
            Some(Generalisation::AgeBand { years: 0, on: jiff::civil::date(2026, 1, 1) });
        terms.registers[0].secondary[0].key_space.clear();
        let cells = terms.small_cells.as_mut().unwrap();
        cells.persons_min = 1;
        cells.columns.push("patient_no".into());
        let at: Vec<String> = terms.problems().into_iter().map(|problem| problem.at).collect();
        assert_eq!(
            at,
            [
                "registers.NPR.sex",
                "registers.NPR.variables.birth_date",
                "registers.NPR.secondary.patient_no",
                "small_cells.persons_min",
                "small_cells.columns.patient_no",
            ]
        );
    }
}
