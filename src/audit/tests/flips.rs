//! Every bit of a log of 64 KiB: in the store, and in an export.

use super::*;
use crate::audit::export::verify::{Lines, Verification};

const LOG_BYTES: usize = 64 * 1024;

/// Every stored key of the log with its value, and where a change of it must be found.
fn records(world: &World) -> Vec<(Key, Vec<u8>, u64)> {
    let mut records = Vec::new();
    for kind in [Kind::AuditBody, Kind::AuditLeaf, Kind::Checkpoint] {
        world
            .store
            .scan(Key::all(kind), &mut |key, value| {
                let (_, parsed) = Key::parse(key)?;
                records.push((parsed, value.to_vec(), Key::trailing_u64(key)?));
                Ok(Step::Continue)
            })
            .unwrap();
    }
    records
}

#[test]
fn every_flipped_bit_of_a_stored_log_of_64_kib_is_found_at_its_entry() {
    let world = World::new(260, 20);
    let records = records(&world);
    let bytes: usize =
        records.iter().map(|(key, value, _)| key.as_bytes().len() + value.len()).sum();
    assert!(bytes >= LOG_BYTES, "{bytes} bytes");
    let mut trees = vec![Frontier::new()];
    for leaf in world.leaves() {
        let mut tree = trees.last().unwrap().clone();
        tree.append(leaf).unwrap();
        trees.push(tree);
    }
    let mut flipped = 0;
    for (key, value, index) in records {
        let good = &trees[usize::try_from(index).unwrap()];
        for bit in 0..value.len() * 8 {
            let mut changed = value.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            world.change(|batch| batch.put(key, changed));
            assert_eq!(world.found(good), Some(index), "{key:?}, bit {bit}");
            flipped += 1;
        }
        world.change(|batch| batch.put(key, value));
    }
    assert!(flipped >= 8 * 60_000, "{flipped} bits");
    assert_eq!(world.found(&Frontier::new()), None, "all was taken back");
}

#[test]
fn every_flipped_bit_of_an_export_of_64_kib_is_found_at_its_entry() {
    let world = World::new(220, 220);
    let key = world.verifier();
    let reader = world.reader();
    let signed = reader.checkpoint(&origin(), &[world.signing()]).unwrap();
    let mut export = ExportWriter::begin(Vec::new(), &signed.note, &key).unwrap();
    reader
        .entries(0..220, &mut |_, leaf| {
            export.entry(&leaf).unwrap();
            Ok(Step::Continue)
        })
        .unwrap();
    let mut export = export.finish().unwrap();
    assert!(export.len() >= LOG_BYTES, "{} bytes", export.len());
    let key = key.to_string();
    assert!(verify_export(&export[..], Some(&key)).is_ok());

    let header = export.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for bit in 0..header * 8 {
        export[bit / 8] ^= 1 << (bit % 8);
        let found = verify_export(&export[..], Some(&key)).unwrap_err();
        assert_eq!(found.position(), None, "bit {bit} of the header");
        export[bit / 8] ^= 1 << (bit % 8);
    }
    let begin = || Verification::begin(&export[..header - 1], Some(&key)).unwrap();
    let (mut good, mut at) = (begin(), header);
    for index in 0..220_u64 {
        let end = at + export[at..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut rest = export[at..].to_vec();
        for bit in 0..(end - at) * 8 {
            rest[bit / 8] ^= 1 << (bit % 8);
            let found = good.clone().rest(&mut Lines::of(&rest[..])).unwrap_err();
            assert_eq!(found.position(), Some(index), "bit {bit} of entry {index}: {found}");
            rest[bit / 8] ^= 1 << (bit % 8);
        }
        good.entry(&export[at..end - 1]).unwrap();
        at = end;
    }
    assert_eq!(at, export.len());
}
