//! Numbers and keys that a restored store goes on with.
//!
//! INVARIANT: a number space goes on in a block of numbers that no earlier generation has drawn from.

use std::collections::BTreeSet;

use super::super::SetupError;
use super::RestoreError;
use crate::backup::Manifest;
use crate::crypto::SerialWidth;
use crate::crypto::permutation::BLOCK_NUMBERS;
use crate::keyring::{Keyring, NumberSpace, WrappedDisclosureKey};
use crate::store::keys::{Key, Kind};
use crate::store::records::{encode_mark, load_mark};
use crate::store::{Batch, Step, Store};

/// Where each number space begins its next generation: the block above everything that is known to
/// have been leased.
pub(super) fn begin(
    manifest: &Manifest,
    keyring: &Keyring,
    (vault, registers): (&dyn Store, &dyn Store),
) -> Result<Vec<(NumberSpace, u64)>, RestoreError> {
    let mut ends = Vec::new();
    for (space, _) in keyring.number_spaces() {
        let (store, key) = match space {
            NumberSpace::OneWay(register) => (vault, Key::high_water(register)),
            NumberSpace::Persons => (vault, Key::high_water(0)),
            NumberSpace::Register(register) => (registers, Key::high_water(register)),
        };
        let stored = load_mark(store, &key).map_err(SetupError::Store)?;
        let name = space.to_string();
        let in_manifest = manifest.marks.iter().find(|mark| mark.space == name);
        let in_manifest = in_manifest.map_or(0, |mark| mark.leased);
        let leased = stored.max(in_manifest).max(keyring.marks().get(space));
        ends.push((space, (leased / BLOCK_NUMBERS + 1) * BLOCK_NUMBERS));
    }
    Ok(ends)
}

/// What the vault keeps of it.
pub(super) fn vault_marks(ends: &[(NumberSpace, u64)], batch: &mut Batch) {
    for (space, end) in ends {
        match space {
            NumberSpace::OneWay(register) => {
                batch.put(Key::high_water(*register), encode_mark(*end))
            }
            NumberSpace::Persons => batch.put(Key::high_water(0), encode_mark(*end)),
            NumberSpace::Register(_) => {}
        }
    }
}

/// What the register plane keeps of it.
pub(super) fn register_marks(ends: &[(NumberSpace, u64)], batch: &mut Batch) {
    for (space, end) in ends {
        let key = match space {
            NumberSpace::OneWay(register) => Key::vault_lease(*register),
            NumberSpace::Persons => Key::vault_lease(0),
            NumberSpace::Register(register) => Key::high_water(*register),
        };
        batch.put(key, encode_mark(*end));
    }
}

/// Drops keys that were destroyed since the backup, with what is sealed under them; says how many.
pub(super) fn drop_dead_keys(
    registers: &dyn Store,
    keyring: &Keyring,
    batch: &mut Batch,
) -> Result<u64, RestoreError> {
    let mut dead = BTreeSet::new();
    let id_of = |key: &[u8]| -> Option<[u8; 16]> { key.get(1..17)?.try_into().ok() };
    let scan = |kind, visit: &mut dyn FnMut(&[u8], &[u8])| {
        registers.scan(Key::all(kind), &mut |key, value| {
            visit(key, value);
            Ok(Step::Continue)
        })
    };
    let failed = SetupError::Store;
    scan(Kind::DisclosureKey, &mut |key, value| {
        let wrapped = WrappedDisclosureKey::from_bytes(value.to_vec());
        let open = |id| wrapped.open(id, keyring.erasure(), SerialWidth::DEFAULT);
        dead.extend(id_of(key).filter(|id| open(*id).is_err()));
    })
    .map_err(failed)?;
    for kind in [
        Kind::BridgeLabels,
        Kind::DisclosureItem,
        Kind::DisclosureKey,
        Kind::WindowOneWay,
        Kind::WindowPersons,
    ] {
        scan(kind, &mut |key, _| {
            if id_of(key).is_some_and(|id| dead.contains(&id))
                && let Ok((_, key)) = Key::parse(key)
            {
                batch.remove(key);
            }
        })
        .map_err(failed)?;
    }
    Ok(dead.len() as u64)
}
