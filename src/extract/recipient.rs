//! Keys of recipients: who an extract is sealed to, and who can open it.
//!
//! Why it exists: this is the one importer of `age`, so that it can be replaced and reviewed in one
//! place.  The recipient makes a key pair, keeps the secret key and gives the public one; what is
//! sealed to it opens with the `age` program as well.
//!
//! FORMAT: <https://age-encryption.org/v1>, recipients of kind X25519, binary.
//!
//! INVARIANT: nothing here prints or quotes a secret key, also where one is given by mistake.
//! Not protected: `age` draws its own randomness from the operating system, not from
//! `crypto::Entropy`, and leaves copies of keys in memory that it does not wipe.  Nothing in an `age`
//! file says who sealed it: that is the manifest's.  Recordings are not safe from a quantum computer.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::str::FromStr;

use age::secrecy::ExposeSecret as _;
use age::x25519;
use zeroize::Zeroizing;

/// Most keys that an extract is sealed to.
pub const RECIPIENTS_MAX: usize = 16;
/// Longest key file, in bytes.
pub const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;
/// How an `age` file begins.
pub(super) const MAGIC: &[u8] = b"age-encryption.org/";

const PUBLIC_KEY_START: &str = "age1";
const SECRET_KEY_START: &str = "AGE-SECRET-KEY-";

/// Why a key was refused.  The texts never quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Several lines, or other things, where one key belongs.
    #[error("is no age key; a public key is one word that begins with age1")]
    Malformed,
    /// No key at all.
    #[error("no key is given; the recipient makes one: hvelv extract key, or age-keygen")]
    None,
    /// A key file has a line that is no secret key.
    #[error("line {line} of the key file is no age secret key; one begins with AGE-SECRET-KEY-1")]
    NotSecret {
        /// Which line, from 1.
        line: usize,
    },
    /// A key of another kind.
    #[error("is an age key of a kind that is not supported; make one of kind X25519: age-keygen")]
    OtherKind,
    /// The key file is sealed under a passphrase.
    #[error("the key file is encrypted itself; decrypt it first: age --decrypt")]
    Protected,
    /// The key file holds a public key.
    #[error("line {line} of the key file is a public key; give the file with the secret key")]
    Public {
        /// Which line, from 1.
        line: usize,
    },
    /// A secret key where a public one belongs.
    #[error(
        "is a SECRET key; whoever has seen it can open what is sealed to it: make a new pair, and \
         give the public key, which begins with age1"
    )]
    Secret,
    /// More keys than [`RECIPIENTS_MAX`].
    #[error("more than {RECIPIENTS_MAX} keys; seal to fewer")]
    TooMany,
    /// A key is given twice.
    #[error("is given twice; give each key once")]
    Twice,
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

impl FromStr for Recipient {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let start = |length: usize| text.get(..length).unwrap_or_default();
        if start(SECRET_KEY_START.len()).eq_ignore_ascii_case(SECRET_KEY_START) {
            return Err(KeyError::Secret);
        }
        match text.parse() {
            Ok(key) => Ok(Self(key)),
            // age1pq1…, age1tag1…, age1yubikey1…: the part before the last 1 names the kind.
            Err(_) if text.starts_with(PUBLIC_KEY_START) && text[4..].contains('1') => {
                Err(KeyError::OtherKind)
            }
            Err(_) if text.starts_with("ssh-") => Err(KeyError::OtherKind),
            Err(_) => Err(KeyError::Malformed),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.0)
    }
}

/// Whom an extract is sealed to.
///
/// INVARIANT: 1 to [`RECIPIENTS_MAX`] different keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Reads public keys.
    ///
    /// # Errors
    ///
    /// [`KeyError`]: none, too many, one twice, or one that is no public key.
    pub fn parse<S: AsRef<str>>(keys: &[S]) -> Result<Self, KeyError> {
        let mut recipients = Vec::new();
        for key in keys {
            let recipient: Recipient = key.as_ref().parse()?;
            if recipients.contains(&recipient) {
                return Err(KeyError::Twice);
            }
            recipients.push(recipient);
        }
        match recipients.len() {
            0 => Err(KeyError::None),
            count if count > RECIPIENTS_MAX => Err(KeyError::TooMany),
            _ => Ok(Self(recipients)),
        }
    }

    /// The keys as text, for the manifest.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// A short secret, encrypted to all of them, as `age` opens it.
    ///
    /// # Errors
    ///
    /// The keys do not go together.
    pub fn seal(&self, secret: &[u8]) -> io::Result<Vec<u8>> {
        let mut output = self.encrypt(Vec::new())?;
        output.write_all(secret)?;
        output.finish()
    }

    /// Encrypts what is written, to all of them.
    pub(crate) fn encrypt<W: Write>(&self, output: W) -> io::Result<Encrypting<W>> {
        let recipients = self.0.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients)
            .map_err(|_| io::Error::other("the recipients' keys do not go together"))?;
        Ok(Encrypting(Some(encryptor.wrap_output(output)?)))
    }
}

/// Encrypts what is written.  What is not finished does not open.
pub(crate) struct Encrypting<W: Write>(Option<age::stream::StreamWriter<W>>);

impl<W: Write> Encrypting<W> {
    /// Writes the end.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.0.take().ok_or_else(ended)?.finish()
    }

    /// Writes the end, of what is held by a reference alone.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.0.take().ok_or_else(ended)?.finish().map(drop)
    }
}

impl<W: Write> Write for Encrypting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().ok_or_else(ended)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn ended() -> io::Error {
    io::Error::other("the end is written already")
}

/// A file that holds a new secret key, and the public key.
pub struct NewKey {
    /// What is given to those who seal.
    pub public: String,
    /// The key file, as `age-keygen` writes it.
    pub file: Zeroizing<String>,
}

impl NewKey {
    /// Makes a key pair.
    #[must_use]
    pub fn generate() -> Self {
        let identity = x25519::Identity::generate();
        let public = identity.to_public().to_string();
        // EXPOSE: it is written to the key file, which is what it is made for.
        let secret = identity.to_string();
        let file = format!("# public key: {public}\n{}\n", secret.expose_secret());
        Self { public, file: Zeroizing::new(file) }
    }
}

/// Secret keys of one key file.  No `Debug`.
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
    /// Reads a key file: a secret key on each line; lines that are empty or begin with # are not
    /// read.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which names a line and never quotes it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE") {
            return Err(KeyError::Protected);
        }
        let mut identities = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if text.starts_with(PUBLIC_KEY_START) {
                return Err(KeyError::Public { line });
            }
            identities.push(text.parse().map_err(|_| KeyError::NotSecret { line })?);
        }
        if identities.is_empty() { Err(KeyError::None) } else { Ok(Self(identities)) }
    }

    /// Whether one of them belongs to a public key.
    #[must_use]
    pub fn has(&self, public: &str) -> bool {
        self.0.iter().any(|identity| identity.to_public().to_string() == public)
    }

    /// Decrypts what is read.
    pub(crate) fn decrypt<R: BufRead>(
        &self,
        mut input: R,
    ) -> Result<impl Read + use<R>, DecryptError> {
        let head = input.fill_buf().map_err(DecryptError::Read)?;
        if !head.starts_with(&MAGIC[..MAGIC.len().min(head.len())]) {
            return Err(DecryptError::NotAge);
        }
        let decryptor = age::Decryptor::new_buffered(input).map_err(DecryptError::of)?;
        let identities = self.0.iter().map(|identity| identity as &dyn age::Identity);
        decryptor.decrypt(identities).map_err(DecryptError::of)
    }
}

/// Why a file is not decrypted.
#[derive(Debug)]
pub(crate) enum DecryptError {
    /// The head of the file was changed, or is cut off.
    Head,
    /// It is no `age` file.
    NotAge,
    /// It is sealed to other keys.
    OtherKey,
    /// It is sealed under a passphrase.
    Passphrase,
    /// It cannot be read.
    Read(io::Error),
}

impl DecryptError {
    /// `age` has texts of its own, in the language of the environment; ours say what to do.
    fn of(cause: age::DecryptError) -> Self {
        match cause {
            age::DecryptError::NoMatchingKeys => Self::OtherKey,
            age::DecryptError::ExcessiveWork { .. } => Self::Passphrase,
            age::DecryptError::UnknownFormat => Self::NotAge,
            age::DecryptError::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Head
            }
            age::DecryptError::Io(cause) => Self::Read(cause),
            // Decryption failed, header or its MAC invalid.
            _ => Self::Head,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Recipients, Identities) {
        let key = NewKey::generate();
        (Recipients::parse(&[&key.public]).unwrap(), Identities::parse(&key.file).unwrap())
    }

    fn encrypted(recipients: &Recipients, text: &[u8]) -> Vec<u8> {
        let mut output = recipients.encrypt(Vec::new()).unwrap();
        output.write_all(text).unwrap();
        output.finish().unwrap()
    }

    #[test]
    fn what_is_sealed_to_several_opens_for_each_of_them_and_nobody_else() {
        let (one, two) = (NewKey::generate(), NewKey::generate());
        let recipients = Recipients::parse(&[&one.public, &two.public]).unwrap();
        let sealed = encrypted(&recipients, b"rows");
        for key in [one, two] {
            let mut text = String::new();
            let identities = Identities::parse(&key.file).unwrap();
            identities.decrypt(&sealed[..]).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "rows");
        }
        assert!(matches!(pair().1.decrypt(&sealed[..]), Err(DecryptError::OtherKey)));
    }

    #[test]
    fn a_secret_key_given_by_mistake_is_refused_and_never_told() {
        let key = NewKey::generate();
        let secret = key.file.lines().last().unwrap();
        for given in [secret.to_owned(), secret.to_lowercase(), format!("  {secret}\n")] {
            let error = Recipients::parse(&[given]).unwrap_err();
            assert_eq!(error, KeyError::Secret);
            let said = format!("{error} {error:?}").to_uppercase();
            assert!(!said.contains(&secret[20..]), "the key is told");
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused_with_what_to_do() {
        let key = NewKey::generate().public;
        let cut = &key[..key.len() - 1];
        let typo = format!("{}{}", cut, if key.ends_with('q') { 'p' } else { 'q' });
        for (given, expected) in [
            ("", KeyError::Malformed),
            ("somebody@example.org", KeyError::Malformed),
            (cut, KeyError::Malformed),
            (typo.as_str(), KeyError::Malformed),
            (
                "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
                KeyError::OtherKind,
            ),
            (
                "age1tag1qwe0kafsjrar4txm6heqnhpfuggzr0gvznz7fvygxrlq90u5mq2pysxtw6h",
                KeyError::OtherKind,
            ),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN somebody", KeyError::OtherKind),
        ] {
            assert_eq!(Recipients::parse(&[given]).unwrap_err(), expected, "{given}");
        }
        assert_eq!(Recipients::parse::<&str>(&[]), Err(KeyError::None));
        assert_eq!(Recipients::parse(&[&key, &key]), Err(KeyError::Twice));
        let many: Vec<String> = (0..17).map(|_| NewKey::generate().public).collect();
        assert_eq!(Recipients::parse(&many), Err(KeyError::TooMany));
    }

    #[test]
    fn key_files_that_cannot_open_anything_are_refused_by_line() {
        let key = NewKey::generate();
        let public = format!("\n# comment\n{}\n", key.public);
        for (text, expected) in [
            ("", KeyError::None),
            ("# public key: nothing\n\n", KeyError::None),
            (public.as_str(), KeyError::Public { line: 3 }),
            ("# x\nAGE-SECRET-KEY-1QQQ\n", KeyError::NotSecret { line: 2 }),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", KeyError::NotSecret { line: 1 }),
            ("age-encryption.org/v1\n-> scrypt x 18\n", KeyError::Protected),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", KeyError::Protected),
        ] {
            assert_eq!(Identities::parse(text).map(|_| ()), Err(expected), "{text}");
        }
        // As age-keygen writes it, and with the line ends of another system.
        assert!(Identities::parse(&key.file.replace('\n', "\r\n")).is_ok());
    }

    #[test]
    fn what_is_no_age_file_or_was_cut_is_told_apart() {
        let (recipients, identities) = pair();
        let sealed = encrypted(&recipients, &[7; 200_000]);
        assert!(matches!(identities.decrypt(&b"a,b\n1,2\n"[..]), Err(DecryptError::NotAge)));
        assert!(matches!(identities.decrypt(&sealed[..60]), Err(DecryptError::Head)));
        let mut changed = sealed.clone();
        changed[70] ^= 1;
        assert!(identities.decrypt(&changed[..]).is_err());
        // Cut at any end of a chunk, or anywhere: it never reads as whole.
        for cut in [sealed.len() - 1, sealed.len() - 3392 - 16, 300, 65_536 + 16 + 200] {
            // The head has a random length: a cut may be within it.
            let read = identities.decrypt(&sealed[..cut]);
            let read = read.map(|mut reader| reader.read_to_end(&mut Vec::new()));
            assert!(!matches!(read, Ok(Ok(_))), "{cut}");
        }
    }
}
