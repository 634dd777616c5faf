//! Stores that a program without the indexes has written.

use super::*;

impl World {
    /// Takes the indexes by person away, as if nobody had ever made them.
    fn forget_indexes(&self) {
        self.service.seal(&self.operator()).unwrap();
        let mut batch = crate::store::Batch::new();
        for kind in [Kind::AuditOf, Kind::IndexMark, Kind::DeliveredIn] {
            let remove = &mut |key: &[u8], _: &[u8]| {
                batch.remove(Key::parse(key)?.1);
                Ok(Step::Continue)
            };
            self.stores.registers.scan(Key::all(kind), remove).unwrap();
        }
        self.stores.registers.commit("forget", batch, Durability::Synced).unwrap();
        self.unseal();
    }
}

#[test]
fn a_store_without_indexes_is_answered_as_if_it_had_always_had_them() {
    let world = World::unsealed();
    let people = numbers(6);
    world.import_iplos(&people[..2]);
    world.ingest("NPR", "HF", &people);
    world.ingest("KPR", "KUHR", &people[..3]);
    world.asked_about("NPR", "HF", &people[1..4]);
    world.say("KPR", people[0], reserved("secondary_purposes")).unwrap();
    let reports = |world: &World| -> Vec<Report> {
        people
            .iter()
            .map(|number| {
                let report = world.innsyn(*number);
                let accesses = report.accesses.iter().filter(|one| one.action != "innsyn_given");
                let accesses = accesses.cloned().collect();
                Report { accesses, audit_entry: 0, ..report }
            })
            .collect()
    };
    let before = reports(&world);
    assert!(before[0].accesses.len() == 1 && before[1].accesses.len() == 1);
    world.forget_indexes();
    assert!(reports(&world) == before);
    world.reseal();
    assert!(reports(&world) == before, "and after they were made again");
    // What comes then is in them.
    world.asked_about("NPR", "HF", &people[5..]);
    world.ingest("KPR", "KUHR", &people[5..]);
    let last = world.innsyn(people[5]);
    assert_eq!((actions(&last)[0], last.registers.len()), ("resolve", 2));
}

/// Goal: what stands in the indexes is sealed, and its keys name nobody.
#[test]
fn an_index_record_that_was_moved_is_refused() {
    let world = World::unsealed();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people);
    for _ in 0..130 {
        world.asked_about("NPR", "HF", &people[..1]);
    }
    let mut found = None;
    let take = &mut |key: &[u8], value: &[u8]| {
        found = Some((Key::parse(key)?.1, value.to_vec()));
        Ok(Step::Stop)
    };
    world.stores.registers.scan(Key::all(Kind::AuditOf), take).unwrap();
    let (key, value) = found.unwrap();
    let parts = key.as_bytes();
    let chunk = u32::from_be_bytes(parts[3..7].try_into().unwrap());
    let mut batch = crate::store::Batch::new();
    batch.put(Key::audit_of(0, chunk, u64::MAX - 1), value);
    world.stores.registers.commit("move", batch, Durability::Synced).unwrap();
    let refused = world.ask_innsyn(people[0], by_letter(), RegisterIds::Untold).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::Internal);
}
