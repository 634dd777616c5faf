//! `hvelv alias`: IDs that a register had before, loaded, converted and told as pairs.

use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroize;

use super::connect::{Caller, Channel, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use crate::files::delimited::{Layout, Table};
use crate::files::{Format, Source};
use crate::rpc::proto::alias_service_client::AliasServiceClient;
use crate::rpc::proto::{
    Alias, AliasProblem, ConvertIdsRequest, ListAliasesRequest, LoadAliasesRequest, RefusedAlias,
};

/// A client of the service.
type Client = AliasServiceClient<Channel>;

/// Rows in one request.
const ROWS_AT_ONCE: usize = 10_000;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv pseudonymize --register NPR --source HF --column fnr pairs.csv --out pairs-npr.csv …
  hvelv alias load --register NPR --id npr_id --existing gammel_id pairs-npr.csv
  hvelv alias convert --register NPR --existing gammel_id old-extract.csv
  hvelv alias list --register NPR --after 41000 --json

A register that had IDs of its own before loads them once, beside the ones of today; from then on
an old one leads to whom it stood for. Identifiers are not taken here: a file with them is
pseudonymized first.";

const LOAD_EXAMPLES: &str = "\
Examples:
  hvelv alias load --register NPR --id npr_id --existing gammel_id pairs-npr.csv --connect npr.toml
  hvelv alias load --register NPR --id npr_id --existing gammel_id pairs-npr.csv --skip 1200000

Pairs that are known are counted and change nothing, so that a load that broke off can be run again
from its beginning, or from the row that it said. Each row that was not loaded is one line on
standard output: number of the row, from 1, and why. Nothing is guessed: an existing ID that stands
for somebody else stays theirs. Needs the role import for all sources of the register.";

const CONVERT_EXAMPLES: &str = "\
Examples:
  hvelv alias convert --register NPR --existing gammel_id old-extract.csv --connect npr.toml

One line a row: the ID of today, or nothing where there is none. It is a look-up: it spends budgets,
and the persons are recorded. Needs the role ingest or resolve for all sources of the register.";

const LIST_EXAMPLES: &str = "\
Examples:
  hvelv alias list --register NPR --connect npr.toml
  hvelv alias list --register NPR --after 41000 --json --connect npr.toml

Each line: number, existing ID, ID of today. Keep the last number and go on after it. Needs the role
ingest or resolve for all sources of the register.";

/// Loads and converts IDs that a register had before.
#[derive(Debug, clap::Args)]
pub(super) struct AliasCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Answers existing IDs with those of today.
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(ConvertOptions),
    /// Shows existing IDs with those of today, in the order in which they were loaded.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Loads existing IDs beside those of today.
    #[command(after_help = LOAD_EXAMPLES)]
    Load(LoadOptions),
}

#[derive(Debug, clap::Args)]
struct FileOptions {
    /// CSV in UTF-8 with a header.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The register.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// The column of existing IDs.
    #[arg(long, value_name = "COLUMN")]
    existing: String,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct LoadOptions {
    #[command(flatten)]
    file: FileOptions,

    /// The column of IDs of today.
    #[arg(long, value_name = "COLUMN")]
    id: String,

    /// Rows that were loaded before, by what an earlier run has said.
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    skip: u64,

    /// Ends with exit code 8 if rows were refused.
    #[arg(long)]
    fail_on_rejects: bool,
}

#[derive(Debug, clap::Args)]
struct ConvertOptions {
    #[command(flatten)]
    file: FileOptions,
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    /// The register.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// The last number that was read.
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,

    /// Writes one JSON object a line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// An unreadable file, no connection, or what the server says.
pub(super) fn run(command: &AliasCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Convert(options) => convert(&options.file),
        Action::List(options) => list(options),
        Action::Load(options) => load(options),
    }
}

async fn client(connection: &ConnectOptions) -> Result<Client, Error> {
    Ok(AliasServiceClient::new(connection.channel(Caller::Known).await?))
}

/// A CSV file, read some rows at a time.  Its cells are shown to nobody but the server.
pub(in crate::cli) struct Rows {
    table: Table<Source>,
    columns: usize,
}

impl Rows {
    /// Opens a file with these columns.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no CSV, or has no such column.
    pub(in crate::cli) fn open(path: &Path, columns: &[&str]) -> Result<Self, Error> {
        let source = Source::open(path)?;
        if source.format(path) == Format::Parquet {
            let said = format!("{} is Parquet", path.display());
            return Err(Error::input(said).advise("Give a CSV file."));
        }
        let table = Table::open(source, columns, Layout::default())?;
        Ok(Self { table, columns: columns.len() })
    }

    /// The cells of the next rows; none at the end.
    ///
    /// # Errors
    ///
    /// A row that cannot be read.
    pub(in crate::cli) fn read(&mut self, most: usize) -> Result<Vec<Vec<String>>, Error> {
        let (mut rows, mut bytes) = (Vec::new(), Vec::new());
        while rows.len() < most {
            let Some(row) = self.table.append_row(&mut bytes)? else { break };
            let cell = |column| {
                // What is no text is sent empty, and is refused by its row.
                let cell = self.table.cell(column, &bytes, row);
                std::str::from_utf8(cell).unwrap_or_default().to_owned()
            };
            rows.push((0..self.columns).map(cell).collect());
            bytes.zeroize();
        }
        Ok(rows)
    }
}

fn load(options: &LoadOptions) -> Result<Exit, Error> {
    let LoadOptions { file, id, skip, .. } = options;
    let mut rows = Rows::open(&file.file, &[&file.existing, id])?;
    let mut left = *skip;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(ROWS_AT_ONCE).min(ROWS_AT_ONCE);
        let skipped = rows.read(most)?.len() as u64;
        if skipped == 0 {
            return Err(Error::usage("the file has fewer rows than --skip"));
        }
        left -= skipped;
    }
    let (mut done, mut loaded, mut unchanged, mut refused) = (*skip, 0, 0, 0);
    block_on(async {
        let mut client = client(&file.connection).await?;
        loop {
            let batch = rows.read(ROWS_AT_ONCE)?;
            if batch.is_empty() {
                return Ok(());
            }
            let count = batch.len() as u64;
            let mut request = LoadAliasesRequest {
                register: file.register.clone(),
                ..LoadAliasesRequest::default()
            };
            for mut row in batch {
                // What is no number is nobody's ID, and is refused by its row.
                let id = row.pop().and_then(|id| id.parse().ok()).unwrap_or_default();
                request.ids.push(id);
                request.existing_ids.push(row.pop().unwrap_or_default());
            }
            let answered = client.load_aliases(request).await.map_err(|status| {
                let again = format!("{done} rows are loaded; go on with --skip {done}.");
                Error::from(status).advise(again)
            })?;
            let answered = answered.into_inner();
            answered.refused.iter().for_each(|one| output::result(&refused_line(one, done)));
            done += count;
            loaded += answered.loaded;
            unchanged += answered.unchanged;
            refused += answered.refused.len() as u64;
        }
    })?;
    output::note(&format!("{loaded} loaded, {unchanged} known before, {refused} refused"));
    let fails = options.fail_on_rejects && refused > 0;
    Ok(if fails { Exit::Rejects } else { Exit::Success })
}

fn refused_line(refused: &RefusedAlias, before: u64) -> String {
    let problem = match refused.problem() {
        AliasProblem::Contradicted => "contradicted",
        AliasProblem::LooksLikeIdentifier => "looks_like_identifier",
        AliasProblem::Malformed => "malformed",
        AliasProblem::Suppressed => "suppressed",
        AliasProblem::Taken => "taken",
        AliasProblem::UnknownId => "unknown_id",
        AliasProblem::Unspecified => "unknown",
    };
    format!("{} {problem}", before + u64::from(refused.row) + 1)
}

fn convert(options: &FileOptions) -> Result<Exit, Error> {
    let mut rows = Rows::open(&options.file, &[&options.existing])?;
    let mut missing = 0;
    block_on(async {
        let mut client = client(&options.connection).await?;
        loop {
            let batch = rows.read(ROWS_AT_ONCE)?;
            if batch.is_empty() {
                return Ok(());
            }
            let request = ConvertIdsRequest {
                register: options.register.clone(),
                existing_ids: batch.into_iter().flatten().collect(),
            };
            let answered = client.convert_ids(request).await?.into_inner();
            for id in &answered.ids {
                output::result(&if *id == 0 { String::new() } else { id.to_string() });
            }
            missing += answered.notes.len();
        }
    })?;
    output::note(&format!("{missing} without an ID"));
    Ok(Exit::Success)
}

fn list(options: &ListOptions) -> Result<Exit, Error> {
    block_on(async {
        let mut client = client(&options.connection).await?;
        let mut after = options.after;
        loop {
            let register = options.register.clone();
            let request = ListAliasesRequest { register, after, limit: 0 };
            let answered = client.list_aliases(request).await?.into_inner();
            answered.aliases.iter().for_each(|one| output::result(&line(one, options.json)));
            after = answered.last;
            if !answered.more {
                break;
            }
        }
        output::note(&format!("read up to {after}"));
        Ok(Exit::Success)
    })
}

fn line(alias: &Alias, as_json: bool) -> String {
    let Alias { sequence, existing_id, id } = alias;
    if as_json {
        let line = json!({ "sequence": sequence, "existing_id": existing_id, "id": id });
        return line.to_string();
    }
    format!("{sequence} {existing_id} {id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_some_at_a_time_and_refused_ones_are_told_by_their_number() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pairs.csv");
        std::fs::write(&path, "npr_id;x;gammel\n1;;a\n2;;\"b c\"\n3;;\n").unwrap();
        let mut rows = Rows::open(&path, &["gammel", "npr_id"]).unwrap();
        assert_eq!(rows.read(2).unwrap(), [["a", "1"], ["b c", "2"]]);
        assert_eq!(rows.read(2).unwrap(), [["", "3"]]);
        assert!(rows.read(2).unwrap().is_empty());
        let refused = RefusedAlias { row: 2, problem: AliasProblem::Taken.into() };
        assert_eq!(refused_line(&refused, 10_000), "10003 taken");
        let alias = Alias { sequence: 7, existing_id: "a".to_owned(), id: 9 };
        assert_eq!(line(&alias, false), "7 a 9");
    }
}
