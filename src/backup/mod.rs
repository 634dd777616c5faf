//! What a backup is: files of both stores, each sealed, and a signed manifest that names them.
//!
//! Why it exists: a backup lies for years where nobody looks.  Whoever takes it must learn no more
//! than sizes and times, and whoever restores it must see that it is whole and whose it is.
//!
//! ```text
//! FORMAT: docs/FORMATS.md, section "Backup".
//! DIR/manifest                   signed note, in the clear
//! DIR/<plane>-<file>.age         a file of that plane's store, sealed to offline `age` keys
//! ```
//!
//! A file that never changes, and lies in an earlier backup, is named with that backup's id and not
//! written again.
//!
//! INVARIANT: names of files lead to no other directory; a manifest is read only after its signature
//! is verified; its text is never that of a checkpoint, whose second line is a number.
//!
//! What it does *not* protect: without an `age` key's secret part nobody reads the files, with it
//! there are still the records, which are sealed under keys that no backup holds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::crypto::SigningKey;
use crate::crypto::hex;
use crate::crypto::note::{NoteError, Origin, VerifierKey, open_note, sign_note_with};

/// The version that this program writes.
const VERSION: u32 = 1;

/// The name of the manifest within a backup.
pub const MANIFEST: &str = "manifest";

/// Longest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// Longest name of a file of a store.
const NAME_BYTES_MAX: usize = 64;

/// Random id of a backup: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackupId(#[serde(with = "hex")] [u8; 16]);

impl BackupId {
    /// From fresh random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Display for BackupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// SHA-256 of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(#[serde(with = "hex")] pub [u8; 32]);

/// Which store a file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// The register plane.
    Registers,
    /// The vault.
    Vault,
}

impl Plane {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registers => "registers",
            Self::Vault => "vault",
        }
    }
}

/// A file of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Of which store.
    pub plane: Plane,
    /// Its name there.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
    /// The backup that it lies in: this one, or an earlier.
    pub lies_in: BackupId,
    /// How long it is when sealed.
    pub sealed_bytes: u64,
    /// Its digest when sealed.
    pub sealed_sha256: Digest,
}

impl Piece {
    /// The name of the file in the backup.
    #[must_use]
    pub fn file(&self) -> String {
        file_of(self.plane, &self.name)
    }
}

/// The name in a backup of a store's file.
#[must_use]
pub fn file_of(plane: Plane, name: &str) -> String {
    format!("{}-{name}.age", plane.name())
}

/// How far a number space had come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceMark {
    /// The number space, as in the key file.
    pub space: String,
    /// Positions leased.
    pub leased: u64,
    /// The generation that numbers were drawn from.
    pub generation: u32,
}

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version.
    pub hvelv_backup: u32,
    /// The backup.
    pub id: BackupId,
    /// The earlier backup that it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<BackupId>,
    /// When it was begun.
    pub made: Timestamp,
    /// Program and version.
    pub software: String,
    /// The installation, as in key file and stores.
    #[serde(with = "hex")]
    pub store_id: [u8; 16],
    /// `production`, `test` or `development`.
    pub environment: String,
    /// Public keys that the files are sealed to.
    pub recipients: Vec<String>,
    /// Signed checkpoint of the log: every entry of it is in the backup.
    pub checkpoint: String,
    /// Number spaces.
    pub marks: Vec<SpaceMark>,
    /// Files, those of the register plane first.
    pub pieces: Vec<Piece>,
}

/// Why a manifest is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A field is wrong.
    #[error("the manifest of the backup is damaged: {0}")]
    Field(&'static str),
    /// It is no note, or not one of this installation.
    #[error("the manifest of the backup is refused: {0}")]
    Note(#[from] NoteError),
    /// It is of a later version.
    #[error("the backup is of a later format than this program reads; use a newer hvelv")]
    Version,
}

#[derive(Deserialize)]
struct Version {
    hvelv_backup: u32,
}

impl Manifest {
    /// The version that this program writes.
    pub const VERSION: u32 = VERSION;

    /// The manifest as a note, signed by all keys of the log.
    ///
    /// # Errors
    ///
    /// A field is wrong.
    pub fn sign(&self, name: &Origin, keys: &[&SigningKey]) -> Result<String, ManifestError> {
        self.check()?;
        let text = serde_json::to_string_pretty(self);
        let mut text = text.map_err(|_| ManifestError::Field("it cannot be written"))?;
        text.push('\n');
        Ok(sign_note_with(&text, name, keys)?)
    }

    /// Reads a note that one of the keys has signed.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Self, ManifestError> {
        let mut opened = Err(NoteError::NotSigned);
        for key in keys {
            opened = opened.or_else(|_| open_note(note, key));
        }
        Self::parse(opened?)
    }

    /// Reads a note without looking at its signature: whoever restores it looks.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn open_unverified(note: &str) -> Result<Self, ManifestError> {
        let (text, _) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        Self::parse(text)
    }

    fn parse(text: &str) -> Result<Self, ManifestError> {
        let malformed = |_| ManifestError::Field("it is not the JSON of a manifest");
        let version: Version = serde_json::from_str(text).map_err(malformed)?;
        if version.hvelv_backup != VERSION {
            return Err(ManifestError::Version);
        }
        let manifest: Self = serde_json::from_str(text).map_err(malformed)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let refuse = |is_wrong: bool, what| {
            if is_wrong { Err(ManifestError::Field(what)) } else { Ok(()) }
        };
        let mut files = std::collections::BTreeSet::new();
        for piece in &self.pieces {
            refuse(!is_name(&piece.name), "a name of a file leads elsewhere")?;
            refuse(!files.insert(piece.file()), "a file is named twice")?;
            let is_here = piece.lies_in == self.id;
            refuse(!is_here && self.since.is_none(), "a file lies in a backup that is not named")?;
        }
        let has = |plane| self.pieces.iter().any(|piece| piece.plane == plane);
        refuse(!has(Plane::Registers) || !has(Plane::Vault), "a store has no files")
    }

    /// The pieces that lie in this backup.
    pub fn own(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.lies_in == self.id)
    }
}

/// Whether a name is a bare one, of letters, digits, `.`, `_` and `-`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(is_plain)
}

/// Whether a name is one of a file in a backup.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let of = |plane: Plane| name.strip_prefix(plane.name()).and_then(|rest| rest.strip_prefix('-'));
    let rest = of(Plane::Registers).or_else(|| of(Plane::Vault));
    rest.and_then(|rest| rest.strip_suffix(".age")).is_some_and(is_name)
}

#[cfg(test)]
mod tests;
