//! Manifests: what an extract is, what was decided, and how to know that it is whole.
//!
//! Why it exists: the recipient gets files.  The manifest says which, made under which decision, for
//! what and until when, whom to ask; and it is signed, so that a changed file, or one of another
//! disclosure, shows.
//!
//! FORMAT: docs/FORMATS.md, "Manifest of an extract".  JSON, indented, signed as a note
//! (`crypto::note`).  Its text begins with `{` and a line end, so it is never the text of a
//! checkpoint, whose second line is a number.
//!
//! Pure: whoever makes an extract builds the text, the server signs it, the recipient opens the note.
//!
//! INVARIANT: what is signed was parsed first, and is written in the one form ([`Manifest::sign`]).
//! INVARIANT: no count of left-out persons below k, nor of their rows ([`LeftOut::shown`]).
//! INVARIANT: `made` is a day.  A time would say which extracts were made in one run, and when
//! somebody was at work; that is what could join two extracts that nothing else joins.
//!
//! Not protected: that what it says is true.  Whoever signs must hold it against the decision.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::cells::Screened;
use crate::crypto::SigningKey;
use crate::crypto::hex;
use crate::crypto::note::{NoteError, Origin, VerifierKey, open_note, sign_note};
use crate::disclosure::terms::Generalisation;

mod fields;
mod summary;
#[cfg(test)]
mod tests;

/// Version of the format.
pub const VERSION: u32 = 1;

/// Fewer left-out persons than this are not counted out to the recipient, where the decision names
/// no k.
pub const LEFT_OUT_PERSONS_MIN: u32 = 5;

/// What an extract is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub v: u32,
    /// The number of the disclosure.
    pub disclosure: String,
    /// Who gets it.
    pub recipient: Organisation,
    /// What it may be used for.
    pub purpose: String,
    /// The legal basis.
    pub legal_basis: String,
    /// The decision.
    pub decision: Decision,
    /// The files; at least one, each name once.
    pub files: Vec<FileEntry>,
    /// What was screened for small cells; absent where the decision asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_cells: Option<Screened>,
    /// Whom the extract leaves out.
    pub left_out: LeftOut,
    /// The last day on which it may be kept.
    pub expires: Date,
    /// Whom to ask, and whom to tell that it is deleted.
    pub contact: String,
    /// The day on which it was made, in UTC.
    pub made: Date,
    /// Program and version that made it.
    pub software: String,
    /// The key that signs this, `name+hash+key`.
    pub verifier_key: String,
}

/// The recipient.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Organisation {
    /// The organisation.
    pub organisation: String,
    /// The public keys that the extract is sealed to.  Signed, so that a recipient who passes it on
    /// cannot let it look as if it had been made for somebody else.
    pub keys: Vec<String>,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Decision {
    /// Who decided.
    pub authority: String,
    /// Its reference there.
    pub reference: String,
    /// What it decides.
    pub kind: DecisionKind,
    /// Its day.
    pub date: Date,
}

/// What a decision decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// Access to data.
    Access,
    /// Dispensation from the duty of confidentiality.
    Dispensation,
}

/// A file of the extract.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileEntry {
    /// Its name: letters, digits, `-`, `_` and `.`, without directories.
    pub name: String,
    /// SHA-256 of the plaintext.
    #[serde(with = "hex")]
    pub sha256: [u8; 32],
    /// Bytes of the plaintext.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What is in it.
    #[serde(flatten)]
    pub content: Content,
}

/// What is in a column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "content")]
pub enum Content {
    /// The ID that another party gave the person, in the place of a løpenummer.
    Label,
    /// The person's løpenummer in this disclosure.
    Serial,
    /// Surrogates of identifiers other than the person's.
    Surrogate {
        /// Equal values of one key space have equal surrogates.
        key_space: String,
    },
    /// A variable.
    Variable {
        /// How it was made coarser; as it stood if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generalisation: Option<Generalisation>,
    },
}

/// Whom an extract leaves out, as far as the recipient is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum LeftOut {
    /// So many.
    Counted {
        /// Persons.
        persons: u64,
        /// Their rows.
        rows: u64,
    },
    /// Fewer than so many, or nobody.
    Few {
        /// k.
        persons_fewer_than: u32,
    },
}

impl LeftOut {
    /// What may be told: nothing of fewer than k persons, nobody among them.  Were nobody told
    /// apart, "fewer than k" would say that there is somebody.
    #[must_use]
    pub fn shown(persons: u64, rows: u64, persons_min: Option<u32>) -> Self {
        let persons_min = persons_min.unwrap_or(LEFT_OUT_PERSONS_MIN);
        if persons < u64::from(persons_min) {
            return Self::Few { persons_fewer_than: persons_min };
        }
        Self::Counted { persons, rows }
    }
}

/// Why a manifest was refused.  No text of it is quoted but names of files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not written in the one form that is signed.
    #[error("is not in the form that is signed")]
    Form,
    /// It names another key than the one it is to be signed by, or was signed by.
    #[error("names another key than the one that signs it")]
    Key,
    /// It is no note, or not one by the key.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// It is not the JSON of a manifest.
    #[error("is not a manifest")]
    NotAManifest,
    /// A field is wrong.
    #[error("{at}: {what}")]
    Field {
        /// Which.
        at: String,
        /// What is wrong and what to do.
        what: &'static str,
    },
    /// It is of a later format.
    #[error("is of a later format than this program reads; use a newer hvelv")]
    Version,
}

/// Where the key came from that a manifest was verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// From the manifest itself: it agrees with itself, and may be anybody's.
    ManifestItself,
    /// From the caller: the holder of that key has signed it.
    ExpectedKey,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Manifest {
    /// The text that is signed.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Field`]: the first field that is wrong.
    pub fn text(&self) -> Result<String, ManifestError> {
        self.check_fields()?;
        let mut text = serde_json::to_string_pretty(self).map_err(|_| ManifestError::Form)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a text.  Fields that this version does not know are passed over.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let version: Version =
            serde_json::from_str(text).map_err(|_| ManifestError::NotAManifest)?;
        if version.v != VERSION {
            return Err(ManifestError::Version);
        }
        let manifest: Self = serde_json::from_str(text).map_err(|_| ManifestError::NotAManifest)?;
        manifest.check_fields()?;
        Ok(manifest)
    }

    /// Reads a text that is in the one form that is signed: nothing in it is passed over.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn parse_exact(text: &str) -> Result<Self, ManifestError> {
        let manifest = Self::parse(text)?;
        if manifest.text()? == text { Ok(manifest) } else { Err(ManifestError::Form) }
    }

    /// Signs a text that is a manifest in the one form, and names this key: the note.
    ///
    /// The caller's duty: what the manifest says was decided, and for this recipient.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn sign(text: &str, name: &Origin, key: &SigningKey) -> Result<String, ManifestError> {
        let manifest = Self::parse_exact(text)?;
        let verifier = VerifierKey::new(name.clone(), key.public_key());
        if manifest.verifier_key != verifier.to_string() {
            return Err(ManifestError::Key);
        }
        Ok(sign_note(text, name, key)?)
    }

    /// Reads a note and verifies it: by the expected key, or else by the one that it names itself.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn open(
        note: &str,
        expected: Option<&VerifierKey>,
    ) -> Result<(Self, Trust), ManifestError> {
        let (key, trust) = match expected {
            Some(key) => (key.clone(), Trust::ExpectedKey),
            None => (Self::named_key(note)?, Trust::ManifestItself),
        };
        let manifest = Self::parse(open_note(note, &key)?)?;
        if manifest.verifier_key != key.to_string() {
            return Err(ManifestError::Key);
        }
        Ok((manifest, trust))
    }

    /// The key that a note names, before anything is verified.
    fn named_key(note: &str) -> Result<VerifierKey, ManifestError> {
        let (text, _) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        Ok(Self::parse(text)?.verifier_key.parse()?)
    }
}
