//! `hvelv identity link` and `unlink`: identifiers that a file has in one row.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{Client, client};
use crate::cli::alias::Rows;
use crate::cli::connect::{ConnectOptions, block_on};
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::cli::subject::Kind;
use crate::rpc::proto::{
    IdentifierColumn, LinkIdentifiersRequest, LinkOutcome, UnlinkIdentifiersRequest,
};

/// Rows in one request.
const ROWS_AT_ONCE: usize = 5_000;

pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv identity link messages.csv --register NPR --source HF --column fnr:fnr --column dnr:dnr \\
    --column dufnr:duf --connect hospital.toml
  hvelv identity link messages.csv --register NPR --source HF --column fnr --column hjelpenr:hnr \\
    --assigner 974760673
  hvelv identity link idents.csv --register NPR --source HF --column fnr --column pasientNr:local \\
    --assigner 974760673

States that the identifiers of each row are one person's; an empty cell is none. Each row that is
not linked, and is not one person's already, is one line on standard output: number of the row, from
1, and why. Nothing is guessed, and a row is linked as a whole or not at all:
  both_in_register  two of them have an ID of their own in the register
  contradicted      with other rows of the same request it cannot be true; none of them is linked
  separated_before  they were one person's, and that was taken back
  same_kind         two fødselsnummer, D-numbers or DUF-numbers: the population register says that
  too_many_joined   more identifiers than a person may have
  withheld          somebody whom nothing may be stated of: why is not told
  identifier_refused  an identifier is malformed, or of another kind than its column
It can be run again. Needs the role link for the register and source, which nobody has by default.";

pub(super) const UNLINK_EXAMPLES: &str = "\
Examples:
  hvelv identity unlink wrong.csv --register NPR --source HF --column fnr:fnr --column dnr:dnr \\
    --connect hospital.toml

Takes back what `hvelv identity link` has stated for the same register and source, of the
identifiers of each row, and nothing that others have said. A row that was not is one line on
standard output: never_linked, or still_joined where others say so too. The same row is not linked
again: that is for the population register to say.";

#[derive(Debug, clap::Args)]
pub(super) struct LinkOptions {
    /// CSV in UTF-8 with a header.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The register that the rows are for.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// Its source.
    #[arg(long, value_name = "CODE")]
    source: String,

    /// A column of identifiers, and what they are: any, fnr, dnr, hnr, felles, duf or local. Two at
    /// least.
    #[arg(long = "column", value_name = "NAME[:TYPE]", required = true, value_parser = parse_column)]
    columns: Vec<Column>,

    /// Who assigned the H-numbers or local numbers: the organisation's number.
    #[arg(long, value_name = "ORGNR", default_value = "", hide_default_value = true)]
    assigner: String,

    /// Ends with exit code 8 if rows were not linked.
    #[arg(long)]
    fail_on_rejects: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// A column of identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    kind: Kind,
}

/// Reads `NAME[:TYPE]`; what is behind the last colon and no type is part of the name.
fn parse_column(text: &str) -> Result<Column, String> {
    let typed = text.rsplit_once(':');
    let typed = typed.and_then(|(name, kind)| Some((name, Kind::from_str(kind, true).ok()?)));
    let (name, kind) = typed.unwrap_or((text, Kind::Any));
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    Ok(Column { name: name.to_owned(), kind })
}

/// What is done with the rows.
#[derive(Clone, Copy)]
enum Statement {
    Link,
    Unlink,
}

pub(super) fn link(options: &LinkOptions) -> Result<Exit, Error> {
    run(options, Statement::Link)
}

pub(super) fn unlink(options: &LinkOptions) -> Result<Exit, Error> {
    run(options, Statement::Unlink)
}

fn run(options: &LinkOptions, statement: Statement) -> Result<Exit, Error> {
    let names: Vec<&str> = options.columns.iter().map(|column| column.name.as_str()).collect();
    if names.len() < 2 {
        return Err(Error::usage("one column of identifiers says nothing of another")
            .advise("Give --column twice at least."));
    }
    let mut rows = Rows::open(&options.file, &names)?;
    let (mut done, mut counts) = (0, Counts::default());
    block_on(async {
        let mut client = client(&options.connection).await?;
        loop {
            let batch = rows.read(ROWS_AT_ONCE)?;
            if batch.is_empty() {
                return Ok(());
            }
            let count = batch.len() as u64;
            for (row, outcome) in
                (done + 1..).zip(send(&mut client, options, statement, batch).await?)
            {
                let line = counts.add(outcome).map(|word| format!("{row} {word}"));
                line.into_iter().for_each(|line| output::result(&line));
            }
            done += count;
        }
    })?;
    let Counts { made, known, none, refused } = counts;
    let done = match statement {
        Statement::Link => "linked",
        Statement::Unlink => "taken back",
    };
    output::note(&format!(
        "{made} {done}, {known} known before, {none} with one identifier, {refused} refused"
    ));
    let fails = options.fail_on_rejects && refused > 0;
    Ok(if fails { Exit::Rejects } else { Exit::Success })
}

async fn send(
    client: &mut Client,
    options: &LinkOptions,
    statement: Statement,
    batch: Vec<Vec<String>>,
) -> Result<Vec<LinkOutcome>, Error> {
    let mut columns: Vec<IdentifierColumn> = options
        .columns
        .iter()
        .map(|column| IdentifierColumn {
            r#type: column.kind.on_wire().into(),
            assigner: options.assigner.clone(),
            values: Vec::with_capacity(batch.len()),
        })
        .collect();
    for row in batch {
        columns.iter_mut().zip(row).for_each(|(column, cell)| column.values.push(cell));
    }
    let (register, source) = (options.register.clone(), options.source.clone());
    Ok(match statement {
        Statement::Link => {
            let request = LinkIdentifiersRequest { register, source, columns };
            client.link_identifiers(request).await?.into_inner().outcomes().collect()
        }
        Statement::Unlink => {
            let request = UnlinkIdentifiersRequest { register, source, columns };
            client.unlink_identifiers(request).await?.into_inner().outcomes().collect()
        }
    })
}

/// How many rows became what.
#[derive(Default)]
struct Counts {
    made: u64,
    known: u64,
    none: u64,
    refused: u64,
}

impl Counts {
    /// Counts a row; its word, if it was refused.
    fn add(&mut self, outcome: LinkOutcome) -> Option<&'static str> {
        let (count, word) = match outcome {
            LinkOutcome::Linked | LinkOutcome::Unlinked => (&mut self.made, None),
            LinkOutcome::AlreadyOne => (&mut self.known, None),
            LinkOutcome::NothingToLink => (&mut self.none, None),
            LinkOutcome::BothInRegister => (&mut self.refused, Some("both_in_register")),
            LinkOutcome::Contradicted => (&mut self.refused, Some("contradicted")),
            LinkOutcome::IdentifierRefused => (&mut self.refused, Some("identifier_refused")),
            LinkOutcome::NeverLinked => (&mut self.refused, Some("never_linked")),
            LinkOutcome::SameKind => (&mut self.refused, Some("same_kind")),
            LinkOutcome::SeparatedBefore => (&mut self.refused, Some("separated_before")),
            LinkOutcome::StillJoined => (&mut self.refused, Some("still_joined")),
            LinkOutcome::TooManyJoined => (&mut self.refused, Some("too_many_joined")),
            LinkOutcome::Withheld => (&mut self.refused, Some("withheld")),
            LinkOutcome::Unspecified => (&mut self.refused, Some("unknown")),
        };
        *count += 1;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_a_name_and_perhaps_a_type() {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        assert_eq!(parse_column("a"), Ok(column("a", Kind::Any)));
        assert_eq!(parse_column("a:duf"), Ok(column("a", Kind::Duf)));
        assert_eq!(parse_column("a:b"), Ok(column("a:b", Kind::Any)));
        assert_eq!(parse_column("a:b:hnr"), Ok(column("a:b", Kind::Hnr)));
        assert!(parse_column("").is_err() && parse_column(":fnr").is_err());
    }

    #[test]
    fn a_row_that_is_not_linked_has_a_word() {
        let mut counts = Counts::default();
        assert_eq!(counts.add(LinkOutcome::Linked), None);
        assert_eq!(counts.add(LinkOutcome::AlreadyOne), None);
        assert_eq!(counts.add(LinkOutcome::Withheld), Some("withheld"));
        assert_eq!((counts.made, counts.known, counts.none, counts.refused), (1, 1, 0, 1));
    }
}
