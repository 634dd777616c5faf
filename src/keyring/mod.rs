//! The keys at rest and in use: one key file, sealed by passphrase; typed keys when it is open.
//!
//! ```text
//!  passphrase ──argon2id──► KEK ──► root (vault)     ──► index, tags, person numbers, one-way …
//!                           KEK ──► root (registers) ──► records, register numbers, audit …
//!                                      │ └─► mac of the key file
//!                                      └─► erasure keys ──► keys that must be able to die
//!
//!  Pending ──► Active ──► DecryptOnly ──► Destroyed        state of each working key
//! ```
//!
//! The server starts with a [`SealedKeyring`], which shows what is in the clear, and gets a
//! [`Keyring`] from [`SealedKeyring::unseal`].  Offline commands change the file through an
//! [`Editor`].  The layout of the file is in `document`; the ceremony in `keys/README.md`.
//!
//! INVARIANT: every working key is random, wrapped, and bound to its id, plane, purpose, scope,
//! epoch and store.
//! INVARIANT: the file is replaced whole (written aside, synced, renamed), and each change begins
//! by verifying the bytes on disk, under a lock.
//! INVARIANT: a mark never goes down.
//!
//! Not protected: whoever has the file *and* the passphrase has every key in it, and an older copy of
//! the file opens with the passphrase of its day.  What is read before [`SealedKeyring::unseal`] is
//! not yet authenticated.

mod change;
mod disclosure;
mod document;
mod edit;
mod erasure;
mod file;
mod kinds;
mod marks;
mod open;
pub mod policy;
pub mod rotate;
mod sealed;
mod typed;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::crypto::KeyId;

pub use change::OldErasureKey;
pub use disclosure::{DisclosureKeys, SURROGATE_BYTES, WrappedDisclosureKey};
pub use edit::{Editor, KeyPlan, PlannedRegister, create};
pub use erasure::ErasureKeys;
pub use kinds::{
    Environment, KeyFacts, KeyState, NumberSpace, Plane, Purpose, StoreId, UnknownWord,
};
pub use marks::Marks;
pub use sealed::SealedKeyring;
pub use typed::{AuditKeys, Epochs, Keyring, OneWayKeys, PerRegister, RegisterKeys, VaultKeys};

/// Why the key file cannot be used, and what to do about it.
///
/// The texts name the file's path, ids and kinds of keys; never a key, a passphrase or a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process changes the file at this moment.
    #[error("another process is changing the key file {path}: let it finish, then try again")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file is well-formed and opens, but something other than hvelv has changed it.
    #[error(
        "the key file was changed by something other than hvelv (its mac does not fit): \
         put the last copy back, and find out who could write to it"
    )]
    ChangedByHand,
    /// A cryptographic operation was refused.
    #[error("a cryptographic operation on the key file was refused")]
    Crypto(#[from] crate::crypto::Error),
    /// The file is cut short or is not what hvelv writes.
    #[error(
        "the key file is cut short or damaged ({reason}): put the last copy back, do not mend it"
    )]
    Damaged {
        /// What is wrong with it, in words without content.
        reason: &'static str,
    },
    /// Keys marked development are asked to serve something else.
    #[error(
        "the key file holds development keys, which serve development only: \
         make keys for this environment with `hvelv init`"
    )]
    DevelopmentKeys,
    /// The file belongs to another environment than the configuration names.
    #[error(
        "the key file is for {found}, the configuration says {expected}: \
         give the path of the right file, or correct the configuration"
    )]
    EnvironmentMismatch {
        /// What the configuration says.
        expected: Environment,
        /// What the file says.
        found: Environment,
    },
    /// A purpose has no further epoch.
    #[error("there is no further epoch for {purpose}: a register ID has one digit for it, 1 to 9")]
    EpochsExhausted {
        /// The purpose.
        purpose: Purpose,
    },
    /// There is a file already.
    #[error("there is a key file at {path} already: choose another path, it is never overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error(
        "could not {action} the key file {path}: see the cause, and check space and permissions"
    )]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The key is in use and cannot be destroyed or changed.
    #[error("key {id} is in use: make a new epoch first, and seal anew what it holds")]
    KeyInUse {
        /// The key.
        id: KeyId,
    },
    /// There is no file.
    #[error(
        "there is no key file at {path}: make one with `hvelv init`, \
         or give the path of the one that the store was made with"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file lacks a key that the server needs.
    #[error("the key file has no active key for {purpose}: put the last copy back")]
    NoActiveKey {
        /// The purpose.
        purpose: Purpose,
    },
    /// There is no such key, it is destroyed, or it is not pending where it must be.
    #[error(
        "there is no key {id} in the state that this needs: look it up among the [[key]] entries"
    )]
    NoSuchKey {
        /// The key.
        id: KeyId,
    },
    /// Keys of this purpose cannot have another epoch, or not for this scope.
    #[error("keys for {purpose} get no new epoch here: what they made cannot be made anew")]
    NotRotatable {
        /// The purpose.
        purpose: Purpose,
    },
    /// The file, or its directory's lock, can be read or written by others than its owner.
    #[error(
        "the key file {path} is open to others (mode {mode:04o}): set mode 0600; \
         if others could have read it, change the passphrase and plan new keys"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file belongs to another store.
    #[error(
        "the key file belongs to another store (their ids differ): \
         give the path of the file that this store was made with"
    )]
    StoreMismatch,
    /// The file has a format that this version does not know.
    #[error("the key file has format {found}, this version knows format 1: use a newer hvelv")]
    UnknownFormat {
        /// The format it has.
        found: i64,
    },
    /// A root does not open.
    #[error(
        "the {plane} root does not open: wrong passphrase (or its entry in the file was changed)"
    )]
    WrongPassphrase {
        /// The plane of the root.
        plane: Plane,
    },
}
