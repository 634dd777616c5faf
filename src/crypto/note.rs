//! Signed notes: text with Ed25519 signatures that any C2SP or Go tool can check.
//!
//! They exist so that what the server signs, the log's checkpoints and the manifests of extracts, can
//! be verified without Hvelv: the form is that of
//! <https://c2sp.org/signed-note> and of Go's `golang.org/x/mod/sumdb/note`.
//!
//! FORMAT:
//!
//! ```text
//! note          text ending in a newline ‖ newline ‖ one or more signature lines
//! signature     "— " name " " base64(key id (4) ‖ Ed25519 signature (64)) newline
//! key id        SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key (32)), first 4 bytes
//! verifier key  name "+" hex(key id), 8 digits "+" base64(0x01 ‖ public key)
//! ```
//!
//! What is signed is the text with its last newline, without the blank line. The text ends at the
//! *last* blank line.
//!
//! INVARIANT: a name is not empty, at most [`NAME_BYTES_MAX`] long, and holds no white space,
//! control character or `+`.
//!
//! It does *not* say that a key is anybody's: a verifier key must come by another way than the
//! note.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use thiserror::Error;

use super::{PublicKey, Signature, SigningKey, hex};

mod cosignature;

pub use cosignature::{WitnessKey, WitnessSecret};

/// Longest name of a key, in bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// Longest note, in bytes: room for 100 signatures, post-quantum ones among them.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// Most signatures on a note, as in Go; the specification asks for 16 at least.
const SIGNATURES_MAX: usize = 100;

/// Signature type of Ed25519 in the C2SP registry.
const ED25519: u8 = 0x01;

/// Why a note, name or verifier key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// The note has no signature by the expected key.
    #[error("note is not signed by the expected key")]
    NotSigned,
    /// The text is not of the form of a note.
    #[error("note is malformed")]
    Malformed,
    /// A name is empty, too long, or holds white space, a control character or `+`.
    #[error("key name is malformed")]
    Name,
    /// A signature by the expected key does not verify.
    #[error("signature does not verify")]
    Signature,
    /// A verifier key is not of the form `name+hash+key`, or is not Ed25519.
    #[error("verifier key is malformed")]
    VerifierKey,
    /// A verifier key's hash is not that of its name and key.
    #[error("hash of the verifier key does not match")]
    VerifierKeyHash,
}

/// The name of a key, and the origin of the log it signs, like `hvelv.example.no/npr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let refused = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.contains(refused) {
            return Err(NoteError::Name);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key with its name, in the form `name+hash+key`.
///
/// Whoever verifies gets it by a way of its own, once, and keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: Origin,
    key: PublicKey,
}

impl VerifierKey {
    /// Joins a name and a key.
    #[must_use]
    pub fn new(name: Origin, key: PublicKey) -> Self {
        Self { name, key }
    }

    /// The name, which is the origin of the log.
    #[must_use]
    pub fn name(&self) -> &Origin {
        &self.name
    }

    /// An identifier, not a fingerprint to trust.
    fn id(&self) -> [u8; 4] {
        self.key.note_key_id(self.name.as_str())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(&self.key.to_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(&self.id()), BASE64.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = parse_key(text, ED25519)?;
        let parsed = Self { name, key: PublicKey::from_bytes(key) };
        if parsed.id() == id { Ok(parsed) } else { Err(NoteError::VerifierKeyHash) }
    }
}

/// `name "+" hex(key id) "+" base64(type ‖ 32 bytes)`, of one type.
fn parse_key(text: &str, of_type: u8) -> Result<(Origin, [u8; 4], [u8; 32]), NoteError> {
    // Base64 may hold a `+`, a name may not.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::VerifierKey);
    };
    let id = hex::decode::<4>(id).ok_or(NoteError::VerifierKey)?;
    let key = BASE64.decode(key).map_err(|_| NoteError::VerifierKey)?;
    match key.split_first() {
        Some((found, key)) if *found == of_type => {
            let key = key.try_into().map_err(|_| NoteError::VerifierKey)?;
            Ok((name.parse()?, id, key))
        }
        _ => Err(NoteError::VerifierKey),
    }
}

/// Whether the text can be the text of a note.
fn is_text(text: &str) -> bool {
    text.ends_with('\n') && !text.contains(|c: char| c < ' ' && c != '\n')
}

/// `text ‖ newline ‖ signature line`, C2SP signed-note.
///
/// The key signs nothing but notes: that is what separates its uses.
///
/// # Errors
///
/// [`NoteError::Malformed`] if the text does not end in a newline or holds another control
/// character.
pub(crate) fn sign_note(text: &str, name: &Origin, key: &SigningKey) -> Result<String, NoteError> {
    sign_note_with(text, name, &[key])
}

/// The same by several keys of one name, a line each: while one key follows another, whoever knows
/// either verifies the note.
///
/// # Errors
///
/// As [`sign_note`].
pub(crate) fn sign_note_with(
    text: &str,
    name: &Origin,
    keys: &[&SigningKey],
) -> Result<String, NoteError> {
    if !is_text(text) {
        return Err(NoteError::Malformed);
    }
    let mut note = format!("{text}\n");
    for key in keys {
        let verifier = VerifierKey::new(name.clone(), key.public_key());
        let mut signature = verifier.id().to_vec();
        signature.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
        note.push_str(&signature_line(name, &signature));
    }
    Ok(note)
}

/// `"— " name " " base64 newline`.
fn signature_line(name: &Origin, signature: &[u8]) -> String {
    format!("— {name} {}\n", BASE64.encode(signature))
}

/// The text of a note, if `key` has signed it.
///
/// Signatures by other keys are passed over, as the specification demands (a witness adds its own);
/// one by `key` that does not verify refuses the note, whatever else is on it.
///
/// # Errors
///
/// [`NoteError`].
pub(crate) fn open_note<'a>(note: &'a str, key: &VerifierKey) -> Result<&'a str, NoteError> {
    let (text, signatures) = split_note(note)?;
    let mut signed = false;
    for line in signatures.split('\n') {
        let (name, id, signature) = parse_signature(line)?;
        if name != key.name || id != key.id() {
            continue;
        }
        let signature = signature.try_into().map_err(|_| NoteError::Signature)?;
        let signature = Signature::from_bytes(signature);
        key.key.verify(text.as_bytes(), &signature).map_err(|_| NoteError::Signature)?;
        signed = true;
    }
    if signed { Ok(text) } else { Err(NoteError::NotSigned) }
}

/// A note with those of its signature lines alone that one of the keys verifies, one for each key:
/// whoever hands a note on vouches for no line that anybody may have added.
///
/// # Errors
///
/// [`NoteError`]; none of the keys has signed it.
pub(crate) fn only_signed_by(note: &str, keys: &[VerifierKey]) -> Result<String, NoteError> {
    let (text, signatures) = split_note(note)?;
    let mut kept = format!("{text}\n");
    let mut signed = false;
    for key in keys {
        let verifies = |line: &&str| open_note(&format!("{text}\n{line}\n"), key).is_ok();
        if let Some(line) = signatures.split('\n').find(verifies) {
            kept.push_str(line);
            kept.push('\n');
            signed = true;
        }
    }
    if signed { Ok(kept) } else { Err(NoteError::NotSigned) }
}

/// The text with its last newline, and the signature lines without theirs.
fn split_note(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_BYTES_MAX || !is_text(note) {
        return Err(NoteError::Malformed);
    }
    // The blank line is the second newline; the text keeps the first.
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = note.split_at(at + 1);
    let signatures = signatures.strip_prefix('\n').ok_or(NoteError::Malformed)?;
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    if signatures.split('\n').count() > SIGNATURES_MAX {
        return Err(NoteError::Malformed);
    }
    Ok((text, signatures))
}

/// `— name base64(key id ‖ signature)`.
fn parse_signature(line: &str) -> Result<(Origin, [u8; 4], Vec<u8>), NoteError> {
    let line = line.strip_prefix("— ").ok_or(NoteError::Malformed)?;
    let (name, signature) = line.split_once(' ').ok_or(NoteError::Malformed)?;
    let name = name.parse().map_err(|_| NoteError::Malformed)?;
    let bytes = BASE64.decode(signature).map_err(|_| NoteError::Malformed)?;
    let (id, signature) = bytes.split_first_chunk().ok_or(NoteError::Malformed)?;
    if signature.is_empty() {
        return Err(NoteError::Malformed);
    }
    Ok((name, *id, signature.to_vec()))
}
