//! Cosignatures: a witness's dated word that it has seen a checkpoint, and nothing older since.
//!
//! They exist so that whoever holds the log's signing key cannot show two histories, or go back:
//! the witness has a key of its own. The form is <https://c2sp.org/tlog-cosignature>, Ed25519.
//!
//! FORMAT:
//!
//! ```text
//! line        "— " name " " base64(key id (4) ‖ time u64 (8) ‖ Ed25519 signature (64)) newline
//! key id      SHA-256(name ‖ 0x0A ‖ 0x04 ‖ public key (32)), first 4 bytes
//! signed      "cosignature/v1" newline  "time " time newline  the note's text
//! witness key name "+" hex(key id) "+" base64(0x04 ‖ public key)
//! secret      "PRIVATE+KEY+" name "+" hex(key id) "+" base64(0x04 ‖ seed (32))
//! ```
//!
//! The time is in seconds since 1970, below 2^63, decimal without leading zeros where it is signed.
//!
//! INVARIANT: a cosignature is no signature of a note: the first line that is signed is one that no
//! text of a checkpoint of this log begins with.
//!
//! It does *not* say that a witness compared anything: that is the rule of who has the secret.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::{NoteError, Origin, parse_key, parse_signature, signature_line, split_note};
use crate::crypto::{Entropy, Error, PublicKey, SecretBytes, Signature, SigningKey, hex};

/// Signature type of timestamped Ed25519 cosignatures in the C2SP registry.
const COSIGNATURE: u8 = 0x04;

/// Latest time of a cosignature: it fits a signed number.
const SECONDS_MAX: u64 = u64::MAX >> 1;

const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// A witness's public key with its name, in the form `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey {
    name: Origin,
    key: PublicKey,
}

impl WitnessKey {
    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &Origin {
        &self.name
    }

    /// The text of a note that this witness has cosigned, and the newest time that it says.
    ///
    /// # Errors
    ///
    /// [`NoteError`], as for a signature; nothing is said about the log's own.
    pub fn open<'a>(&self, note: &'a str) -> Result<(&'a str, u64), NoteError> {
        let (text, signatures) = split_note(note)?;
        let mut newest = None;
        for line in signatures.split('\n') {
            let (name, id, signature) = parse_signature(line)?;
            if name != self.name || id != self.id() {
                continue;
            }
            let (seconds, signature) = signature.split_first_chunk().ok_or(NoteError::Signature)?;
            let seconds = u64::from_be_bytes(*seconds);
            if seconds > SECONDS_MAX {
                return Err(NoteError::Signature);
            }
            let signature = signature.try_into().map_err(|_| NoteError::Signature)?;
            self.key
                .verify(message(text, seconds).as_bytes(), &Signature::from_bytes(signature))
                .map_err(|_| NoteError::Signature)?;
            newest = newest.max(Some(seconds));
        }
        newest.map(|seconds| (text, seconds)).ok_or(NoteError::NotSigned)
    }

    fn id(&self) -> [u8; 4] {
        self.key.cosignature_key_id(self.name.as_str())
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![COSIGNATURE];
        key.extend_from_slice(&self.key.to_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(&self.id()), BASE64.encode(key))
    }
}

impl FromStr for WitnessKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = parse_key(text, COSIGNATURE)?;
        let parsed = Self { name, key: PublicKey::from_bytes(key) };
        if parsed.id() == id { Ok(parsed) } else { Err(NoteError::VerifierKeyHash) }
    }
}

/// A witness's secret key with its name. It signs nothing but cosignatures.
#[derive(Debug)]
pub struct WitnessSecret {
    name: Origin,
    key: SigningKey,
}

impl WitnessSecret {
    /// A fresh key, and the text to keep it in.
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub fn generate(name: &Origin, entropy: &Entropy) -> Result<(Self, Zeroizing<String>), Error> {
        let seed = SecretBytes::generate(entropy)?;
        let secret = Self { name: name.clone(), key: SigningKey::from_seed(&seed) };
        let mut bytes = Zeroizing::new(vec![COSIGNATURE]);
        // EXPOSE: the seed goes into the text that its owner keeps.
        bytes.extend_from_slice(seed.expose());
        let id = hex::encode(&secret.public().id());
        let encoded = Zeroizing::new(BASE64.encode(&*bytes));
        Ok((secret, Zeroizing::new(format!("{SECRET_PREFIX}{name}+{id}+{}", *encoded))))
    }

    /// Reads the text of a key; one newline at its end is passed over.
    ///
    /// # Errors
    ///
    /// [`NoteError::VerifierKey`] or [`NoteError::VerifierKeyHash`], which name no byte of it.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let rest = text.strip_prefix(SECRET_PREFIX).ok_or(NoteError::VerifierKey)?;
        let (name, id, seed) = parse_key(rest, COSIGNATURE)?;
        let seed = Zeroizing::new(seed);
        let key = SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = *seed));
        let parsed = Self { name, key };
        if parsed.public().id() == id { Ok(parsed) } else { Err(NoteError::VerifierKeyHash) }
    }

    /// The key that verifies.
    #[must_use]
    pub fn public(&self) -> WitnessKey {
        WitnessKey { name: self.name.clone(), key: self.key.public_key() }
    }

    /// The line to add to a note: that at this second, `seconds` since 1970, its checkpoint was the
    /// largest that this witness had seen.
    ///
    /// The caller's duty: that is so, and is kept durably.
    ///
    /// # Errors
    ///
    /// [`NoteError::Malformed`] if it is no note, or the time is later than a cosignature may say.
    pub(crate) fn cosign(&self, note: &str, seconds: u64) -> Result<String, NoteError> {
        let (text, _) = split_note(note)?;
        if seconds > SECONDS_MAX {
            return Err(NoteError::Malformed);
        }
        let mut signature = self.public().id().to_vec();
        signature.extend_from_slice(&seconds.to_be_bytes());
        signature.extend_from_slice(&self.key.sign(message(text, seconds).as_bytes()).to_bytes());
        Ok(signature_line(&self.name, &signature))
    }
}

/// What is signed.
fn message(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

#[cfg(test)]
mod tests;
