//! `--id-column NAME[:TYPE[:OUTPUT]]`: what is replaced, and by what.

use clap::ValueEnum;

use super::words::IdentifierType;
use crate::cli::error::Error;
use crate::files::guard::Exception;
use crate::files::{IdColumn, LeadingZeros, Presence};

/// A column as it is given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnOption {
    name: String,
    declared: Option<IdentifierType>,
    output: Option<String>,
}

/// A column with everything that is decided about it.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// What its identifiers are.
    pub(super) kind: IdentifierType,
    /// How it is read and written.
    pub(super) column: IdColumn,
}

/// What holds for all columns.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    /// What the identifiers are, where a column does not say.
    pub(super) kind: IdentifierType,
    /// What the register calls its ID.
    pub(super) output: &'a str,
    /// Whether ten digits are eleven.
    pub(super) leading_zeros: LeadingZeros,
}

/// Reads `NAME[:TYPE[:OUTPUT]]`; `\:` is a colon in a name.
pub(super) fn parse_column(text: &str) -> Result<ColumnOption, String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&':') => {
                characters.next();
                push(&mut parts, ':');
            }
            ':' => parts.push(String::new()),
            other => push(&mut parts, other),
        }
    }
    let mut parts = parts.into_iter();
    let name = parts.next().filter(|name| !name.is_empty()).ok_or("the name is empty")?;
    let declared = match parts.next() {
        Some(kind) if !kind.is_empty() => {
            Some(IdentifierType::from_str(&kind, true).map_err(|_| {
                format!("{kind} is no type: any, fnr, dnr, hnr, felles, duf or local")
            })?)
        }
        _ => None,
    };
    let output = parts.next().filter(|output| !output.is_empty());
    if parts.next().is_some() {
        return Err("more than NAME:TYPE:OUTPUT; a colon in a name is written \\:".to_owned());
    }
    Ok(ColumnOption { name, declared, output })
}

fn push(parts: &mut [String], character: char) {
    if let Some(last) = parts.last_mut() {
        last.push(character);
    }
}

/// Reads `COLUMN=REASON`.
pub(in crate::cli) fn parse_exception(text: &str) -> Result<Exception, String> {
    match text.rsplit_once('=') {
        Some((column, reason)) if !column.is_empty() && reason.trim().len() >= 3 => {
            Ok(Exception { column: column.to_owned(), reason: reason.trim().to_owned() })
        }
        _ => Err("not COLUMN=REASON, with a reason that somebody else understands".to_owned()),
    }
}

/// Decides about all columns.
///
/// # Errors
///
/// A column twice; two columns of IDs with one name.
pub(super) fn declare(
    required: &[ColumnOption],
    optional: &[ColumnOption],
    common: Common<'_>,
) -> Result<Vec<Declared>, Error> {
    let required = required.iter().map(|column| (column, Presence::Required));
    let all = required.chain(optional.iter().map(|column| (column, Presence::Optional)));
    let mut columns: Vec<Declared> = Vec::new();
    for (option, presence) in all {
        let kind = option.declared.unwrap_or(common.kind);
        let output = option.output.clone().unwrap_or_else(|| common.output.to_owned());
        if columns.iter().any(|column| column.column.name == option.name) {
            return Err(Error::usage(format!("the column {} is given twice", option.name)));
        }
        if columns.iter().any(|column| column.column.output == output) {
            return Err(Error::usage(format!("two columns of IDs would be called {output}"))
                .advise(
                    "Name each: --id-column NAME:TYPE:OUTPUT, for example mother::mother_id.",
                ));
        }
        let column = IdColumn {
            name: option.name.clone(),
            output,
            presence,
            digits: match kind {
                IdentifierType::Duf | IdentifierType::Local => 12,
                _ => 11,
            },
            leading_zeros: common.leading_zeros,
        };
        columns.push(Declared { kind, column });
    }
    Ok(columns)
}

/// Whether any column has, by declaration, what is unique only together with its assigner.
pub(super) fn needs_assigner(
    required: &[ColumnOption],
    optional: &[ColumnOption],
    common: IdentifierType,
) -> bool {
    let mut kinds = required.iter().chain(optional).map(|column| column.declared.unwrap_or(common));
    kinds.any(|kind| matches!(kind, IdentifierType::Hnr | IdentifierType::Local))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: Common<'_> =
        Common { kind: IdentifierType::Any, output: "npr_id", leading_zeros: LeadingZeros::Kept };

    #[test]
    fn a_column_has_a_name_and_perhaps_a_type_and_an_output() {
        let parse = |text: &str| {
            let column = parse_column(text)?;
            Ok::<_, String>((column.name, column.declared, column.output))
        };
        let name = |text: &str| text.to_owned();
        assert_eq!(parse("fnr"), Ok((name("fnr"), None, None)));
        let typed = Some(IdentifierType::Duf);
        assert_eq!(parse("a:duf:b"), Ok((name("a"), typed, Some(name("b")))));
        assert_eq!(parse("a::b"), Ok((name("a"), None, Some(name("b")))));
        assert_eq!(parse("a\\:b:duf"), Ok((name("a:b"), typed, None)));
        for wrong in ["", ":duf", "a:nonsense", "a:duf:b:c"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn columns_and_their_outputs_have_names_of_their_own() {
        let columns = |texts: &[&str]| {
            texts.iter().map(|text| parse_column(text).unwrap()).collect::<Vec<_>>()
        };
        let declared = declare(&columns(&["mother"]), &columns(&["child::c"]), COMMON).unwrap();
        let outputs: Vec<&str> = declared.iter().map(|d| d.column.output.as_str()).collect();
        assert_eq!(outputs, ["npr_id", "c"]);
        assert_eq!(declared[1].column.presence, Presence::Optional);
        let same = declare(&columns(&["mother", "child"]), &[], COMMON).unwrap_err();
        assert!(same.to_string().contains("npr_id"), "{same}");
        assert!(declare(&columns(&["a"]), &columns(&["a::b"]), COMMON).is_err());
    }

    #[test]
    fn an_exception_needs_a_reason() {
        let exception = parse_exception("a=b=case 7").unwrap();
        assert_eq!((exception.column.as_str(), exception.reason.as_str()), ("a=b", "case 7"));
        for wrong in ["a", "a=", "=why not", "a= x "] {
            assert!(parse_exception(wrong).is_err(), "{wrong}");
        }
    }
}
