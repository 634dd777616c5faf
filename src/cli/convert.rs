//! `hvelv convert`: IDs of a one-way register into those of another, in a window.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroizing;

use super::connect::{Caller, Channel, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use crate::files::destination::{Destination, Existing};
use crate::rpc::proto::conversion_service_client::ConversionServiceClient;
use crate::rpc::proto::{CloseConversionRequest, ConvertOneWayIdsRequest, OpenConversionRequest};

/// Rows of one request.
const ROWS_MAX: usize = 10_000;
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect keys/dev/officer.toml --act open_conversion \\
    --subject IPLOS:KPR --reason 'IPLOS into KPR' --basis 'case 26/1234' \\
    --parameter minutes=60 --parameter 'purpose=history in KPR' --parameter 'provision=KPR-f. § 1'
  hvelv convert open --from IPLOS --into KPR --minutes 60 --purpose 'history in KPR' \\
    --provision 'KPR-f. § 1' --connect keys/dev/officer.toml
  hvelv convert ids --from IPLOS --into KPR --output pairs.csv iplos-ids.txt \\
    --connect converter.toml
  hvelv convert close --from IPLOS --into KPR --connect keys/dev/officer.toml

Another person approves in between. Until the window ends, the server knows in memory who of the
one-way register is in the other; nothing that it stores says so. Whoever has the file of pairs
knows it: delete the file when it is used.";

const CLOSE_EXAMPLES: &str = "\
Examples:
  hvelv convert close --from IPLOS --into KPR --connect keys/dev/officer.toml

A window also ends by its time, and when the server is sealed.";

const IDS_EXAMPLES: &str = "\
Examples:
  hvelv convert ids --from IPLOS --into KPR --output pairs.csv iplos-ids.txt \\
    --connect converter.toml

Who is not in the other register, and who is nobody, have no second ID. Each person who is asked
about is told so in innsyn.";

const OPEN_EXAMPLES: &str = "\
Examples:
  hvelv convert open --from IPLOS --into KPR --minutes 60 --purpose 'history in KPR' \\
    --provision 'KPR-f. § 1' --connect keys/dev/officer.toml

Needs an approval of the act open_conversion about IPLOS:KPR, with these three as parameters.";

/// Converts IDs of a one-way register into those of another, in a window that two persons open.
#[derive(Debug, clap::Args)]
pub(super) struct ConvertCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Ends a window before its time.
    #[command(after_help = CLOSE_EXAMPLES)]
    Close(CloseOptions),
    /// Asks for the IDs in the other register. Needs the role convert:FROM:INTO.
    #[command(after_help = IDS_EXAMPLES)]
    Ids(IdsOptions),
    /// Opens a window, with another person's approval. Needs the role officer.
    #[command(after_help = OPEN_EXAMPLES)]
    Open(OpenOptions),
}

#[derive(Debug, clap::Args)]
struct Pair {
    /// The one-way register.
    #[arg(long, value_name = "CODE")]
    from: String,

    /// The other register.
    #[arg(long, value_name = "CODE")]
    into: String,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct CloseOptions {
    #[command(flatten)]
    pair: Pair,
}

#[derive(Debug, clap::Args)]
struct IdsOptions {
    #[command(flatten)]
    pair: Pair,

    /// Writes pairs to a file that must not exist: from_id,into_id; the second is empty for who is not
    /// in the other register.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// File with one ID of the one-way register a line.
    #[arg(value_name = "FILE")]
    ids: PathBuf,
}

#[derive(Debug, clap::Args)]
struct OpenOptions {
    #[command(flatten)]
    pair: Pair,

    /// How long it lasts, 1 to 480.
    #[arg(long, value_name = "N")]
    minutes: u32,

    /// What for, in a line; never a person's number.
    #[arg(long, value_name = "TEXT")]
    purpose: String,

    /// By which provision, in a line.
    #[arg(long, value_name = "TEXT")]
    provision: String,

    /// Writes JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// A file that cannot be read or written, no connection, or what the server says.
pub(super) fn run(command: &ConvertCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Close(options) => close(options),
        Action::Ids(options) => ids(options),
        Action::Open(options) => open(options),
    }
}

fn ask<T>(
    pair: &Pair,
    work: impl AsyncFnOnce(&mut ConversionServiceClient<Channel>) -> Result<T, Error>,
) -> Result<T, Error> {
    block_on(async {
        let channel = pair.connection.channel(Caller::Known).await?;
        work(&mut ConversionServiceClient::new(channel)).await
    })
}

fn close(options: &CloseOptions) -> Result<Exit, Error> {
    let Pair { from, into, .. } = &options.pair;
    let request = CloseConversionRequest { from: from.clone(), into: into.clone() };
    let closed = ask(&options.pair, async |client| {
        Ok(client.close_conversion(request).await?.into_inner())
    })?;
    output::note(&format!("closed: entry {} of the audit log", closed.audit_entry));
    Ok(Exit::Success)
}

fn open(options: &OpenOptions) -> Result<Exit, Error> {
    let Pair { from, into, .. } = &options.pair;
    let request = OpenConversionRequest {
        from: from.clone(),
        into: into.clone(),
        minutes: options.minutes,
        purpose: options.purpose.clone(),
        provision: options.provision.clone(),
    };
    let opened =
        ask(&options.pair, async |client| Ok(client.open_conversion(request).await?.into_inner()))?;
    let (until, looked_at) = (&opened.until, opened.looked_at);
    if options.json {
        output::json(&json!({ "until": until, "looked_at": looked_at }));
    } else {
        output::result(&format!("open until {until}: {looked_at} persons were looked at"));
    }
    output::note(&format!("recorded: entry {} of the audit log", opened.audit_entry));
    Ok(Exit::Success)
}

fn ids(options: &IdsOptions) -> Result<Exit, Error> {
    let text = read(&options.ids)?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut file = Destination::create(&options.output, Existing::Keep)?;
    let mut pairs = Zeroizing::new(String::from("from_id,into_id\n"));
    let Pair { from, into, .. } = &options.pair;
    let (converted, entries) = ask(&options.pair, async |client| {
        let (mut converted, mut entries) = (0, Vec::new());
        for rows in lines.chunks(ROWS_MAX) {
            // What is no number is no ID, and answered so.
            let ids = rows.iter().map(|row| row.parse().unwrap_or_default()).collect();
            let request = ConvertOneWayIdsRequest { from: from.clone(), into: into.clone(), ids };
            let answered = client.convert_one_way_ids(request).await?.into_inner();
            for (row, id) in rows.iter().zip(&answered.ids) {
                let id = if *id == 0 { String::new() } else { id.to_string() };
                converted += usize::from(!id.is_empty());
                // PANIC: a string takes what is written to it.
                writeln!(pairs, "{row},{id}").expect("a string takes it");
            }
            entries.push(answered.audit_entry);
        }
        Ok((converted, entries))
    })?;
    file.append(pairs.as_bytes())?;
    file.publish()?;
    output::note(&format!("written: {}", options.output.display()));
    let requests = entries.len();
    output::note(&format!(
        "recorded: {requests} request(s); {converted} of {} converted",
        lines.len()
    ));
    Ok(Exit::Success)
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |cause: &std::io::Error| Error::file("read", path, cause);
    if std::fs::metadata(path).map_err(|cause| failed(&cause))?.len() > FILE_BYTES_MAX {
        return Err(Error::input(format!("{} is larger than 1 GiB", path.display()))
            .advise("Give it in parts."));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| failed(&cause))
}
