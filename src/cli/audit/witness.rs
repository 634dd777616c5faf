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
use crate::audit::{
    Cosigned, Origin, Refusal, VerifierKey, Witness, WitnessRequest, WitnessSecret,
};
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

Exit code 7 when the log has gone back or forked, or the server says that its log does not verify:
keep the directory, and tell those who answer for the data. Exit code 3 when there was nothing new
for --stale-after-s: ask why.";

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

    /// With --every-s: ends with exit code 3 when the log has not grown for so many seconds, or the
    /// server could not be asked. Each asking is an entry, so that the log of an open server grows.
    #[arg(long, value_name = "N", default_value_t = 86_400, requires = "every_s",
        value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    stale_after_s: u64,

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
    let keys = live::expected_keys(&options.log_key)?;
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
    fn add(&mut self, request: &WitnessRequest, from: Source) -> Result<Cosigned, Error> {
        let now = SystemClock::new().now().as_second();
        let seconds = u64::try_from(now).unwrap_or_default();
        let WitnessRequest { old_size, proof, note } = request;
        let cosigned = match self.witness.add_checkpoint(*old_size, proof, note, seconds) {
            Ok(cosigned) => cosigned,
            Err(refusal) => {
                let is_evidence = match from {
                    Source::File => refusal.is_proof(),
                    Source::Server => refusal.accuses_server(),
                };
                let error = refused(&refusal, from);
                if !is_evidence {
                    return Err(error);
                }
                let evidence = self.keep_evidence(request, seconds)?;
                return Err(error.advise(format!("What was signed is in {}.", evidence.display())));
            }
        };
        publish(&self.directory.join("head"), &cosigned.note, Existing::Replace)?;
        if let ahead @ 1.. = cosigned.seconds - seconds.min(cosigned.seconds) {
            output::note(&format!(
                "dated {ahead} s ahead of this host's clock, as the cosignature before: set the clock \
                 right, or make another witness"
            ));
        }
        Ok(cosigned)
    }

    /// Keeps a request, beside those of the same second.
    fn keep_evidence(&self, request: &WitnessRequest, seconds: u64) -> Result<PathBuf, Error> {
        let mut path = self.directory.join(format!("refused-{seconds}"));
        let mut number = 2;
        while path.exists() {
            path = self.directory.join(format!("refused-{seconds}-{number}"));
            number += 1;
        }
        publish(&path, &request.encode(), Existing::Keep)?;
        Ok(path)
    }
}

/// Where a request comes from.
#[derive(Clone, Copy)]
enum Source {
    /// A file: it may be an old one, or damaged on its way.
    File,
    /// The log's server, which was just asked.
    Server,
}

/// A refusal, and whether it accuses the log.
fn refused(refusal: &Refusal, from: Source) -> Error {
    match (refusal, from) {
        (Refusal::GoneBack { size, witnessed }, Source::File) => Error::input(format!(
            "the request is older than the head: {size} entries, and {witnessed} were witnessed"
        )),
        (Refusal::NotProven { .. }, Source::File) => {
            Error::input("the proof of the request does not lead from the head to its checkpoint")
                .advise("Make it anew, from the head: hvelv audit consistency --earlier HEAD FILE.")
                .advise("If that is refused with exit code 7, the log was changed.")
        }
        (Refusal::OldSize { .. }, Source::File) => Error::input(with_sources(refusal))
            .advise("Make the request from the head: hvelv audit consistency --earlier HEAD FILE."),
        _ => live::wrong(with_sources(refusal)),
    }
}

fn add(options: &AddOptions) -> Result<Exit, Error> {
    let mut open = Open::new(&options.directory)?;
    let request = WitnessRequest::parse(&read(&options.request)?)
        .map_err(|cause| Error::input(cause.to_string()))?;
    let cosigned = open.add(&request, Source::File)?;
    output::result(cosigned.note.trim_end_matches('\n'));
    Ok(Exit::Success)
}

/// When the log was last seen to grow.
struct Growth {
    size: u64,
    since: Duration,
    stale_after: Duration,
}

impl Growth {
    /// What is seen now.
    ///
    /// # Errors
    ///
    /// It has not grown for too long: who keeps a witness from what is new could change it.
    fn look(&mut self, size: u64, now: Duration) -> Result<(), Error> {
        if size > self.size {
            (self.size, self.since) = (size, now);
        }
        let waited = now.saturating_sub(self.since);
        if waited < self.stale_after {
            return Ok(());
        }
        let seconds = waited.as_secs();
        Err(Error::new(Exit::Unavailable, format!("nothing new was witnessed for {seconds} s"))
            .advise("Ask those who run the server, and whoever is between it and this host."))
    }
}

/// Whether a server is to be asked again: one that is sealed or away, not one whose log was changed.
fn is_away(error: &Error) -> bool {
    matches!(error.exit(), Exit::Unavailable | Exit::Precondition)
}

fn watch(options: &RunOptions) -> Result<Exit, Error> {
    let mut open = Open::new(&options.directory)?;
    let clock = SystemClock::new();
    let mut growth = Growth {
        size: open.witness.head().size,
        since: clock.monotonic(),
        stale_after: Duration::from_secs(options.stale_after_s),
    };
    runtime()?.block_on(async {
        let Some(seconds) = options.every_s else { return once(&mut open, options).await };
        loop {
            match once(&mut open, options).await {
                Err(error) if is_away(&error) => output::note(&format!("not witnessed: {error}")),
                Err(error) => return Err(error),
                Ok(_) => {}
            }
            growth.look(open.witness.head().size, clock.monotonic())?;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                error = interrupted() => return Err(error),
            }
        }
    })
}

async fn once(open: &mut Open<'_>, options: &RunOptions) -> Result<Exit, Error> {
    let channel = options.connection.channel(Caller::Known).await?;
    let signed = live::signed(channel.clone(), &open.keys).await?;
    let request = ask(channel, &signed, open.witness.head().size).await?;
    let cosigned = open.add(&request, Source::Server)?;
    output::result(cosigned.note.trim_end_matches('\n'));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn a_server_whose_log_does_not_verify_is_not_asked_again() {
        let said = |code, reason: &str| {
            let details = ErrorDetails::with_error_info(reason, "hvelv", HashMap::new());
            live::refused(Status::with_error_details(code, "no", details))
        };
        let damaged = said(Code::FailedPrecondition, "store_unusable");
        assert_eq!((damaged.exit(), is_away(&damaged)), (Exit::Verification, false));
        for (code, reason) in [
            (Code::FailedPrecondition, "server_sealed"),
            (Code::Unavailable, "server_degraded"),
            (Code::Unavailable, ""),
        ] {
            assert!(is_away(&said(code, reason)), "{reason}");
        }
        assert!(!is_away(&said(Code::PermissionDenied, "not_allowed")));
    }

    #[test]
    fn a_witness_that_sees_nothing_new_for_long_says_so() {
        let at = Duration::from_secs;
        let mut growth = Growth { size: 10, since: at(100), stale_after: at(60) };
        assert!(growth.look(10, at(159)).is_ok());
        assert!(growth.look(11, at(160)).is_ok());
        assert!(growth.look(11, at(219)).is_ok());
        assert_eq!(growth.look(11, at(220)).unwrap_err().exit(), Exit::Unavailable);
        assert!(growth.look(12, at(221)).is_ok());
    }

    #[test]
    fn a_file_accuses_the_log_only_by_two_trees_of_one_size() {
        let (size, witnessed) = (5, 10);
        for (refusal, file, server) in [
            (Refusal::GoneBack { size, witnessed }, Exit::Input, Exit::Verification),
            (Refusal::OldSize { old_size: size, witnessed }, Exit::Input, Exit::Verification),
            (Refusal::Forked { witnessed }, Exit::Verification, Exit::Verification),
        ] {
            let exits = [Source::File, Source::Server].map(|from| refused(&refusal, from).exit());
            assert_eq!(exits, [file, server], "{refusal}");
        }
    }
}
