//! Files that are encrypted to the recipient as they are written.
//!
//! Why it exists: an extract must never lie on a disk in plaintext, not even aside or for a moment.
//! Whoever writes one writes into a [`SealedFile`], which hashes and encrypts what it is given.
//!
//! One plain `age` file for each file of the extract, `NAME.age`, and one for the manifest,
//! `NAME.manifest.age`: each opens with any `age` program.
//!
//! INVARIANT: nothing has its name before everything is complete and durable; an older manifest that is
//! replaced goes first and the new one gets its name last: an extract with a manifest is whole.  What
//! is dropped before that is removed, names that were given already too.
//!
//! Not protected: how long the files are shows how long the plaintext is, almost to the byte.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, Trust};
use super::recipient::{Encrypting, Recipients};
use crate::crypto::Sha256;
use crate::crypto::note::VerifierKey;
use crate::files::destination::{Destination, Existing};
use crate::files::{Error, ErrorKind};

/// What is added to the name of a file that is sealed.
pub const SEALED_ENDING: &str = ".age";

/// How the name of a sealed manifest ends.
pub const MANIFEST_ENDING: &str = ".manifest.age";

/// A file being written, which only the recipients can read.
pub struct SealedFile {
    name: PathBuf,
    output: Encrypting<Destination>,
    sha256: Sha256,
    bytes: u64,
}

impl SealedFile {
    /// Starts to write, aside.  `name` ends with [`SEALED_ENDING`].  What a killed process left of
    /// the same file is removed.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub fn create(name: &Path, existing: Existing, to: &Recipients) -> Result<Self, Error> {
        let destination = Destination::create_anew(name, existing)?;
        let output =
            to.encrypt(destination).map_err(|cause| Error::system("write", name, &cause))?;
        Ok(Self { name: name.to_owned(), output, sha256: Sha256::new(), bytes: 0 })
    }

    /// Writes the end and makes everything durable, still aside.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub fn finish(self) -> Result<Complete, Error> {
        let name = self.name;
        let mut destination =
            self.output.finish().map_err(|cause| Error::system("write", &name, &cause))?;
        destination.sync()?;
        Ok(Complete { destination, sha256: self.sha256.finish(), bytes: self.bytes })
    }
}

impl Write for SealedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A sealed file that is complete and durable, and has no name yet.
pub struct Complete {
    destination: Destination,
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// Bytes of the plaintext.
    pub bytes: u64,
}

/// The files of an extract and its manifest, all complete, none with its name yet.
pub struct SealedExtract {
    files: Vec<Complete>,
    manifest: Complete,
}

impl SealedExtract {
    /// Seals the signed manifest of complete files.  `name` ends with [`MANIFEST_ENDING`].
    ///
    /// # Errors
    ///
    /// The note is not one by the key, or speaks of other files; the disk is full, or fails.
    pub fn new(
        files: Vec<Complete>,
        (name, existing): (&Path, Existing),
        note: &str,
        key: &VerifierKey,
        to: &Recipients,
    ) -> Result<Self, Error> {
        let broken = |what: String| {
            Error::new(ErrorKind::Verification, what).advise(
                "Nothing was written. Make the extract again, and tell who runs the server.",
            )
        };
        let (manifest, Trust::ExpectedKey) = Manifest::open(note, Some(key))
            .map_err(|cause| broken(format!("the signed manifest is refused: {cause}")))?
        else {
            return Err(broken("the manifest is signed by another key".into()));
        };
        let is_of = |described: &super::manifest::FileEntry, file: &Complete| {
            (described.sha256, described.bytes) == (file.sha256, file.bytes)
        };
        if manifest.files.len() != files.len()
            || !manifest.files.iter().zip(&files).all(|(described, file)| is_of(described, file))
        {
            return Err(broken("the signed manifest is about other files".into()));
        }
        let mut output = SealedFile::create(name, existing, to)?;
        output.write_all(note.as_bytes()).map_err(|cause| Error::system("write", name, &cause))?;
        Ok(Self { files, manifest: output.finish()? })
    }

    /// Gives the files their names, the manifest last.  An older manifest of that name goes first.
    ///
    /// # Errors
    ///
    /// A name was taken meanwhile, or the disk fails.  No file of the extract has a name then.
    pub fn publish(self) -> Result<(), Error> {
        self.manifest.destination.remove_replaced()?;
        let mut given = Vec::with_capacity(self.files.len());
        for file in self.files.into_iter().chain([self.manifest]) {
            let name = file.destination.name().to_owned();
            if let Err(error) = file.destination.publish() {
                // What cannot be removed has no manifest.
                given.iter().for_each(|name| drop(std::fs::remove_file(name)));
                return Err(error);
            }
            given.push(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
