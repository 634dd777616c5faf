//! Why the key file cannot be used, and what to do about it.

use std::path::PathBuf;

use super::kinds::{Environment, Plane, Purpose};
use super::ways::{SHARES_MAX, THRESHOLD_MIN};
use crate::crypto::KeyId;

/// Why the key file cannot be used, and what to do about it.
///
/// The texts name the file's path, ids and kinds of keys; never a key, a passphrase or a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A disclosure is being closed: its key dies with the erasure key that is being replaced.
    #[error(
        "the closing of a disclosure is not finished: unseal the server once, seal it, try again"
    )]
    ClosingUnfinished,
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
    /// No root that is closed is sealed by passphrase.
    #[error("no root that is closed has a passphrase: it takes shares")]
    NoPassphrase,
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
    /// A root is not open yet: too few shares were given, or no passphrase.
    #[error("the {plane} root is not open: more shares, or its passphrase, are needed")]
    RootClosed {
        /// The plane of the root.
        plane: Plane,
    },
    /// A root is open already.
    #[error("the {plane} root is open already: no more shares of it are needed")]
    RootOpen {
        /// The plane of the root.
        plane: Plane,
    },
    /// A root would be left with nothing that opens it.
    #[error("the {plane} root would have neither passphrase nor shares: give it one of them")]
    RootWithoutWay {
        /// The plane of the root.
        plane: Plane,
    },
    /// A share is of a set that is not in use, or the root has no shares.
    #[error(
        "the share of the {plane} root belongs to a set that is not in use: \
         the shares were changed since, so look for the newest one"
    )]
    ShareOfAnotherSet {
        /// The plane of the root.
        plane: Plane,
    },
    /// A share belongs to another store.
    #[error("the share belongs to another store: look at which installation it is labelled for")]
    ShareOfAnotherStore,
    /// As many shares as that cannot be made.
    #[error(
        "shares are {THRESHOLD_MIN} to {SHARES_MAX}, and as many of them as the threshold, \
         at least {THRESHOLD_MIN}, open the root"
    )]
    SharePlan,
    /// A share was given already.
    #[error("share {index} of the {plane} root was given already: another one is needed")]
    ShareTwice {
        /// Its number.
        index: u8,
        /// The plane of the root.
        plane: Plane,
    },
    /// A share is not the one that was made.
    #[error(
        "share {index} of the {plane} root is wrong: it is not the one that was made; \
         ask its holder for the paper"
    )]
    ShareWrong {
        /// Its number.
        index: u8,
        /// The plane of the root.
        plane: Plane,
    },
    /// Right shares, as many as needed, do not open the root.
    #[error(
        "the shares of the {plane} root are right and do not open it: \
         its entry in the key file was changed; put the last copy back"
    )]
    SharesDoNotOpen {
        /// The plane of the root.
        plane: Plane,
    },
    /// The key file belongs to another store.
    #[error(
        "the key file belongs to another store (their ids differ): \
         give the path of the file that this store was made with"
    )]
    StoreMismatch,
    /// The file has a format that this version does not know.
    #[error("the key file has format {found}, this version knows 1 and 2: use a newer hvelv")]
    UnknownFormat {
        /// The format it has.
        found: i64,
    },
    /// Keys were replaced, or given another epoch, since the file was opened.
    #[error("the keys in the file are no longer those that it was opened with: unseal the server")]
    KeysChanged,
    /// A root does not open.
    #[error(
        "the {plane} root does not open: wrong passphrase (or its entry in the file was changed)"
    )]
    WrongPassphrase {
        /// The plane of the root.
        plane: Plane,
    },
}

impl Error {
    /// Whether the file is not what was opened: its keys or its roots are others.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        matches!(self, Self::ChangedByHand | Self::KeysChanged | Self::StoreMismatch)
    }
}
