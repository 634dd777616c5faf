//! The recipient's side: decrypts an extract, verifies it against its manifest, writes the files.
//!
//! Why it exists: `age` alone says that nothing was changed since somebody sealed it.  It does not say
//! who, nor that all files are there and belong together.  The manifest does.
//!
//! ```text
//! NAME.manifest.age ──decrypt──► note ──verify──► manifest
//! each NAME.age ──decrypt──► aside, hashed ──as the manifest says?──► its name
//! ```
//!
//! INVARIANT: no file has its name before all files are decrypted and are those of the manifest; what
//! was written aside is removed otherwise.
//! INVARIANT: names come from the manifest, which allows bare names only; nothing is overwritten.
//!
//! Not protected: without the signer's key from elsewhere, anybody can have made the extract.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::manifest::{FileEntry, Manifest, ManifestError, Trust};
use super::recipient::{DecryptError, Identities, KEY_FILE_BYTES_MAX};
use super::seal::{MANIFEST_ENDING, SEALED_ENDING};
use crate::crypto::Sha256;
use crate::crypto::note::{NOTE_BYTES_MAX, NoteError, VerifierKey};
use crate::files::destination::{Destination, Existing};
use crate::files::{Error, ErrorKind};
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

const BUFFER_BYTES: usize = 256 * 1024;

/// Reads a key file.
///
/// # Errors
///
/// It cannot be read, or holds no secret key.
pub fn read_key_file(path: &Path) -> Result<Identities, Error> {
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(|cause| Error::system("read", path, &cause))?;
    file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(|cause| {
        match cause.kind() {
            io::ErrorKind::InvalidData => {
                Error::input(format!("{} is no key file", path.display()))
                    .advise("Give the file that hvelv extract key, or age-keygen, has made.")
            }
            _ => Error::system("read", path, &cause),
        }
    })?;
    Identities::parse(&text).map_err(|cause| Error::input(format!("{}: {cause}", path.display())))
}

/// An extract that was opened.
#[derive(Debug)]
#[must_use = "`Trust::ManifestItself` does not say whose extract it is"]
pub struct Opened {
    /// What it is.
    pub manifest: Manifest,
    /// What its signature was verified with.
    pub trust: Trust,
}

/// Decrypts and verifies an extract: all of its files and its manifest, into a directory, which is
/// made if it is not there.
///
/// # Errors
///
/// What is missing, does not open or does not verify. Then nothing is left behind.
pub fn open(
    inputs: &[PathBuf],
    identities: &Identities,
    expected: Option<&VerifierKey>,
    directory: &Path,
) -> Result<Opened, Error> {
    let (sealed_manifest, mut sealed) = sort(inputs)?;
    let note = read_note(sealed_manifest, identities)?;
    let (manifest, trust) = verify(sealed_manifest, &note, expected)?;
    if !manifest.recipient.keys.iter().any(|key| identities.has(key)) {
        return Err(refused(format!("{} is made for another recipient", show(sealed_manifest)))
            .advise("Somebody passed it on. Tell who sent it to you, and the contact in it."));
    }
    let mut pairs = Vec::new();
    for file in &manifest.files {
        let name = format!("{}{SEALED_ENDING}", file.name);
        let path = sealed.remove(&name).ok_or_else(|| {
            Error::input(format!("{name} is missing; the manifest names it"))
                .advise("Give all files of the extract, with the names that they came with.")
        })?;
        pairs.push((file, path));
    }
    if let Some((name, _)) = sealed.first_key_value() {
        return Err(Error::input(format!("{name} is not in the manifest"))
            .advise("Open one extract at a time, with the names that its files came with."));
    }
    let is_new = make(directory)?;
    write(&pairs, (sealed_manifest, &note), identities, directory).inspect_err(|_| {
        if is_new {
            // Of another's files in it, it is not emptied.
            let _ = std::fs::remove_dir(directory);
        }
    })?;
    Ok(Opened { manifest, trust })
}

/// The manifest among the files, and the others by name.
fn sort(inputs: &[PathBuf]) -> Result<(&Path, BTreeMap<String, &Path>), Error> {
    let mut manifests = Vec::new();
    let mut sealed = BTreeMap::new();
    for path in inputs {
        let name = show(path);
        if !name.ends_with(SEALED_ENDING) {
            return Err(Error::input(format!("{name} is not named like a file of an extract"))
                .advise("They end with .age. Give them the names that they came with."));
        }
        if name.ends_with(MANIFEST_ENDING) {
            manifests.push(path.as_path());
        } else if sealed.insert(name.clone(), path.as_path()).is_some() {
            return Err(Error::input(format!("{name} is given twice")).advise("Give it once."));
        }
    }
    match manifests[..] {
        [manifest] => Ok((manifest, sealed)),
        [] => Err(Error::input("there is no manifest among the files").advise(
            "Give all files of the extract, the one that ends with .manifest.age among them.",
        )),
        _ => Err(Error::input("there are several manifests").advise("Open one extract at a time.")),
    }
}

/// The bare name of a path.
fn show(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn refused(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Verification, what)
}

fn read_note(path: &Path, identities: &Identities) -> Result<String, Error> {
    let mut note = Vec::new();
    let limit = NOTE_BYTES_MAX as u64 + 1;
    decrypt(path, identities)?
        .take(limit)
        .read_to_end(&mut note)
        .map_err(|cause| unreadable(path, cause))?;
    String::from_utf8(note).map_err(|_| not_signed(path, &ManifestError::NotAManifest))
}

fn verify(
    path: &Path,
    note: &str,
    expected: Option<&VerifierKey>,
) -> Result<(Manifest, Trust), Error> {
    Manifest::open(note, expected).map_err(|cause| not_signed(path, &cause))
}

fn not_signed(path: &Path, cause: &ManifestError) -> Error {
    let name = show(path);
    let advice = match cause {
        ManifestError::Note(NoteError::NotSigned) => {
            "Check --verifier-key: it must be the key of those who made the extract. If it is, the \
             extract is not theirs."
        }
        ManifestError::Version => "Nothing was written.",
        _ => "Nothing was written. Get the file again; if it is the same then, tell who sent it.",
    };
    refused(format!("{name}: manifest does not verify: {cause}")).advise(advice)
}

pub(super) fn decrypt(path: &Path, identities: &Identities) -> Result<impl Read + use<>, Error> {
    let file = File::open(path).map_err(|cause| Error::system("read", path, &cause))?;
    let file = io::BufReader::with_capacity(BUFFER_BYTES, file);
    identities.decrypt(file).map_err(|cause| match cause {
        DecryptError::OtherKey => Error::input(format!("{} is sealed to another key", show(path)))
            .advise("Give the key file whose public key the extract was made for: --identity."),
        DecryptError::Passphrase => {
            Error::input(format!("{} is sealed under a passphrase", show(path)))
                .advise("That is no file of an extract. Give those that came with the manifest.")
        }
        DecryptError::NotAge => Error::input(format!("{} is no age file", show(path)))
            .advise("Give the files as they came, ending with .age."),
        DecryptError::Head => damaged(path, "is cut off, or was changed"),
        DecryptError::Read(cause) => Error::system("read", path, &cause),
    })
}

fn damaged(path: &Path, how: &str) -> Error {
    refused(format!("{} {how}", show(path)))
        .advise("Nothing was kept. Get the file again; if it is the same then, tell who sent it.")
}

/// Why reading plaintext failed.
fn unreadable(path: &Path, cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => damaged(path, "is cut off"),
        io::ErrorKind::InvalidData => damaged(path, "was changed, or is cut off"),
        _ => Error::system("read", path, &cause),
    }
}

/// Makes a directory, for its owner alone, if it is not there.
fn make(directory: &Path) -> Result<bool, Error> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {
            Ok(false)
        }
        Err(cause) => Err(Error::system("make", directory, &cause)),
    }
}

/// Writes all files aside, and gives them their names when all are right, the manifest last.
fn write(
    pairs: &[(&FileEntry, &Path)],
    (sealed_manifest, note): (&Path, &str),
    identities: &Identities,
    directory: &Path,
) -> Result<(), Error> {
    let mut complete = Vec::new();
    for (file, path) in pairs {
        let output = aside(&directory.join(&file.name))?;
        complete.push(write_file(file, path, identities, output)?);
    }
    let name = show(sealed_manifest);
    let name = name.strip_suffix(SEALED_ENDING).unwrap_or(&name);
    let mut manifest = aside(&directory.join(name))?;
    manifest.append(note.as_bytes())?;
    complete.push(manifest);
    complete.into_iter().try_for_each(Destination::publish)
}

/// Starts to write a file aside.
fn aside(name: &Path) -> Result<Destination, Error> {
    Destination::create(name, Existing::Keep).map_err(|error| match error.kind() {
        ErrorKind::Exists => {
            Error::new(ErrorKind::Exists, format!("{} exists already", name.display()))
                .advise("It was not touched. Choose another directory.")
        }
        _ => error,
    })
}

fn write_file(
    file: &FileEntry,
    path: &Path,
    identities: &Identities,
    mut output: Destination,
) -> Result<Destination, Error> {
    let mut input = decrypt(path, identities)?;
    let mut sha256 = Sha256::new();
    let mut bytes = 0;
    let mut buffer = Zeroizing::new(vec![0; BUFFER_BYTES]);
    loop {
        let read = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(unreadable(path, cause)),
        };
        bytes += read as u64;
        if bytes > file.bytes {
            break;
        }
        sha256.update(&buffer[..read]);
        output.append(&buffer[..read])?;
    }
    if bytes != file.bytes {
        return Err(damaged(path, "is not the file of the manifest: its length is another"));
    }
    if sha256.finish() != file.sha256 {
        return Err(damaged(path, "is not the file of the manifest: its SHA-256 is another"));
    }
    output.sync()?;
    Ok(output)
}
