//! What stands for a person in an entry of the log.

use serde::{Deserialize, Serialize};

use crate::crypto::hex;

/// A randomised reference to a person, for acts on a named one: 16 fresh random bytes.
///
/// Only a sealed side table leads from it to the person, and no two entries share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(#[serde(with = "hex")] [u8; 16]);

impl Reference {
    /// Takes fresh random bytes. Never anything computed from the person.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}
