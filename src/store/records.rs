//! Records that stand in clear: the schema marker and the high-water marks.
//!
//! ```text
//! FORMAT: version byte first, fixed width, big-endian.
//! Marker  0x01 ‖ schema u16 ‖ plane u8 ‖ environment u8 ‖ store id 16      21 bytes
//! Mark    0x01 ‖ value u64                                                   9 bytes
//! ```
//!
//! Everything else that is stored is sealed by its owner.

use super::keys::Key;
use super::{Batch, Durability, Error, Store};

/// Schema that this program writes and serves.
pub const SCHEMA: u16 = 1;

const VERSION: u8 = 0x01;

/// Which plane a store is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Plane {
    /// Register plane: members, deliveries, audit.
    Registers = 2,
    /// Identity plane.
    Vault = 1,
}

/// What a store says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Schema number.
    pub schema: u16,
    /// Code of the plane.
    pub plane: u8,
    /// Code of the environment: 1 production, 2 test, 3 development.
    pub environment: u8,
    /// The installation, as in the key file.
    pub store_id: [u8; 16],
}

impl Marker {
    /// A marker of this program's schema.
    pub fn new(plane: Plane, environment: u8, store_id: [u8; 16]) -> Self {
        Self { schema: SCHEMA, plane: plane as u8, environment, store_id }
    }

    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(21);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.schema.to_be_bytes());
        bytes.push(self.plane);
        bytes.push(self.environment);
        bytes.extend_from_slice(&self.store_id);
        bytes
    }

    /// Reads the record.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] when the version byte is another, [`Error::Damaged`] for another length.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::Damaged { kind: "schema marker" };
        let (version, rest) = bytes.split_first().ok_or_else(damaged)?;
        if *version != VERSION {
            return Err(Error::Schema { found: u16::from(*version), served: SCHEMA });
        }
        let fixed: &[u8; 20] = rest.try_into().map_err(|_| damaged())?;
        let [high, low, plane, environment, id @ ..] = *fixed;
        Ok(Self { schema: u16::from_be_bytes([high, low]), plane, environment, store_id: id })
    }

    /// Checks what a store says against what is expected, each refusal its own.
    ///
    /// # Errors
    ///
    /// [`Error::NoMarker`], [`Error::Schema`], [`Error::Foreign`].
    pub fn check(self, store: &dyn Store) -> Result<(), Error> {
        let found = Self::decode(&store.get(&Key::marker())?.ok_or(Error::NoMarker)?)?;
        if found.schema != self.schema {
            return Err(Error::Schema { found: found.schema, served: self.schema });
        }
        for (what, differs) in [
            ("plane", found.plane != self.plane),
            ("environment", found.environment != self.environment),
            ("installation", found.store_id != self.store_id),
        ] {
            if differs {
                return Err(Error::Foreign { what });
            }
        }
        Ok(())
    }

    /// Writes the marker into a new store.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn write(self, store: &dyn Store) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.insert(Key::marker(), self.encode());
        store.commit("init", batch, Durability::Synced)
    }
}

/// A high-water mark: numbers below it are, or may be, given.
pub fn encode_mark(value: u64) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&value.to_be_bytes());
    bytes
}

/// Reads a high-water mark; an absent one is 0.
///
/// # Errors
///
/// [`Error::Damaged`], or the engine's.
pub fn load_mark(store: &dyn Store, key: &Key) -> Result<u64, Error> {
    let Some(bytes) = store.get(key)? else { return Ok(0) };
    match bytes.split_first() {
        Some((&VERSION, rest)) => rest
            .try_into()
            .map(u64::from_be_bytes)
            .map_err(|_| Error::Damaged { kind: "high-water mark" }),
        _ => Err(Error::Damaged { kind: "high-water mark" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    #[test]
    fn golden_bytes_of_marker_and_mark() {
        let marker = Marker::new(Plane::Vault, 3, [7; 16]);
        let mut golden = vec![0x01, 0x00, 0x01, 0x01, 0x03];
        golden.extend_from_slice(&[7; 16]);
        assert_eq!(marker.encode(), golden);
        assert_eq!(Marker::decode(&golden).unwrap(), marker);
        assert_eq!(encode_mark(258), [1, 0, 0, 0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn each_refusal_is_its_own() {
        let store = MemoryStore::new();
        let own = Marker::new(Plane::Vault, 3, [7; 16]);
        assert!(matches!(own.check(&store), Err(Error::NoMarker)));
        own.write(&store).unwrap();
        own.check(&store).unwrap();
        for (other, what) in [
            (Marker::new(Plane::Registers, 3, [7; 16]), "plane"),
            (Marker::new(Plane::Vault, 1, [7; 16]), "environment"),
            (Marker::new(Plane::Vault, 3, [8; 16]), "installation"),
        ] {
            match other.check(&store) {
                Err(Error::Foreign { what: found }) => assert_eq!(found, what),
                other => panic!("not refused as foreign: {other:?}"),
            }
        }
        let newer = Marker { schema: SCHEMA + 1, ..own };
        let mut batch = Batch::new();
        batch.put(Key::marker(), newer.encode());
        store.commit("test", batch, Durability::Synced).unwrap();
        assert!(matches!(own.check(&store), Err(Error::Schema { found: 2, served: 1 })));
    }

    #[test]
    fn damaged_marks_are_refused_and_absent_ones_are_zero() {
        let store = MemoryStore::new();
        assert_eq!(load_mark(&store, &Key::high_water(0)).unwrap(), 0);
        for bytes in [vec![], vec![1], vec![2, 0, 0, 0, 0, 0, 0, 0, 0]] {
            let mut batch = Batch::new();
            batch.put(Key::high_water(0), bytes);
            store.commit("test", batch, Durability::Synced).unwrap();
            assert!(load_mark(&store, &Key::high_water(0)).is_err());
        }
    }
}
