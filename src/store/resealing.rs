//! Finds what older keys have sealed, piece by piece, so that a key that seals can come to its end.
//!
//! Why it exists: both planes seal such records anew while they serve, each in its own way, and stop,
//! go on and count alike.
//!
//! INVARIANT: a piece is small, also where nothing older is found: whoever works on pieces can be
//! stopped between two of them.
//!
//! What it does *not* know: keys.  The plane says of a record whether an older key sealed it.

use super::keys::{Key, Kind};
use super::{Error, Step, Store};

/// Records in a piece, their bytes, and how many are looked at for it.
const RECORDS_MAX: usize = 64;
const BYTES_MAX: usize = 256 << 10;
const LOOKED_AT_MAX: usize = 4096;

/// What became of a piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Records that the active key seals now.
    pub records: u64,
    /// Records that do not open, and stay.
    pub damaged: u64,
    /// Where the next piece begins; nothing after the last.
    pub next: Option<Key>,
}

/// Records that older keys have sealed.
pub(crate) struct Piece {
    /// Ascending.
    pub(crate) records: Vec<(Kind, Key, Vec<u8>)>,
    /// Where the next piece begins; nothing after the last.
    pub(crate) next: Option<Key>,
}

/// Whether an older key has sealed a record.
pub(crate) type IsOlder<'a> = dyn Fn(Kind, &Key, &[u8]) -> bool + 'a;

/// The piece that begins at a key, or the first.
///
/// # Errors
///
/// The engine's.
pub(crate) fn piece(
    store: &dyn Store,
    from: Option<Key>,
    is_older: &IsOlder<'_>,
) -> Result<Piece, Error> {
    let all = Key::everything();
    let mut piece = Piece { records: Vec::new(), next: None };
    let (mut bytes, mut looked_at) = (0, 0);
    store.scan(from.unwrap_or(all.start)..all.end, &mut |key, value| {
        // What is under no known key is for `hvelv verify` to find.
        let Ok((kind, key)) = Key::parse(key) else { return Ok(Step::Continue) };
        let is_full = piece.records.len() == RECORDS_MAX || bytes >= BYTES_MAX;
        if is_full || looked_at == LOOKED_AT_MAX {
            piece.next = Some(key);
            return Ok(Step::Stop);
        }
        looked_at += 1;
        if is_older(kind, &key, value) {
            bytes += value.len();
            piece.records.push((kind, key, value.to_vec()));
        }
        Ok(Step::Continue)
    })?;
    Ok(piece)
}

/// How many records older keys have sealed.
///
/// # Errors
///
/// The engine's.
pub(crate) fn count(store: &dyn Store, is_older: &IsOlder<'_>) -> Result<u64, Error> {
    let mut count = 0;
    store.scan(Key::everything(), &mut |key, value| {
        let found = Key::parse(key).is_ok_and(|(kind, key)| is_older(kind, &key, value));
        count += u64::from(found);
        Ok(Step::Continue)
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Batch, Durability};

    /// A store whose records say by their first byte whether they are old.
    fn store(count: u64, value: impl Fn(u64) -> Vec<u8>) -> MemoryStore {
        let store = MemoryStore::default();
        let mut batch = Batch::new();
        (0..count).for_each(|number| batch.put(Key::delta(1, number), value(number)));
        store.commit("test", batch, Durability::Synced).unwrap();
        store
    }

    fn is_older(_: Kind, _: &Key, value: &[u8]) -> bool {
        value[0] == 1
    }

    /// Sizes of the pieces, and the keys in them.
    fn pieces(store: &MemoryStore) -> (Vec<usize>, Vec<Key>) {
        let (mut sizes, mut keys, mut from) = (Vec::new(), Vec::new(), None);
        loop {
            let piece = piece(store, from, &is_older).unwrap();
            sizes.push(piece.records.len());
            keys.extend(piece.records.iter().map(|(_, key, _)| *key));
            from = piece.next;
            if from.is_none() {
                return (sizes, keys);
            }
        }
    }

    #[test]
    fn pieces_are_bounded_in_number_bytes_and_what_is_looked_at_and_leave_nothing_out() {
        let many = store(200, |_| vec![1]);
        let (sizes, keys) = pieces(&many);
        assert_eq!(sizes, [64, 64, 64, 8]);
        assert_eq!(keys, (0..200).map(|number| Key::delta(1, number)).collect::<Vec<_>>());
        let large = store(3, |_| vec![1; 200 << 10]);
        assert_eq!(pieces(&large).0, [2, 1]);
        let rare = store(10_000, |number| vec![u8::from(number == 9_000)]);
        assert_eq!(pieces(&rare).0, [0, 0, 1]);
        assert_eq!(pieces(&store(0, |_| Vec::new())).0, [0]);
        let counts = [&many, &large, &rare].map(|store| count(store, &is_older).unwrap());
        assert_eq!(counts, [200, 3, 1]);
    }
}
