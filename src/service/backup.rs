//! A backup of both stores while the server serves: files, sealed as they are read.
//!
//! ```text
//! entry, durable ─► no erasure meanwhile: checkpoint of the log signed
//!                     ─► copy of the register plane, then copy of the vault
//! each file ─► in the earlier backup? named : sealed to the recipients, sent
//! entry, durable ─► manifest, signed, sent
//! ```
//!
//! The register plane is copied first: whom it names, the vault that is copied after it knows.  What
//! the register plane has the vault do (`VaultErasure`) is done again when a restored server opens.
//!
//! INVARIANT: a backup without its manifest is none; the manifest is signed after everything was sent,
//! and its entry is durable before it leaves.
//! INVARIANT: the key file is not read here, and in no directory that is.
//!
//! What it does *not* do: keep anybody from restoring an old one; the marks in the key file and the
//! acceptance of two persons do.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::audit::audit_origin;
use super::ingest::register_error;
use super::open::{Open, environment, verifiers};
use super::{Error, ErrorCode, Service, Violation, actor, allow};
use crate::audit::{Action, Actor, Recorded, SignedCheckpoint};
use crate::backup::{BackupId, Digest, Manifest, ManifestError, Piece, Plane, SpaceMark, file_of};
use crate::crypto::{Sha256, hex, sha256};
use crate::extract::recipient::{Encrypting, Recipients};
use crate::policy::{Permit, Right};
use crate::store::{Snapshot, SnapshotFile};

/// Bytes that are read and sealed at a time.
const PART_BYTES: usize = 256 << 10;

/// What a backup is asked for with.
pub struct BackupRequest {
    /// Public keys to seal it to.
    pub recipients: Vec<String>,
    /// The manifest of an earlier backup, or nothing.
    pub since: String,
}

/// A part of a backup.
#[derive(Debug)]
pub enum BackupPart {
    /// The next file begins.
    File(String),
    /// The next bytes of the file.
    Bytes(Vec<u8>),
    /// Everything is sent: the signed manifest.
    Complete(Recorded<String>),
}

impl Service {
    /// Begins a backup; its parts are made as they are taken.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `request_invalid` for a key, `backup_running`, `backup_unknown`, `server_sealed`,
    /// `commit_uncertain`.
    pub fn back_up(
        &self,
        permit: &Permit,
        request: &BackupRequest,
    ) -> Result<Recorded<BackupParts>, Error> {
        allow(permit, &Right::BackUp)?;
        let open = self.open_now()?;
        let recipients = Recipients::parse(&request.recipients).map_err(|error| {
            let text = error.to_string().into();
            Error::invalid(vec![Violation { field: "recipients".into(), text }])
        })?;
        let since = match request.since.as_str() {
            "" => None,
            note => Some(self.earlier(&open, note)?),
        };
        let running = Running::begin(&self.backup_running)?;
        let id = BackupId::from_bytes(self.parts.entropy.draw().map_err(Error::internal)?);
        let mut entry = self.entry(actor(permit), Action::BackupBegun);
        entry.changes = vec![format!("backup {id}")];
        entry.changes.extend(since.iter().map(|since| format!("since {}", since.id)));
        entry.changes.extend(recipients.texts().into_iter().map(|key| format!("sealed to {key}")));
        let manifest = Manifest {
            hvelv_backup: Manifest::VERSION,
            id,
            since: since.as_ref().map(|since| since.id),
            made: entry.time,
            software: format!("hvelv {}", env!("CARGO_PKG_VERSION")),
            store_id: *open.keys().store_id.as_bytes(),
            environment: environment(self.parts.config.mode).text().to_owned(),
            recipients: recipients.texts(),
            checkpoint: String::new(),
            marks: Vec::new(),
            pieces: Vec::new(),
        };
        let service = self.this.upgrade().ok_or_else(|| Error::new(ErrorCode::ServerStopping))?;
        let parts = BackupParts {
            service,
            open: Arc::downgrade(&open),
            actor: entry.actor.clone(),
            recipients,
            earlier: since.map(|since| since.pieces).unwrap_or_default(),
            manifest,
            snapshots: None,
            waiting: Vec::new(),
            sealing: None,
            is_over: false,
            _running: running,
        };
        open.registers.record_value_and_wait(entry, parts).map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }

    /// The manifest of an earlier backup of this server.
    fn earlier(&self, open: &Open, note: &str) -> Result<Manifest, Error> {
        let unknown = |error| Error::new(ErrorCode::BackupUnknown).with_source(error);
        let keys = verifiers(&self.parts, &open.keys().keyring)?;
        let manifest = Manifest::open(note, &keys).map_err(unknown)?;
        if manifest.store_id != *open.keys().store_id.as_bytes() {
            return Err(unknown(ManifestError::Field("it is of another installation")));
        }
        Ok(manifest)
    }
}

/// That a backup is being made.
struct Running(Arc<AtomicBool>);

impl Running {
    fn begin(flag: &Arc<AtomicBool>) -> Result<Self, Error> {
        if flag.swap(true, Ordering::AcqRel) {
            return Err(Error::new(ErrorCode::BackupRunning));
        }
        Ok(Self(Arc::clone(flag)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The parts of a backup, in order; nothing after an error.
pub struct BackupParts {
    service: Arc<Service>,
    /// Held weakly: a backup does not keep the server from being sealed.
    open: Weak<Open>,
    actor: Actor,
    recipients: Recipients,
    /// Files of the earlier backup.
    earlier: Vec<Piece>,
    manifest: Manifest,
    snapshots: Option<[(Plane, Box<dyn Snapshot>); 2]>,
    /// Files that are yet to be sent, the next one last.
    waiting: Vec<(Plane, SnapshotFile)>,
    sealing: Option<Sealing>,
    is_over: bool,
    _running: Running,
}

/// A file under way.
struct Sealing {
    plane: Plane,
    name: String,
    input: Box<dyn std::io::Read + Send>,
    plain: Sha256,
    bytes: u64,
    output: Encrypting<Sealed>,
    sealed: Sealed,
    sealed_hash: Sha256,
    sealed_bytes: u64,
}

/// Where sealed bytes wait until they are taken.
#[derive(Clone, Default)]
struct Sealed(Arc<Mutex<Vec<u8>>>);

impl Sealed {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::io::Write for Sealed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Iterator for BackupParts {
    type Item = Result<BackupPart, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let part = self.part();
        self.is_over = matches!(part, Err(_) | Ok(BackupPart::Complete(_)));
        if self.is_over {
            // The copies take room on the disk.
            self.sealing = None;
            self.snapshots = None;
        }
        Some(part)
    }
}

impl BackupParts {
    /// The id of the backup.
    #[must_use]
    pub fn id(&self) -> BackupId {
        self.manifest.id
    }

    fn part(&mut self) -> Result<BackupPart, Error> {
        let sealed = || Error::new(ErrorCode::ServerSealed);
        let open = self.open.upgrade().ok_or_else(sealed)?;
        if self.snapshots.is_none() {
            self.copy(&open)?;
        }
        if let Some(mut sealing) = self.sealing.take() {
            let (bytes, has_ended) = sealing.step().map_err(failed)?;
            match has_ended {
                false => self.sealing = Some(sealing),
                true => self.manifest.pieces.push(sealing.piece(self.manifest.id)),
            }
            return Ok(BackupPart::Bytes(bytes));
        }
        while let Some((plane, file)) = self.waiting.pop() {
            if let Some(earlier) = self.unchanged(plane, &file)? {
                self.manifest.pieces.push(earlier);
                continue;
            }
            let input = self.input(plane, &file.name)?;
            let named = file_of(plane, &file.name);
            self.sealing = Some(Sealing::begin((plane, file.name), input, &self.recipients)?);
            return Ok(BackupPart::File(named));
        }
        self.complete(&open).map(BackupPart::Complete)
    }

    /// Copies both stores, the register plane first.
    fn copy(&mut self, open: &Open) -> Result<(), Error> {
        // A vault that forgets between the two copies would have forgotten members of the first.
        let _run = open.cases.hold_run();
        let SignedCheckpoint { note, .. } = self.service.sign_checkpoint(open)?;
        self.manifest.checkpoint = note;
        self.manifest.marks = marks(open);
        let registers = open.registers.snapshot().map_err(register_error)?;
        let vault = open.vault.snapshot().map_err(Error::internal)?;
        let snapshots = [(Plane::Registers, registers), (Plane::Vault, vault)];
        for (plane, snapshot) in &snapshots {
            self.waiting.extend(snapshot.files().iter().map(|file| (*plane, file.clone())));
        }
        self.waiting.reverse();
        self.snapshots = Some(snapshots);
        Ok(())
    }

    fn input(&self, plane: Plane, name: &str) -> Result<Box<dyn std::io::Read + Send>, Error> {
        let mut snapshots = self.snapshots.iter().flatten();
        let snapshot = snapshots.find(|(of, _)| *of == plane).map(|(_, snapshot)| snapshot);
        let snapshot = snapshot.ok_or_else(|| Error::internal("a plane was copied"))?;
        snapshot.open(name).map_err(failed)
    }

    /// The same file of the earlier backup, if there is one.
    fn unchanged(&self, plane: Plane, file: &SnapshotFile) -> Result<Option<Piece>, Error> {
        let is_it = |piece: &&Piece| {
            (piece.plane, &piece.name, piece.bytes) == (plane, &file.name, file.bytes)
        };
        let Some(piece) = self.earlier.iter().find(is_it).filter(|_| file.is_lasting) else {
            return Ok(None);
        };
        let (mut input, mut hash) = (self.input(plane, &file.name)?, Sha256::new());
        let mut buffer = vec![0; PART_BYTES];
        loop {
            match input.read(&mut buffer).map_err(failed)? {
                0 => break,
                count => hash.update(&buffer[..count]),
            }
        }
        Ok((Digest(hash.finish()) == piece.sha256).then(|| piece.clone()))
    }

    /// Signs the manifest, once it is recorded that everything was sent.
    fn complete(&self, open: &Open) -> Result<Recorded<String>, Error> {
        let origin = audit_origin(&self.service.parts.config)?;
        let keys = open.registers.keys().signing();
        let note = self.manifest.sign(&origin, &keys).map_err(Error::internal)?;
        let mut entry = self.service.entry(self.actor.clone(), Action::BackupSent);
        let digest = hex::encode(&sha256(note.as_bytes()));
        entry.changes = vec![format!("backup {}", self.manifest.id), format!("manifest {digest}")];
        let own: Vec<&Piece> = self.manifest.own().collect();
        entry.counts.insert("files".into(), self.manifest.pieces.len() as u64);
        entry.counts.insert("files_sent".into(), own.len() as u64);
        entry.counts.insert("bytes_sent".into(), own.iter().map(|one| one.sealed_bytes).sum());
        open.registers.record_value_and_wait(entry, note).map_err(register_error)
    }
}

impl Sealing {
    fn begin(
        (plane, name): (Plane, String),
        input: Box<dyn std::io::Read + Send>,
        to: &Recipients,
    ) -> Result<Self, Error> {
        let sealed = Sealed::default();
        let output = to.encrypt(sealed.clone()).map_err(failed)?;
        Ok(Self {
            plane,
            name,
            input,
            plain: Sha256::new(),
            bytes: 0,
            output,
            sealed,
            sealed_hash: Sha256::new(),
            sealed_bytes: 0,
        })
    }

    /// Seals the next bytes; says whether they were the last.
    fn step(&mut self) -> std::io::Result<(Vec<u8>, bool)> {
        use std::io::Write as _;
        let mut plain = vec![0; PART_BYTES];
        let count = self.input.read(&mut plain)?;
        let plain = plain.get(..count).unwrap_or_default();
        self.plain.update(plain);
        self.bytes += count as u64;
        if count == 0 {
            self.output.end()?;
        } else {
            self.output.write_all(plain)?;
        }
        let sealed = self.sealed.take();
        self.sealed_hash.update(&sealed);
        self.sealed_bytes += sealed.len() as u64;
        Ok((sealed, count == 0))
    }

    fn piece(self, lies_in: BackupId) -> Piece {
        Piece {
            plane: self.plane,
            name: self.name,
            bytes: self.bytes,
            sha256: Digest(self.plain.finish()),
            lies_in,
            sealed_bytes: self.sealed_bytes,
            sealed_sha256: Digest(self.sealed_hash.finish()),
        }
    }
}

/// How far each number space is, as the key file has it.
fn marks(open: &Open) -> Vec<SpaceMark> {
    let keyring = &open.keys().keyring;
    let marks = keyring.number_spaces().into_iter().map(|(space, generation)| {
        let leased = keyring.marks().get(space);
        SpaceMark { space: space.to_string(), leased, generation }
    });
    marks.collect()
}

fn failed(error: std::io::Error) -> Error {
    Error::internal(error)
}

impl std::fmt::Debug for BackupParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BackupParts({}, ..)", self.manifest.id)
    }
}
