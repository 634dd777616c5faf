//! The keys at rest and in use: one key file, sealed by passphrase or shares; typed keys when it is
//! open.
//!
//! ```text
//!  passphrase ──argon2id──► KEK ──► root (vault)     ──► index, tags, person numbers, one-way …
//!  or k of n shares ──────► KEK ──► root (registers) ──► records, register numbers, audit …
//!                                      │ └─► mac of the key file
//!                                      └─► erasure keys ──► keys that must be able to die
//!
//!  Pending ──► Active ──► DecryptOnly ──► Destroyed        state of each working key
//! ```
//!
//! The server starts with a [`SealedKeyring`], which shows what is in the clear, and gets a
//! [`Keyring`] from [`Unsealing`], at once by passphrase or share by share.  Offline commands change the file through an
//! [`Editor`].  The layout of the file is in `document`; the ceremony in `keys/README.md`.
//!
//! INVARIANT: every working key is random, wrapped, and bound to its id, plane, purpose, scope,
//! epoch and store.
//! INVARIANT: the file is replaced whole (written aside, synced, renamed), and each change begins
//! by verifying the bytes on disk, under a lock.
//! INVARIANT: a mark never goes down.
//!
//! Not protected: whoever has the file *and* the passphrase has every key in it, and an older copy of
//! the file opens with the passphrase or the shares of its day.  What is read before [`SealedKeyring::unseal`] is
//! not yet authenticated.

mod change;
mod disclosure;
mod document;
mod edit;
mod erasure;
mod error;
mod file;
mod kinds;
mod marks;
mod open;
pub mod policy;
mod roots;
pub mod rotate;
mod sealed;
mod typed;
mod unsealing;
mod ways;

#[cfg(test)]
mod tests;

pub use change::OldErasureKey;
pub use disclosure::{DisclosureKeys, SURROGATE_BYTES, WrappedDisclosureKey};
pub use edit::{Editor, KeyPlan, PlannedRegister, create};
pub use erasure::ErasureKeys;
pub use error::Error;
pub use kinds::{
    Environment, KeyFacts, KeyState, NumberSpace, Plane, Purpose, StoreId, UnknownWord,
};
pub use marks::Marks;
pub use roots::{NewWays, OtherWay};
pub use sealed::SealedKeyring;
pub use typed::{AuditKeys, Epochs, Keyring, OneWayKeys, PerRegister, RegisterKeys, VaultKeys};
pub use unsealing::{RootProgress, TakenShare, Unsealing};
pub use ways::{RootFacts, SHARES_MAX, SetFacts, SharePlan, THRESHOLD_MIN};
