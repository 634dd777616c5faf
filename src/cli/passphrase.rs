//! Where a passphrase comes from: the terminal, a file or a file descriptor.
//!
//! Never from an argument or the environment: both can be read by every process of the user, and
//! arguments by everybody on the host.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::Error;
use crate::crypto::Passphrase;

/// Longest passphrase; a longer one is a mistake.
const PASSPHRASE_BYTES_MAX: usize = 1024;

/// Longest file that is read for a secret. Private keys are longer than passphrases.
const PRIVATE_FILE_BYTES_MAX: usize = 16 * 1024;

/// A passphrase on its way from where it was given to the server or the key file; wiped when
/// dropped. No `Debug`, no `Clone`.
///
/// Apart from [`crate::crypto::Passphrase`], because that one never gives its bytes back, and
/// `hvelv unseal` has to send them.
pub(super) struct GivenPassphrase(Zeroizing<Vec<u8>>);

impl GivenPassphrase {
    /// One that was made, not given.
    pub(super) fn new(text: &[u8]) -> Self {
        Self(Zeroizing::new(text.to_vec()))
    }

    /// The bytes. EXPOSE: for the one request that carries them to the server.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The passphrase as the key file takes it, once more.
    ///
    /// # Errors
    ///
    /// It is too long.
    pub(super) fn secret(&self) -> Result<Passphrase, Error> {
        self.again().into_secret()
    }

    /// The same passphrase, for what takes it twice.
    pub(super) fn again(&self) -> Self {
        Self::new(&self.0)
    }

    /// The passphrase as the key file takes it.
    ///
    /// # Errors
    ///
    /// It is too long.
    pub(super) fn into_secret(mut self) -> Result<Passphrase, Error> {
        Passphrase::new(std::mem::take(&mut *self.0))
            .map_err(|_| Error::usage("the passphrase is empty or too long"))
    }
}

/// Where the passphrase comes from.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct PassphraseOptions {
    /// Reads the passphrase from a file that only its owner may read. Without this option and
    /// without --passphrase-fd it is asked for on the terminal.
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,

    /// Reads the passphrase from an open file descriptor, for example `3` in `3< <(secret-tool …)`.
    #[arg(long, value_name = "N")]
    pub(super) passphrase_fd: Option<u32>,
}

/// Whether a passphrase is asked for once or, when it is new, twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Of a key file that exists.
    Existing,
    /// Of a key file about to be made.
    New,
}

impl PassphraseOptions {
    /// Whether the passphrase is asked for on the terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.passphrase_file.is_none() && self.passphrase_fd.is_none()
    }

    /// Reads the passphrase.
    ///
    /// # Errors
    ///
    /// An unreadable, too open, empty or overlong source; no terminal; two different entries.
    pub(super) fn read(&self, prompt: Prompt) -> Result<GivenPassphrase, Error> {
        if let Some(path) = &self.passphrase_file {
            return trimmed(read_private_file(path, "passphrase file")?);
        }
        if let Some(descriptor) = self.passphrase_fd {
            return trimmed(from_descriptor(descriptor, "passphrase")?);
        }
        from_terminal(prompt)
    }
}

/// Reads a small file that holds a secret. It must not be readable by group or others.
///
/// # Errors
///
/// The file is missing, unreadable, too open or too long.
pub(super) fn read_private_file(path: &Path, what: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = std::fs::File::open(path).map_err(|cause| {
        Error::file("read", path, &cause).advise(format!("Check the path of the {what}."))
    })?;
    let mode = file.metadata().map_err(|cause| Error::file("read", path, &cause))?.permissions();
    if mode.mode() & 0o077 != 0 {
        return Err(Error::usage(format!(
            "the {what} {} may be read by others than its owner",
            path.display()
        ))
        .advise(format!("Close it: chmod 600 {}.", path.display())));
    }
    read_bounded(file, &format!("the {what} {}", path.display()))
}

/// Reads a short secret from a file descriptor.
///
/// # Errors
///
/// It is not open, unreadable or too long.
pub(super) fn from_descriptor(descriptor: u32, secret: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let what = format!("file descriptor {descriptor}");
    // `/dev/fd` opens what the descriptor refers to; no unsafe conversion of a number to a handle.
    let file = std::fs::File::open(format!("/dev/fd/{descriptor}")).map_err(|cause| {
        Error::usage(format!("cannot read the {secret} from {what}: {cause}")).advise(format!(
            "Open it in the shell, for example: --{secret}-fd {descriptor} \
             {descriptor}< <(secret-tool lookup hvelv {secret})."
        ))
    })?;
    read_bounded(file, &what)
}

fn from_terminal(prompt: Prompt) -> Result<GivenPassphrase, Error> {
    let ask = |text: &str| -> Result<Zeroizing<String>, Error> {
        rpassword::prompt_password(text).map(Zeroizing::new).map_err(|cause| {
            Error::usage(format!("cannot ask for the passphrase on a terminal: {cause}"))
                .advise("Give --passphrase-file FILE or --passphrase-fd N.")
        })
    };
    let first = ask("Passphrase: ")?;
    if prompt == Prompt::New && *ask("The same again: ")? != *first {
        return Err(Error::usage("the two passphrases differ").advise("Start again."));
    }
    trimmed(Zeroizing::new(first.as_bytes().to_vec()))
}

/// Reads all of a source, at most the bound, into one buffer that never grows (a buffer that grows
/// leaves copies behind).
///
/// # Errors
///
/// The source is unreadable or too long.
pub(super) fn read_bounded(mut source: impl Read, what: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(vec![0; PRIVATE_FILE_BYTES_MAX + 1]);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(Error::usage(format!("cannot read {what}: {cause}"))),
        }
    }
    if filled > PRIVATE_FILE_BYTES_MAX {
        return Err(Error::usage(format!("{what} is longer than {PRIVATE_FILE_BYTES_MAX} bytes")));
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Takes one line end off, as a file written by an editor has one.
fn trimmed(mut bytes: Zeroizing<Vec<u8>>) -> Result<GivenPassphrase, Error> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(Error::usage("the passphrase is empty"));
    }
    if bytes.contains(&b'\n') {
        return Err(Error::usage("the passphrase has more than one line")
            .advise("Put it alone on the first line."));
    }
    if bytes.len() > PASSPHRASE_BYTES_MAX {
        return Err(Error::usage(format!(
            "the passphrase is longer than {PASSPHRASE_BYTES_MAX} bytes"
        )));
    }
    if std::str::from_utf8(&bytes).is_err() {
        return Err(Error::usage("the passphrase is not UTF-8"));
    }
    Ok(GivenPassphrase(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn file_with(content: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn read_file(file: &tempfile::NamedTempFile) -> Result<GivenPassphrase, Error> {
        let options = PassphraseOptions {
            passphrase_file: Some(file.path().to_owned()),
            ..PassphraseOptions::default()
        };
        assert!(!options.is_terminal());
        options.read(Prompt::Existing)
    }

    #[test]
    fn a_file_gives_its_only_line() {
        for content in [&b"correct horse"[..], b"correct horse\n", b"correct horse\r\n"] {
            let read = read_file(&file_with(content, 0o600)).unwrap();
            assert_eq!(read.expose(), b"correct horse");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_advice() {
        for mode in [0o640, 0o604, 0o660, 0o644] {
            let error = read_file(&file_with(b"correct horse", mode)).err().unwrap();
            assert_eq!(error.exit(), super::super::Exit::Usage);
            assert!(error.advice()[0].contains("chmod 600"));
            assert!(!error.to_string().contains("horse"));
        }
    }

    #[test]
    fn empty_overlong_and_many_lined_files_are_refused() {
        let long = vec![b'x'; PASSPHRASE_BYTES_MAX + 1];
        for content in [&b""[..], b"\n", b"two\nlines\n", b"\xff\xfe", &long] {
            assert!(read_file(&file_with(content, 0o600)).is_err());
        }
        assert!(read_file(&file_with(&vec![b'x'; PASSPHRASE_BYTES_MAX], 0o600)).is_ok());
    }

    #[test]
    fn a_descriptor_gives_the_passphrase() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, b"correct horse\n").unwrap();
        drop(writer);
        let options = PassphraseOptions {
            passphrase_fd: u32::try_from(reader.as_raw_fd()).ok(),
            ..PassphraseOptions::default()
        };
        assert_eq!(options.read(Prompt::New).unwrap().expose(), b"correct horse");
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_refused_with_advice() {
        let options =
            PassphraseOptions { passphrase_fd: Some(9999), ..PassphraseOptions::default() };
        assert!(!options.read(Prompt::Existing).err().unwrap().advice().is_empty());
    }
}
