//! What a register is asked for about one person, and what it answers.
//!
//! Why it exists: Hvelv holds identities and no health data.  What a register's own records say, the
//! register must say; this is the form in which it is asked and answers, so that one report holds both.
//!
//! FORMAT: docs/FORMATS.md, section "Innsyn in a register's records".
//!
//! INVARIANT: a request names the person by register ID alone; an answer names nobody.
//!
//! What it does *not* protect: that an answer is about the one who was asked for.  It carries the
//! request's number, and whoever merges it has both.

use serde::{Deserialize, Serialize};

use super::report::ReportError;

/// The only version yet, of both.
const VERSION: u32 = 1;
/// What an answer may have at most: enough for a long life in a register, and not for a mistake.
const SECTIONS_MAX: usize = 100;
const COLUMNS_MAX: usize = 50;
const ROWS_MAX: usize = 100_000;

/// What a register is asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    v: u32,
    kind: RequestKind,
    /// The number of the audit entry of the request for innsyn.
    request: u64,
    /// The register.
    register: String,
    /// The person's IDs in it: one, or more after identities were joined.
    register_ids: Vec<String>,
    /// When it was asked for, RFC 3339.
    made: String,
    /// Codes of what the standard report leaves out.
    exclusions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum RequestKind {
    #[serde(rename = "innsyn_request")]
    Request,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum AnswerKind {
    #[default]
    #[serde(rename = "innsyn_answer")]
    Answer,
}

impl RegisterRequest {
    /// What a register is asked, for a report.
    #[must_use]
    pub fn new(register: &super::report::Register, ids: &[u64], request: (u64, &str)) -> Self {
        Self {
            v: VERSION,
            kind: RequestKind::Request,
            request: request.0,
            register: register.code.clone(),
            register_ids: ids.iter().map(|id| format!("{id:015}")).collect(),
            made: request.1.to_owned(),
            exclusions: register.exclusions.iter().map(|term| term.code.clone()).collect(),
        }
    }

    /// The request as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // PANIC: the request has strings, numbers and lists of them.
        serde_json::to_string_pretty(self).expect("a request is JSON")
    }
}

/// What a register answers.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(deny_unknown_fields)]
pub struct RegisterAnswer {
    v: u32,
    kind: AnswerKind,
    /// The request's number.
    pub request: u64,
    /// The register.
    pub register: String,
    /// When it was made, RFC 3339.
    pub made: String,
    /// What the records say, in bokmål.
    pub sections: Vec<Section>,
    /// What else the register wants to say, in bokmål.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A table of an answer.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// The heads of its columns.
    pub columns: Vec<String>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<String>>,
}

impl RegisterAnswer {
    /// Reads what a register has answered.
    ///
    /// # Errors
    ///
    /// [`ReportError::Malformed`], [`ReportError::Shape`].
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        let malformed = ReportError::Malformed { what: "answer of a register" };
        let answer: Self = serde_json::from_str(text).map_err(|_| malformed)?;
        if answer.v != VERSION {
            return Err(malformed);
        }
        let shape = |what| Err(ReportError::Shape { what });
        if answer.sections.len() > SECTIONS_MAX {
            return shape("more than 100 sections");
        }
        for Section { columns, rows, .. } in &answer.sections {
            if !(1..=COLUMNS_MAX).contains(&columns.len()) {
                return shape("a section with no column, or with more than 50");
            }
            if rows.len() > ROWS_MAX {
                return shape("a section with more than 100,000 rows");
            }
            if rows.iter().any(|row| row.len() != columns.len()) {
                return shape("a row with another number of cells than its section has columns");
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::{Register, Report, Term};
    use super::*;

    const ANSWER: &str = r#"{
        "v": 1, "kind": "innsyn_answer", "request": 7, "register": "NPR",
        "made": "2026-03-01T12:00:00Z",
        "sections": [{"title": "Kontakter", "columns": ["Dato", "Sted"],
                      "rows": [["2026-01-02", "Sykehuset"]]}]
    }"#;

    fn register() -> Register {
        let exclusions = vec![Term { code: "financing".into(), name: "Finansiering".into() }];
        Register { code: "NPR".into(), exclusions, ..Register::default() }
    }

    #[test]
    fn a_request_is_the_golden_json() {
        let request = RegisterRequest::new(&register(), &[123], (7, "2026-03-01T12:00:00Z"));
        let golden = concat!(
            r#"{"v":1,"kind":"innsyn_request","request":7,"register":"NPR","#,
            r#""register_ids":["000000000000123"],"made":"2026-03-01T12:00:00Z","#,
            r#""exclusions":["financing"]}"#
        );
        assert_eq!(serde_json::to_string(&request).unwrap(), golden);
        assert_eq!(serde_json::from_str::<RegisterRequest>(&request.to_json()).unwrap(), request);
    }

    #[test]
    fn an_answer_goes_into_the_report_that_it_was_asked_for_and_into_no_other() {
        let answer = RegisterAnswer::from_json(ANSWER).unwrap();
        let report =
            Report { v: 1, audit_entry: 7, registers: vec![register()], ..Report::default() };
        let mut merged = report.clone();
        merged.merge(answer.clone()).unwrap();
        let records = merged.registers[0].records.as_ref().unwrap();
        assert_eq!(records.sections[0].rows[0][1], "Sykehuset");
        assert_eq!(Report::from_json(&merged.to_json()).unwrap(), merged);
        let mut other = Report { audit_entry: 8, ..report.clone() };
        assert_eq!(other.merge(answer.clone()), Err(ReportError::NotAsked));
        let mut other = Report { registers: Vec::new(), ..report };
        assert_eq!(other.merge(answer), Err(ReportError::NotAsked));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (from, to) in [
            (r#""v": 1"#, r#""v": 2"#),
            ("innsyn_answer", "innsyn_request"),
            (r#""made""#, r#""born""#),
            (r#"["2026-01-02", "Sykehuset"]"#, r#"["2026-01-02"]"#),
            (r#"["Dato", "Sted"]"#, "[]"),
        ] {
            assert!(RegisterAnswer::from_json(&ANSWER.replace(from, to)).is_err(), "{to}");
        }
    }
}
