//! The files of a backup, opened into the directories of the stores.
//!
//! INVARIANT: a file is kept only if its bytes are those of the manifest, sealed and opened.

use std::fs::File;
use std::io::{BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{RestoreError, Restoring, file};
use crate::backup::{Digest, Manifest, Piece, Plane};
use crate::crypto::Sha256;
use crate::extract::recipient::{DecryptError, Identities};

const BUFFER_BYTES: usize = 256 << 10;

/// Opens every file of the first manifest into the directory of its plane.
pub(super) fn unpack<'a>(
    restoring: &Restoring<'_>,
    manifests: &[Manifest],
    directory: impl Fn(Plane) -> &'a Path,
) -> Result<(), RestoreError> {
    let Some(manifest) = manifests.first() else { return Ok(()) };
    for piece in &manifest.pieces {
        let mut named = manifests.iter().zip(restoring.backups);
        let from = named.find(|(one, _)| one.id == piece.lies_in).map(|(_, directory)| directory);
        let from = from.ok_or_else(|| {
            let id = piece.lies_in;
            RestoreError::Backup(format!("{} lies in backup {id}: name it too", piece.file()))
        })?;
        let (from, to) = (from.join(piece.file()), directory(piece.plane).join(&piece.name));
        open(piece, (&from, &to), restoring.identities)?;
    }
    for plane in [Plane::Registers, Plane::Vault] {
        sync_directory(directory(plane))?;
    }
    Ok(())
}

fn open(
    piece: &Piece,
    (from, to): (&PathBuf, &PathBuf),
    identities: &Identities,
) -> Result<(), RestoreError> {
    let damaged = |what: &str| RestoreError::Backup(format!("{} {what}", from.display()));
    if digest(from)? != (piece.sealed_bytes, piece.sealed_sha256) {
        return Err(damaged("is another file than the manifest says"));
    }
    let sealed = File::open(from).map_err(|source| file(from, source))?;
    let mut output = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|source| file(to, source))?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let opened = identities.decrypt(BufReader::new(sealed));
    let mut opened = opened.map_err(|error| match error {
        DecryptError::OtherKey => RestoreError::OtherKey,
        _ => damaged("is damaged"),
    })?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = opened.read(&mut buffer).map_err(|_| damaged("is damaged"))?;
        let Some(plain) = buffer.get(..count).filter(|plain| !plain.is_empty()) else { break };
        hash.update(plain);
        bytes += count as u64;
        output.write_all(plain).map_err(|source| file(to, source))?;
    }
    if (bytes, Digest(hash.finish())) != (piece.bytes, piece.sha256) {
        return Err(damaged("holds another file than the manifest says"));
    }
    output.sync_all().map_err(|source| file(to, source))
}

/// Length and digest of a file as it lies in the backup.
fn digest(path: &Path) -> Result<(u64, Digest), RestoreError> {
    let failed = |source| file(path, source);
    let mut input = File::open(path).map_err(failed)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; BUFFER_BYTES]);
    loop {
        let count = input.read(&mut buffer).map_err(failed)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
        hash.update(read);
        bytes += count as u64;
    }
    Ok((bytes, Digest(hash.finish())))
}

/// Makes a name that was given durable.
pub(super) fn sync_above(name: &Path) -> Result<(), RestoreError> {
    let above = name.parent().filter(|above| !above.as_os_str().is_empty());
    sync_directory(above.unwrap_or_else(|| Path::new(".")))
}

fn sync_directory(path: &Path) -> Result<(), RestoreError> {
    File::open(path).and_then(|opened| opened.sync_all()).map_err(|source| file(path, source))
}
