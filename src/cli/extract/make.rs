//! `hvelv extract make`: the officer's side of a disclosure.
//!
//! The officer's files of health data are read here; only register IDs, and the secondary
//! identifiers that are replaced, reach the server.

mod issuer;
mod manifest;
mod tell;

use std::path::{Path, PathBuf};

use crate::cli::connect::{Caller, Channel, ConnectOptions, runtime};
use crate::cli::error::{Error, Exit};
use crate::cli::pseudonymize::parse_exception;
use crate::clock::{Clock as _, SystemClock};
use crate::crypto::note::VerifierKey;
use crate::disclosure::Decision;
use crate::extract::cells::{Refused, Report as CellReport, Screened};
use crate::extract::manifest::Manifest;
use crate::extract::recipient::Recipients;
use crate::extract::seal::{Complete, MANIFEST_ENDING, SEALED_ENDING, SealedExtract, SealedFile};
use crate::extract::{self, Input, Output, Plan, RefusedRows, Report, Screen, run as run_engine};
use crate::files::delimited::{Encoding, Layout};
use crate::files::destination::{Existing, refuse_existing};
use crate::files::guard::Exception;
use crate::files::{Format, Source};
use crate::rpc::calendar::read_date;
use crate::rpc::proto::disclosure_service_client::DisclosureServiceClient;
use crate::rpc::proto::{GetApplicationRequest, GetDisclosureRequest, RecordDeliveryRequest};
use issuer::ServerIssuer;
use manifest::Facts;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv extract make --connect officer.toml --disclosure 9f…e1 --contact data@register.example \\
    --register NPR episodes-npr.parquet out/episodes.parquet

  Several files in one extract, in which a person has the same løpenummer, and small cells are
  counted over all of them:
    hvelv extract make --connect officer.toml --disclosure 9f…e1 --contact data@register.example \\
      --file NPR episodes-npr.csv out/episodes.csv --file KPR claims-kpr.csv out/claims.csv

IN holds register IDs in a column such as npr_id (--id-column). What comes out is what the decision
let out: its variables, as coarse as it says, the løpenummer in the place of the ID, surrogates in
the place of other identifiers. OUT is never written: OUT.age is, sealed to the recipient's key, and
beside it DISCLOSURE.manifest.age, signed by the server. They appear when all is complete and
recorded; otherwise nothing does.

An extract whose combinations fewer persons share than the decision asks for is refused (exit code
7), as is a column that holds identifiers (--allow-identifiers, which is recorded). Columns that are
screened for that go out once: make all files that have them in one command. What is made again from
the same data passes; what is corrected takes a new disclosure.";

/// Makes the files that a disclosure lets out, sealed to the recipient.
#[derive(Debug, clap::Args)]
pub(super) struct MakeOptions {
    /// The disclosure, 32 digits: see `hvelv disclosure list`.
    #[arg(long, value_name = "ID")]
    disclosure: String,

    /// Whom the recipient asks, and tells that the data are deleted: an address at the register.
    #[arg(long, value_name = "TEXT")]
    contact: String,

    /// The register of IN.
    #[arg(long, value_name = "CODE", requires = "input", required_unless_present = "file")]
    register: Option<String>,

    /// A register's code, a file of its data, and what comes out of it. May be given several times,
    /// instead of --register.
    #[arg(long, num_args = 3, value_names = ["CODE", "IN", "OUT"], conflicts_with = "register")]
    file: Vec<String>,

    /// The column of register IDs [default: the register's code in lower case and _id].
    #[arg(long, value_name = "NAME")]
    id_column: Option<String>,

    /// Lets a column through although it holds identifiers, and says why. May be given several
    /// times.
    #[arg(long, value_name = "COLUMN=REASON", value_parser = parse_exception)]
    allow_identifiers: Vec<Exception>,

    /// What becomes of rows whose ID is nobody's.
    #[arg(long, value_enum, default_value_t = RefusedRowsOption::Fail)]
    refused_rows: RefusedRowsOption,

    /// Memory for sorting, in MiB; what does not fit is put aside on disk, sealed.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: usize,

    /// Where rows are put aside [default: the directory of the first OUT].
    #[arg(long, value_name = "DIRECTORY")]
    temporary: Option<PathBuf>,

    /// How CSV files are encoded. What comes out is UTF-8.
    #[arg(long, value_enum, default_value_t = EncodingOption::Utf8)]
    encoding: EncodingOption,

    /// Replaces OUT.age and the manifest if they exist, once the new ones are complete.
    #[arg(long)]
    overwrite: bool,

    /// Writes JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,

    /// A file of the register's data, CSV or Parquet.
    #[arg(value_name = "IN", requires = "output")]
    input: Option<PathBuf>,

    /// What comes out: with the ending .parquet or .pq it is Parquet, else CSV.
    #[arg(value_name = "OUT")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RefusedRowsOption {
    /// Nothing is made.
    Fail,
    /// They are left out, counted and listed.
    LeaveOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum EncodingOption {
    /// ISO-8859-1 (Latin-1).
    #[value(name = "iso-8859-1", alias = "latin1")]
    Latin1,
    /// UTF-8, with or without a byte order mark.
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
}

/// One file of the extract: the register, what is read, and what it is called.
struct Wanted {
    register: String,
    input: PathBuf,
    output: PathBuf,
}

/// Runs the command.
///
/// # Errors
///
/// What the server, a file, the guard or the small cells have against it; nothing is left then.
pub(super) fn run(options: &MakeOptions) -> Result<Exit, Error> {
    let wanted = options.wanted()?;
    let existing = options.existing();
    let manifest_name = options.manifest_name(&wanted);
    for one in &wanted {
        refuse_existing(&sealed_name(&one.output), existing)?;
    }
    refuse_existing(&manifest_name, existing)?;
    let runtime = runtime()?;
    let (client, facts) = runtime.block_on(options.facts())?;
    let key: VerifierKey = facts
        .verifier_key
        .parse()
        .map_err(|_| Error::internal("the server's key for manifests is not one"))?;
    let recipients = Recipients::parse(&[&facts.disclosure.recipient_key])
        .map_err(|cause| Error::internal(format!("the recipient's key: {cause}")))?;
    let mut issuer =
        ServerIssuer::new(client.clone(), runtime.handle().clone(), facts.disclosure.id.clone());
    let made = options.make(&wanted, &facts, &recipients, &mut issuer);
    let mut made = made.map_err(|error| issuer.failure().unwrap_or(error))?;
    issuer.finish()?;
    let screened = made.screened.as_ref().map(CellReport::pass).transpose();
    let screened: Option<Screened> = screened.map_err(|refused| {
        let report = made.screened.as_ref().map(ToString::to_string).unwrap_or_default();
        let error = Error::new(Exit::Verification, refused.to_string()).advise(Refused::ADVICE);
        report.lines().fold(error, |error, line| error.advise(line))
    })?;
    let names = wanted.iter().map(Wanted::name).collect::<Result<Vec<_>, _>>()?;
    let manifest = facts.manifest(&names, &made.report, &made.complete, screened);
    let note = runtime.block_on(record(client, &facts, &manifest, &made))?;
    let complete = std::mem::take(&mut made.complete);
    let extract =
        SealedExtract::new(complete, (&manifest_name, existing), &note, &key, &recipients)?;
    extract.publish()?;
    if options.json {
        tell::as_json(&options.disclosure, &wanted, &made, &manifest_name);
    } else {
        tell::as_text(&wanted, &made, &manifest_name);
    }
    Ok(Exit::Success)
}

/// What was made, and has no name yet.
struct Made {
    report: Report,
    complete: Vec<Complete>,
    persons: u64,
    screened: Option<CellReport>,
}

impl MakeOptions {
    fn wanted(&self) -> Result<Vec<Wanted>, Error> {
        let single = self.register.as_ref().zip(self.input.as_ref()).zip(self.output.as_ref());
        if let Some(((register, input), output)) = single {
            let (register, input, output) = (register.clone(), input.clone(), output.clone());
            return Ok(vec![Wanted { register, input, output }]);
        }
        let (files, _) = self.file.as_chunks::<3>();
        let files: Vec<Wanted> = files
            .iter()
            .map(|[register, input, output]| Wanted {
                register: register.clone(),
                input: input.into(),
                output: output.into(),
            })
            .collect();
        if files.is_empty() || self.input.is_some() {
            return Err(Error::usage(
                "give --register CODE IN OUT, or --file CODE IN OUT for each",
            ));
        }
        Ok(files)
    }

    fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }

    fn manifest_name(&self, wanted: &[Wanted]) -> PathBuf {
        let directory = wanted.first().and_then(|one| one.output.parent());
        let name = format!("{}{MANIFEST_ENDING}", self.disclosure);
        directory.unwrap_or_else(|| Path::new("")).join(name)
    }

    /// Asks the server what the disclosure is.
    async fn facts(&self) -> Result<(DisclosureServiceClient<Channel>, Facts), Error> {
        let channel = self.connection.channel(Caller::Known).await?;
        let mut client = DisclosureServiceClient::new(channel);
        let request = GetDisclosureRequest { disclosure: self.disclosure.clone() };
        let answer = client.get_disclosure(request).await?.into_inner();
        let incomplete = || Error::internal("the server answered without what was asked for");
        let disclosure = answer.disclosure.ok_or_else(incomplete)?;
        let request = GetApplicationRequest { application: disclosure.application.clone() };
        let application = client.get_application(request).await?.into_inner().application;
        let decided = disclosure.decided.clone().ok_or_else(incomplete)?;
        let decided = Decision::try_from(decided).map_err(|_| incomplete())?;
        let expires = disclosure.expires.as_ref().and_then(read_date).ok_or_else(incomplete)?;
        let facts = Facts {
            decided,
            application: application.ok_or_else(incomplete)?,
            verifier_key: answer.verifier_key,
            contact: self.contact.clone(),
            expires,
            today: SystemClock::new().today(),
            disclosure,
        };
        Ok((client, facts))
    }

    /// Reads, replaces, sorts and seals.
    fn make(
        &self,
        wanted: &[Wanted],
        facts: &Facts,
        recipients: &Recipients,
        issuer: &mut ServerIssuer<Channel>,
    ) -> Result<Made, Error> {
        let first = wanted.first().and_then(|one| one.output.parent());
        let temporary = self.temporary.clone().or_else(|| first.map(Path::to_owned));
        let temporary = temporary.filter(|path| !path.as_os_str().is_empty());
        let plan = Plan {
            terms: facts.decided.terms.clone(),
            memory_bytes: self.memory.saturating_mul(1024 * 1024),
            temporary: temporary.unwrap_or_else(|| ".".into()),
            refused_rows: match self.refused_rows {
                RefusedRowsOption::Fail => RefusedRows::Fail,
                RefusedRowsOption::LeaveOut => RefusedRows::LeaveOut,
            },
            today: facts.today,
        };
        let mut inputs = Vec::with_capacity(wanted.len());
        for one in wanted {
            inputs.push(Input {
                register: one.register.clone(),
                id_column: self.id_column.clone(),
                name: one.input.clone(),
                source: Source::open(&one.input)?,
                layout: Layout { delimiter: None, encoding: self.encoding.into() },
                exceptions: self.allow_identifiers.clone(),
            });
        }
        let mut sealed = Vec::with_capacity(wanted.len());
        for one in wanted {
            sealed.push(SealedFile::create(
                &sealed_name(&one.output),
                self.existing(),
                recipients,
            )?);
        }
        let mut screen = Screen::new(facts.decided.terms.small_cells.as_ref());
        let outputs = sealed.iter_mut().zip(wanted);
        let outputs = outputs.map(|(file, one)| Output { format: one.format(), sink: file });
        let report = run_engine(&plan, inputs, issuer, outputs.collect(), &mut screen)?;
        let seen = screen.finish().map_err(|cause| Error::internal(cause.to_string()))?;
        let complete = sealed.into_iter().map(SealedFile::finish).collect::<Result<_, _>>()?;
        Ok(Made { report, complete, persons: seen.persons, screened: seen.cells })
    }
}

impl Wanted {
    fn format(&self) -> Format {
        let extension = self.output.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("parquet" | "pq") => Format::Parquet,
            _ => Format::Csv,
        }
    }

    /// What the recipient calls it.
    fn name(&self) -> Result<String, Error> {
        let name = self.output.file_name().and_then(|name| name.to_str());
        name.map(str::to_owned).ok_or_else(|| Error::usage("OUT is not the name of a file"))
    }
}

impl From<EncodingOption> for Encoding {
    fn from(option: EncodingOption) -> Self {
        match option {
            EncodingOption::Latin1 => Self::Latin1,
            EncodingOption::Utf8 => Self::Utf8,
        }
    }
}

impl From<extract::Error> for Error {
    fn from(error: extract::Error) -> Self {
        match error {
            extract::Error::File(error) => error.into(),
            extract::Error::Issuer(_) => Self::new(Exit::Unavailable, error.to_string()),
        }
    }
}

/// Has the extract recorded and its manifest signed.
async fn record(
    mut client: DisclosureServiceClient<Channel>,
    facts: &Facts,
    manifest: &Manifest,
    made: &Made,
) -> Result<String, Error> {
    let text = manifest.text();
    let text = text.map_err(|cause| {
        Error::usage(format!("the manifest cannot be written: {cause}"))
            .advise("Give OUT and --contact as the manifest can say them.")
    })?;
    let files = &made.report.files;
    let exceptions = files.iter().flat_map(|file| &file.findings).filter_map(|finding| {
        let reason = finding.reason.as_ref()?;
        Some(format!("identifiers in column {} let through: {reason}", finding.column))
    });
    let request = RecordDeliveryRequest {
        disclosure: facts.disclosure.id.clone(),
        manifest: text,
        files: manifest.files.iter().map(|file| file.name.clone()).collect(),
        rows: files.iter().map(|file| file.rows_out).sum(),
        persons: made.persons,
        persons_left_out: made.report.persons_left_out,
        guard_exceptions: exceptions.collect(),
    };
    Ok(client.record_delivery(request).await?.into_inner().signed_manifest)
}

fn sealed_name(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(SEALED_ENDING);
    name.into()
}
