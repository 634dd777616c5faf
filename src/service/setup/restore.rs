//! Restoring both stores from a backup, on the server's host, into empty directories.
//!
//! ```text
//! manifests verified: of this installation ─► each file: digest, opened, digest ─► stores, aside
//! log verified, and held against the witness's head
//! number spaces: every mark in the next block of numbers; stores first          durable
//! key file: a new generation for every number space, and the marks               durable
//! everything opened as a server does; entry                                       durable
//! directories get their names
//! ```
//!
//! Numbers that were given since the backup are not known.  A generation is a permutation of blocks,
//! so a new one begins in a block that no earlier one has drawn from: whatever was given before, no
//! number is given again.  The vault's check against its marks stays as it is; the marks go up.
//!
//! Keys of disclosures whose erasure key is destroyed are dropped: closing outlives every restore.
//!
//! INVARIANT: the directories of the configuration have their names only when all of this is done; a
//! restore that ended before is begun anew.
//!
//! What it does *not* do: bring back what was said since the backup; see `service::restored`.

mod numbers;
mod pieces;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Installation, KeysGiven, SetupError, make_directory};
use crate::audit::{
    Action, Actor, AuditReader, Checkpoint, Entry, Frontier, TreeHead, VerifierKey, WitnessKey,
};
use crate::backup::{MANIFEST, MANIFEST_BYTES_MAX, Manifest, Plane as Part};
use crate::clock::{Clock as _, SystemClock};
use crate::crypto::{Entropy, Place};
use crate::extract::recipient::Identities;
use crate::keyring::Editor;
use crate::service::open::{Open, OpenKeys, RocksStores, environment, marker, verifiers};
use crate::service::restored::PendingRestore;
use crate::service::{Error, Parts};
use crate::store::keys::{Key, Kind};
use crate::store::records::Plane;
use crate::store::rocks::RocksStore;
use crate::store::{Batch, Durability, Store};

/// What is added to a directory's name while it is not complete.
const ASIDE: &str = ".restoring";

/// Why a restore ends.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup is damaged, of another installation, or not complete.
    #[error("the backup cannot be restored: {0}")]
    Backup(String),
    /// The backup is not sealed to the key.
    #[error("the backup is not sealed to a key of this file")]
    OtherKey,
    /// There is something in a directory of the configuration.
    #[error("{0} is not empty: a restore begins with empty directories; move it aside")]
    NotEmpty(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// As of the other commands of an installation.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The witness's head is not one of the log.
    #[error("the witness's head is refused: {0}")]
    Witness(String),
}

/// What a restore is done with.
pub struct Restoring<'a> {
    /// The backup, then the earlier ones that it goes on from.
    pub backups: &'a [PathBuf],
    /// The secret `age` keys.
    pub identities: &'a Identities,
    /// The newest head that the witness has cosigned, and its key.
    pub witnessed: Option<(String, WitnessKey)>,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The backup.
    pub manifest: Manifest,
    /// Entries of the log.
    pub entries: u64,
    /// Disclosures whose keys are dead.
    pub dead_disclosures: u64,
    /// What two persons have to accept, if anything.
    pub pending: Option<PendingRestore>,
}

/// The stores while they are aside.
struct Aside {
    vault: PathBuf,
    registers: PathBuf,
}

impl Installation {
    /// Restores both stores.  `given` opens the roots, once for the old keys, for the new generation,
    /// and for the entry.
    ///
    /// # Errors
    ///
    /// [`RestoreError`].  The directories of the configuration are then as they were.
    pub fn restore(
        &self,
        restoring: &Restoring<'_>,
        [before, editing, after]: [KeysGiven; 3],
    ) -> Result<Restored, RestoreError> {
        let keys = OpenKeys::unseal(before.unsealing).map_err(SetupError::Open)?;
        let parts = self.parts()?;
        let verifiers = verifiers(&parts, &keys.keyring).map_err(SetupError::Open)?;
        let manifests = self.manifests(restoring, &keys, &verifiers)?;
        let [manifest, ..] = manifests.as_slice() else {
            return Err(RestoreError::Backup("no backup is named".into()));
        };
        let aside = self.aside()?;
        pieces::unpack(restoring, &manifests, |plane| aside.of(plane))?;

        let registers: Arc<dyn Store> = Arc::new(open_aside(&aside.registers)?);
        let vault: Arc<dyn Store> = Arc::new(open_aside(&aside.vault)?);
        let store_id = manifest.store_id;
        for (store, plane) in [(&registers, Plane::Registers), (&vault, Plane::Vault)] {
            let marker = marker(plane, self.config.mode, store_id);
            marker.check(store.as_ref()).map_err(SetupError::Store)?;
        }
        let head = check_log(&registers, &keys, &verifiers, manifest)?;
        let pending = pending(restoring, &verifiers, manifest, (&registers, &keys, head))?;
        let ends = numbers::begin(manifest, &keys.keyring, (vault.as_ref(), registers.as_ref()))?;
        let mut batch = Batch::new();
        numbers::vault_marks(&ends, &mut batch);
        commit(vault.as_ref(), batch)?;
        let (mut batch, entropy) = (Batch::new(), Entropy::os());
        numbers::register_marks(&ends, &mut batch);
        let dead_disclosures =
            numbers::drop_dead_keys(registers.as_ref(), &keys.keyring, &mut batch)?;
        if let Some(pending) = &pending {
            let key = Key::pending_restore();
            let place = Place {
                kind: u16::from(Kind::PendingRestore.code()),
                row: key.as_bytes(),
                field: 0,
            };
            let storage = &keys.keyring.registers().storage;
            let sealed = storage.seal(&entropy, &place, &pending.encode());
            batch.put(key, sealed.map_err(SetupError::Crypto)?);
        }
        commit(registers.as_ref(), batch)?;
        drop((registers, vault, keys));

        let clock = SystemClock::new();
        let mut editor = Editor::open_by(editing.unsealing, &entropy, clock.now())
            .map_err(SetupError::KeyFile)?;
        for (space, end) in &ends {
            editor.begin_generation(*space, *end).map_err(SetupError::KeyFile)?;
        }
        editor.commit().map_err(SetupError::KeyFile)?;

        self.record_restore(after, &aside, manifest, pending.as_ref())?;
        aside.publish(&self.config.registers_dir, &self.config.vault_dir)?;
        let manifest = manifest.clone();
        Ok(Restored { manifest, entries: head.size, dead_disclosures, pending })
    }

    /// The manifests, that of the backup first.
    fn manifests(
        &self,
        restoring: &Restoring<'_>,
        keys: &OpenKeys,
        verifiers: &[VerifierKey],
    ) -> Result<Vec<Manifest>, RestoreError> {
        let read = |directory: &PathBuf| {
            let path = directory.join(MANIFEST);
            let is_long = std::fs::metadata(&path).is_ok_and(|is| is.len() > MANIFEST_BYTES_MAX);
            if is_long {
                return Err(RestoreError::Backup("its manifest is too long".into()));
            }
            let note = std::fs::read_to_string(&path).map_err(|source| file(&path, source))?;
            let refused = |error: crate::backup::ManifestError| {
                RestoreError::Backup(format!("{}: {error}", directory.display()))
            };
            let manifest = Manifest::open(&note, verifiers).map_err(refused)?;
            if manifest.store_id != *keys.store_id.as_bytes() {
                return Err(RestoreError::Backup("it is of another installation".into()));
            }
            if manifest.environment != environment(self.config.mode).text() {
                return Err(RestoreError::Backup("it is of another environment".into()));
            }
            Ok(manifest)
        };
        restoring.backups.iter().map(read).collect()
    }

    /// Empty directories beside those of the configuration, which are empty too.
    fn aside(&self) -> Result<Aside, RestoreError> {
        let beside = |directory: &Path| {
            let has_any = std::fs::read_dir(directory).is_ok_and(|mut any| any.next().is_some());
            if has_any {
                return Err(RestoreError::NotEmpty(directory.display().to_string()));
            }
            let mut aside = directory.as_os_str().to_owned();
            aside.push(ASIDE);
            let aside = PathBuf::from(aside);
            match std::fs::remove_dir_all(&aside) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(file(&aside, source));
                }
                _ => {}
            }
            make_directory(&aside)?;
            Ok(aside)
        };
        let (vault, registers) = (&self.config.vault_dir, &self.config.registers_dir);
        // Both are looked at before either is made.
        let registers = beside(registers)?;
        Ok(Aside { vault: beside(vault)?, registers })
    }

    /// Opens everything under the new keys, as a server does, and records what was done.
    fn record_restore(
        &self,
        after: KeysGiven,
        aside: &Aside,
        manifest: &Manifest,
        pending: Option<&PendingRestore>,
    ) -> Result<(), SetupError> {
        let keys = OpenKeys::unseal(after.unsealing).map_err(SetupError::Open)?;
        let (vault_dir, registers_dir) = (aside.vault.clone(), aside.registers.clone());
        let stores = Box::new(RocksStores { vault_dir, registers_dir });
        let parts = Parts { stores, ..self.parts()? };
        let (open, closed) = Open::with_keys(&parts, keys).map_err(SetupError::Open)?;
        let mut entry = Entry::new(parts.clock.now(), Actor::Server, Action::Restored);
        entry.changes = vec![format!("backup {}, begun {:.0}", manifest.id, manifest.made)];
        entry.changes.extend(pending.map(PendingRestore::gap));
        let recorded = open.registers.record_act_and_wait(entry);
        let recorded = recorded.map(drop).map_err(|error| SetupError::Open(Error::internal(error)));
        drop(open);
        // Ends when everything is closed.
        let _ = closed.recv();
        recorded
    }
}

impl Aside {
    fn of(&self, plane: Part) -> &Path {
        match plane {
            Part::Registers => &self.registers,
            Part::Vault => &self.vault,
        }
    }

    /// Gives the directories their names.  With one of them alone no server opens.
    fn publish(&self, registers: &Path, vault: &Path) -> Result<(), RestoreError> {
        for (aside, name) in [(&self.registers, registers), (&self.vault, vault)] {
            match std::fs::remove_dir(name) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(file(name, source));
                }
                _ => {}
            }
            std::fs::rename(aside, name).map_err(|source| file(name, source))?;
            pieces::sync_above(name)?;
        }
        Ok(())
    }
}

fn open_aside(path: &Path) -> Result<RocksStore, RestoreError> {
    Ok(RocksStore::open(path).map_err(SetupError::Store)?)
}

/// Verifies the whole log, and that it is the one of the manifest.
fn check_log(
    registers: &Arc<dyn Store>,
    keys: &OpenKeys,
    verifiers: &[VerifierKey],
    manifest: &Manifest,
) -> Result<TreeHead, RestoreError> {
    let damaged = |what: String| RestoreError::Backup(what);
    let reader = AuditReader::new(Arc::clone(registers), Arc::clone(&keys.keyring));
    let head = reader.check_from(Frontier::default(), verifiers);
    let head = head.map_err(|error| damaged(error.to_string()))?;
    let signed = signed(&manifest.checkpoint, verifiers);
    let signed = signed.ok_or_else(|| damaged("its checkpoint does not verify".into()))?;
    let begins = reader.with_leaves(|leaves| crate::audit::root_of(signed.size, leaves));
    if begins.is_ok_and(|tree| tree == signed) {
        Ok(head)
    } else {
        Err(damaged("the log is another than its manifest says".into()))
    }
}

fn signed(note: &str, verifiers: &[VerifierKey]) -> Option<TreeHead> {
    let mut signed =
        verifiers.iter().filter_map(|key| Checkpoint::parse_and_verify(note, key).ok());
    signed.next().map(|checkpoint| checkpoint.tree)
}

/// What is to be accepted: nothing, if the log reaches the head that the witness has seen.
fn pending(
    restoring: &Restoring<'_>,
    verifiers: &[VerifierKey],
    manifest: &Manifest,
    (registers, keys, head): (&Arc<dyn Store>, &OpenKeys, TreeHead),
) -> Result<Option<PendingRestore>, RestoreError> {
    let of = (manifest.id, manifest.made);
    let Some((note, witness)) = &restoring.witnessed else {
        return Ok(Some(PendingRestore::new(of, head.size, None)));
    };
    let refused = |what: &str| RestoreError::Witness(what.to_owned());
    witness.open(note).map_err(|_| refused("it is not cosigned by the witness"))?;
    let seen = signed(note, verifiers);
    let seen = seen.ok_or_else(|| refused("it is not signed by this log"))?;
    if seen.size > head.size {
        return Ok(Some(PendingRestore::new(of, head.size, Some(seen.size))));
    }
    let reader = AuditReader::new(Arc::clone(registers), Arc::clone(&keys.keyring));
    reader
        .check_witnessed(note, verifiers, witness)
        .map(|_| None)
        .map_err(|error| RestoreError::Witness(error.to_string()))
}

fn commit(store: &dyn Store, batch: Batch) -> Result<(), RestoreError> {
    Ok(store.commit("restore", batch, Durability::Synced).map_err(SetupError::Store)?)
}

fn file(path: &Path, source: std::io::Error) -> RestoreError {
    RestoreError::File { path: path.display().to_string(), source }
}
