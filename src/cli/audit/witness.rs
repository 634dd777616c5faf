//! `hvelv audit witness`: keeps the newest checkpoint of a log, and cosigns none that goes back.
//!
//! A directory is one witness of one log. It belongs on another host, with another administrator.
//!
//! ```text
//! DIR/witness.key   its secret key; locked while a command is at work
//! DIR/log.keys      the log's verifier keys, one a line
//! DIR/head          what it cosigned last, empty before the first
//! DIR/refused-…     requests that show that the log was changed
//! ```
//!
//! INVARIANT: a cosignature is printed only after the head with it is on disk.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::live;
use super::receipt::{ask, publish, read};
use crate::audit::{Cosigned, Origin, VerifierKey, Witness, WitnessRequest, WitnessSecret};
use crate::cli::connect::{Caller, ConnectOptions, interrupted, runtime};
use crate::cli::error::{Error, Exit, with_sources};
use crate::cli::output;
use crate::cli::pseudonymize::destination::Existing;
use crate::clock::{Clock as _, SystemClock};
use crate::crypto::Entropy;

pub(super) const EXAMPLES: &str = "\
Examples:
  On another host than the server's, once:
    hvelv audit witness init /var/lib/hvelv-witness --name witness.example/w1 \\
        --log-key 'hvelv.example/audit+1a2b3c4d+AY…'

  Every minute, with the certificate of an auditor:
    hvelv audit witness run /var/lib/hvelv-witness --connect auditor.toml --every-s 60

  Without a network, from a file that `hvelv audit consistency --earlier HEAD` has made:
    hvelv audit witness add /var/lib/hvelv-witness request.txt > cosigned.txt

Exit code 7 when the log has gone back or forked: keep the directory, and tell those who answer for
the data.";

#[derive(Debug, clap::Args)]
pub(super) struct WitnessCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Cosigns the checkpoint of a request, and prints it with the cosignature.
    Add(AddOptions),
    /// Makes a witness: a directory with a key of its own.
    Init(InitOptions),
    /// Asks a server for its checkpoint, and cosigns it; once, or again and again.
    Run(RunOptions),
}

#[derive(Debug, clap::Args)]
struct InitOptions {
    /// Directory to make. It must not exist.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The witness's name: a host name of yours and a path, without `https://`.
    #[arg(long, value_name = "NAME")]
    name: String,

    /// The log's key: `name+hash+key`. More than one while one follows another.
    #[arg(long, value_name = "KEY", required = true)]
    log_key: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct AddOptions {
    /// The witness's directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The request: a C2SP add-checkpoint request, as `hvelv audit consistency` writes it.
    #[arg(value_name = "FILE")]
    request: PathBuf,
}

#[derive(Debug, clap::Args)]
struct RunOptions {
    /// The witness's directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Asks again after so many seconds, until it is ended; without it, once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every_s: Option<u64>,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// The directory cannot be used; what the server says; the log was changed.
pub(super) fn run(command: &WitnessCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Add(options) => add(options),
        Action::Init(options) => init(options),
        Action::Run(options) => watch(options),
    }
}

fn init(options: &InitOptions) -> Result<Exit, Error> {
    let name: Origin = options.name.parse().map_err(|_| {
        Error::usage("the witness's name is malformed")
            .advise("Give a host name and path such as `witness.example/w1`.")
    })?;
    let keys: Vec<VerifierKey> =
        options.log_key.iter().map(|key| live::expected_key(key)).collect::<Result<_, _>>()?;
    if keys.iter().any(|key| Some(key.name()) != keys.first().map(VerifierKey::name)) {
        return Err(Error::usage("the keys are of different logs")
            .advise("A witness keeps the head of one log: make another for the other."));
    }
    let directory = &options.directory;
    std::fs::create_dir(directory).map_err(|cause| Error::file("make", directory, &cause))?;
    let (secret, text) = WitnessSecret::generate(&name, &Entropy::os())
        .map_err(|cause| Error::internal(with_sources(&cause)))?;
    let path = directory.join("witness.key");
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(&path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"))?;
            file.sync_all()
        })
        .map_err(|cause| Error::file("write", &path, &cause))?;
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    publish(&directory.join("log.keys"), &lines, Existing::Keep)?;
    publish(&directory.join("head"), "", Existing::Keep)?;
    output::result(&secret.public().to_string());
    output::note("that is the witness's key: give it to whoever checks cosignatures");
    Ok(Exit::Success)
}

/// A directory that is at work, locked.
struct Open<'a> {
    directory: &'a Path,
    witness: Witness,
    keys: Vec<VerifierKey>,
    _lock: File,
}

impl<'a> Open<'a> {
    fn new(directory: &'a Path) -> Result<Self, Error> {
        let path = directory.join("witness.key");
        let lock = File::open(&path).map_err(|cause| Error::file("read", &path, &cause))?;
        lock.try_lock().map_err(|cause| match cause {
            TryLockError::WouldBlock => {
                Error::new(Exit::Precondition, "another command is at work with this witness")
            }
            TryLockError::Error(cause) => Error::file("lock", &path, &cause),
        })?;
        let secret = WitnessSecret::parse(&read(&path)?)
            .map_err(|cause| Error::usage(with_sources(&cause)).about("witness.key"))?;
        let keys: Vec<VerifierKey> = read(&directory.join("log.keys"))?
            .lines()
            .map(live::expected_key)
            .collect::<Result<_, _>>()?;
        // A head that is not there is not an empty one: the witness would begin anew.
        let head = read(&directory.join("head")).map_err(|error| {
            error.advise("A witness that has lost its head is not used again: make another.")
        })?;
        let witness = Witness::open(secret, keys.clone(), &head)
            .map_err(|cause| live::wrong(with_sources(&cause)).about("head"))?;
        Ok(Self { directory, witness, keys, _lock: lock })
    }

    /// Cosigns, and keeps the head, before anything is said.
    fn add(&mut self, request: &WitnessRequest) -> Result<Cosigned, Error> {
        let now = SystemClock::new().now().as_second();
        let seconds = u64::try_from(now).unwrap_or_default();
        let WitnessRequest { old_size, proof, note } = request;
        let cosigned = match self.witness.add_checkpoint(*old_size, proof, note, seconds) {
            Ok(cosigned) => cosigned,
            Err(refusal) => {
                let error = live::wrong(with_sources(&refusal));
                if !refusal.is_evidence() {
                    return Err(error);
                }
                let evidence = self.directory.join(format!("refused-{seconds}"));
                publish(&evidence, &request.encode(), Existing::Replace)?;
                return Err(error.advise(format!("What was signed is in {}.", evidence.display())));
            }
        };
        publish(&self.directory.join("head"), &cosigned.note, Existing::Replace)?;
        Ok(cosigned)
    }
}

fn add(options: &AddOptions) -> Result<Exit, Error> {
    let mut open = Open::new(&options.directory)?;
    let request = WitnessRequest::parse(&read(&options.request)?)
        .map_err(|cause| Error::input(cause.to_string()))?;
    let cosigned = open.add(&request)?;
    output::result(cosigned.note.trim_end_matches('\n'));
    Ok(Exit::Success)
}

fn watch(options: &RunOptions) -> Result<Exit, Error> {
    let mut open = Open::new(&options.directory)?;
    runtime()?.block_on(async {
        let Some(seconds) = options.every_s else { return once(&mut open, options).await };
        loop {
            match once(&mut open, options).await {
                // A server that is sealed or away is asked again; a log that was changed is not.
                Err(error) if matches!(error.exit(), Exit::Unavailable | Exit::Precondition) => {
                    output::note(&format!("not witnessed: {error}"));
                }
                Err(error) => return Err(error),
                Ok(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                error = interrupted() => return Err(error),
            }
        }
    })
}

async fn once(open: &mut Open<'_>, options: &RunOptions) -> Result<Exit, Error> {
    let channel = options.connection.channel(Caller::Known).await?;
    let signed = live::signed_by_any(channel.clone(), &open.keys).await?;
    let request = ask(channel, &signed, open.witness.head().size).await?;
    let cosigned = open.add(&request)?;
    output::result(cosigned.note.trim_end_matches('\n'));
    Ok(Exit::Success)
}
