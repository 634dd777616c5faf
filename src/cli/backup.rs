//! `hvelv backup`: takes a backup of a running server, sealed to keys that are not there.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use crate::backup::{MANIFEST, MANIFEST_BYTES_MAX, Manifest, Piece};
use crate::crypto::Sha256;
use crate::files::destination::sync_directory;
use crate::rpc::proto::backup_response::Part;
use crate::rpc::proto::operator_service_client::OperatorServiceClient;
use crate::rpc::proto::{BackupComplete, BackupRequest};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv backup --connect operator.toml --recipient age1… --output /backup/2026-11-23
  hvelv backup --connect operator.toml --recipient age1… --since /backup/2026-11-23 \\
    --output /backup/2026-11-24

Run it where the backup is to lie, which need not be the server's host: the server goes on serving,
and seals each file before it leaves. The secret part of the age key lies offline; hvelv extract key
makes a pair. With --since, files that lie in the earlier backup are named and not sent: keep both.
The directory has its name only when everything is there. The key file is never in a backup: copy it
by another way, to another place. Needs the role operator.";

/// Takes a backup of both stores while the server serves, sealed to offline age keys.
#[derive(Debug, clap::Args)]
pub(super) struct BackupOptions {
    /// Public age key to seal it to; may be repeated.
    #[arg(long, value_name = "AGE1", required = true)]
    recipient: Vec<String>,

    /// Directory to make.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// An earlier backup, whose files are not sent again.
    #[arg(long, value_name = "DIR")]
    since: Option<PathBuf>,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// The directory exists or cannot be written, no connection, or what the server says.
pub(super) fn run(options: &BackupOptions) -> Result<Exit, Error> {
    let since = options.since.as_deref().map(read_manifest).transpose()?;
    let mut receiving = Receiving::begin(&options.output)?;
    let complete = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        // The manifest may be longer than the other messages.
        let bytes_max = usize::try_from(MANIFEST_BYTES_MAX).unwrap_or(usize::MAX);
        let mut client = OperatorServiceClient::new(channel).max_decoding_message_size(bytes_max);
        let request = BackupRequest {
            recipients: options.recipient.clone(),
            since: since.unwrap_or_default(),
        };
        let mut parts = client.backup(request).await?.into_inner();
        while let Some(message) = parts.message().await? {
            match message.part {
                Some(Part::Begun(begun)) => output::note(&format!("backup {}", begun.id)),
                Some(Part::Complete(complete)) => return Ok(complete),
                Some(Part::Data(bytes)) => receiving.append(&bytes)?,
                Some(Part::File(name)) => receiving.next(&name)?,
                None => {}
            }
        }
        Err(cut_off())
    })?;
    let manifest = receiving.publish(&complete)?;
    tell(options, &complete, &manifest);
    Ok(Exit::Success)
}

fn tell(options: &BackupOptions, complete: &BackupComplete, manifest: &Manifest) {
    let own: Vec<&Piece> = manifest.own().collect();
    let bytes: u64 = own.iter().map(|piece| piece.sealed_bytes).sum();
    output::result(&format!("{} {}", manifest.id, options.output.display()));
    let (sent, all) = (own.len(), manifest.pieces.len());
    output::note(&format!("{sent} of {all} files, {bytes} bytes, are in it"));
    if sent < all {
        output::note("the others lie in earlier backups: keep those as long as this one");
    }
    output::note(&format!("recorded: entry {} of the audit log", complete.audit_entry));
    output::note("the key file is not in it: keep the newest copy of it in another place");
}

fn cut_off() -> Error {
    Error::new(Exit::Unavailable, "the backup was cut off before its end")
        .advise("Nothing was left behind. Run the command again.")
}

/// The manifest of an earlier backup, as it stands; the server verifies it.
fn read_manifest(directory: &Path) -> Result<String, Error> {
    let path = directory.join(MANIFEST);
    std::fs::read_to_string(&path).map_err(|cause| {
        Error::file("read", &path, &cause).advise("A directory without a manifest is no backup.")
    })
}

/// A backup on its way: a directory aside, with a file open.
struct Receiving {
    name: PathBuf,
    part: PathBuf,
    open: Option<Open>,
    received: Vec<(String, u64, [u8; 32])>,
    is_published: bool,
}

struct Open {
    name: String,
    file: File,
    bytes: u64,
    sha256: Sha256,
}

impl Receiving {
    fn begin(name: &Path) -> Result<Self, Error> {
        if name.symlink_metadata().is_ok() {
            let what = format!("{} exists already", name.display());
            return Err(Error::new(Exit::Precondition, what).advise("It was not touched."));
        }
        let mut part = name.as_os_str().to_owned();
        part.push(format!(".part-{}", std::process::id()));
        let part = PathBuf::from(part);
        // What a killed process of the same number has left.
        let _ = std::fs::remove_dir_all(&part);
        let made = DirBuilder::new().mode(0o700).create(&part);
        made.map_err(|cause| Error::file("make", &part, &cause))?;
        let received = Vec::new();
        Ok(Self { name: name.to_owned(), part, open: None, received, is_published: false })
    }

    /// Goes on with the next file.
    fn next(&mut self, name: &str) -> Result<(), Error> {
        self.close()?;
        if !crate::backup::is_file_name(name) {
            return Err(Error::internal("the server named a file that is not in a backup"));
        }
        let file = create(&self.part.join(name))?;
        self.open = Some(Open { name: name.to_owned(), file, bytes: 0, sha256: Sha256::new() });
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let open = self.open.as_mut().ok_or_else(|| Error::internal("bytes of no file came"))?;
        let written = open.file.write_all(bytes);
        written.map_err(|cause| Error::file("write", &self.part.join(&open.name), &cause))?;
        open.bytes += bytes.len() as u64;
        open.sha256.update(bytes);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        if let Some(Open { name, file, bytes, sha256 }) = self.open.take() {
            file.sync_all()
                .map_err(|cause| Error::file("write", &self.part.join(&name), &cause))?;
            self.received.push((name, bytes, sha256.finish()));
        }
        Ok(())
    }

    /// Compares what came with the manifest, and gives the directory its name.
    fn publish(mut self, complete: &BackupComplete) -> Result<Manifest, Error> {
        self.close()?;
        let manifest = Manifest::open_unverified(&complete.manifest)
            .map_err(|cause| Error::new(Exit::Verification, cause.to_string()))?;
        let named = manifest.own().map(|own| (own.file(), own.sealed_bytes, own.sealed_sha256.0));
        if !named.eq(self.received.iter().cloned()) {
            let what = "the manifest names other files than those that came";
            return Err(Error::new(Exit::Verification, what).advise("Run the command again."));
        }
        let path = self.part.join(MANIFEST);
        let mut file = create(&path)?;
        let written = file.write_all(complete.manifest.as_bytes());
        written
            .and_then(|()| file.sync_all())
            .map_err(|cause| Error::file("write", &path, &cause))?;
        sync_directory(&path)?;
        std::fs::rename(&self.part, &self.name)
            .map_err(|cause| Error::file("give its name to", &self.name, &cause))?;
        self.is_published = true;
        sync_directory(&self.name).map_err(|error| {
            Error::from(error).advise(
                "The backup is there and whole, but a loss of power may take it: make another.",
            )
        })?;
        Ok(manifest)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = std::fs::remove_dir_all(&self.part);
        }
    }
}

fn create(path: &Path) -> Result<File, Error> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|cause| Error::file("create", path, &cause))
}
