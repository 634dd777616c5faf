//! How much is read to tell one person, and how long it takes.
//!
//! Goal: it does not grow with the persons there are.  Method: the register plane's state is written
//! directly, then read for one person through a store that counts; `HVELV_INNSYN_PERSONS=10000000` is
//! the large form, with a disclosure for each 10,000 persons (`make innsyn`).

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::*;
use crate::audit::{Action, Actor, Entry};
use crate::clock::{Clock, SystemClock};
use crate::crypto::Place;
use crate::registers::{
    DeliveryId, DeliveryRecord, DeliveryState, Opening, PersonSet, RegisterSpec, Registers,
    StoredDelivery, Write,
};
use crate::store::keys::Key;
use crate::store::rocks::RocksStore;
use crate::store::{self, Batch, Durability, Visit};
use crate::testing::{Keys, MemoryMarks};
use crate::vault::PERSONS;

/// Of each disclosure, delivery and look-up, one person in so many is there.
const ONE_IN: u64 = 10;
/// Our person: in all of them.
const PERSON: u64 = 70_000;

/// A store that counts what is read of it, and what was written to it.
struct Counting {
    inner: RocksStore,
    read: AtomicU64,
    records: AtomicU64,
    written: AtomicU64,
}

impl Counting {
    fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        self.records.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> (u64, u64) {
        (self.records.swap(0, Ordering::Relaxed), self.read.swap(0, Ordering::Relaxed))
    }
}

impl Store for Counting {
    fn snapshot(&self) -> Result<Box<dyn store::Snapshot>, store::Error> {
        self.inner.snapshot()
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, store::Error> {
        let found = self.inner.get(key)?;
        self.count(key.as_bytes().len() + found.as_ref().map_or(0, Vec::len));
        Ok(found)
    }

    fn scan(&self, range: Range<Key>, visit: &mut Visit<'_>) -> Result<(), store::Error> {
        self.inner.scan(range, &mut |key, value| {
            self.count(key.len() + value.len());
            visit(key, value)
        })
    }

    fn commit(
        &self,
        operation: &'static str,
        batch: Batch,
        durability: Durability,
    ) -> Result<(), store::Error> {
        self.written.fetch_add(batch.size_bytes() as u64, Ordering::Relaxed);
        self.inner.commit(operation, batch, durability)
    }

    fn purge(&self, ranges: &[Range<Key>]) -> Result<(), store::Error> {
        self.inner.purge(ranges)
    }
}

/// One person in ten, spread over all numbers, and ours.
fn some(persons: u64, which: u64) -> PersonSet {
    let numbers = (0..persons).filter(|number| {
        *number == PERSON
            || number
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(17)
                .wrapping_add(which.wrapping_mul(0xd1b5_4a32_d192_ed03))
                % ONE_IN
                == 0
    });
    let people: Vec<PersonNo> = numbers.filter_map(PersonNo::from_number).collect();
    let mut set = PersonSet::default();
    set.extend(&people);
    set
}

fn open(store: &Arc<Counting>, keys: &Keys) -> Registers {
    let spec = |number: u16| RegisterSpec {
        number,
        code: ["NPR", "KPR"][usize::from(number) - 1].parse().unwrap(),
        partition: PERSONS,
        consent_required: false,
        leased_in_key_file: 0,
    };
    let opening = Opening {
        store: Arc::clone(store) as Arc<dyn Store>,
        keys: Arc::new(PlaneKeys::new(keys.open())),
        registers: vec![spec(1), spec(2)],
        vault_used: Arc::new(|_| 0),
        marks: Arc::new(MemoryMarks::default()),
        verifiers: Vec::new(),
        entropy: Arc::new(Entropy::os()),
        clock: Arc::new(SystemClock::new()),
    };
    opening.open().unwrap()
}

/// Each disclosure's persons, chunk by chunk, as they are folded.
fn disclose(registers: &Registers, sets: &[PersonSet], disclosures: u64) {
    for number in 0..disclosures {
        let id = u128::from(number).to_be_bytes();
        let mut batch = Batch::new();
        for (chunk, lows) in sets[place(number, sets.len())].bitmaps(CHUNK_BITS) {
            let key = Key::disclosed(PERSONS, chunk, id);
            let mut plain = vec![0x01];
            lows.serialize_into(&mut plain).unwrap();
            let place = Place { kind: 0x64, row: key.as_bytes(), field: 0 };
            let sealed = registers.keys.storage().seal(&registers.entropy, &place, &plain);
            batch.put(key, sealed.unwrap());
        }
        registers.store.commit("build", batch, Durability::Unsynced).unwrap();
    }
}

fn deliver(registers: &Registers, sets: &[PersonSet], deliveries: u64) {
    for number in 0..deliveries {
        let persons = &sets[place(number, sets.len())];
        let record = DeliveryRecord {
            v: 1,
            register: "NPR".into(),
            source: "HF".into(),
            principal: "pipeline".into(),
            purpose: "reporting".into(),
            period_from: 20_260_101,
            period_to: 20_260_131,
            opened: "2026-02-01T00:00:00Z".into(),
            written: "2026-02-01T00:00:01Z".into(),
            state: DeliveryState::Complete,
            rows: 1,
            answered: 1,
            new_members: 0,
            persons: 1,
        };
        let id = DeliveryId(u128::from(number).to_be_bytes());
        let delivery = StoredDelivery { id, record: &record, persons, partition: PERSONS };
        let (reply, done) = std::sync::mpsc::sync_channel(1);
        let entry = entry(Action::DeliveryClosed);
        let reply = Box::new(move |recorded| drop(reply.send(recorded)));
        registers.record_delivery(&delivery, entry, reply).unwrap();
        let _ = done.recv().unwrap().unwrap();
    }
}

fn entry(action: Action) -> Entry {
    let actor = Actor::System { principal: "a".into(), organisation: "983744516".into() };
    let time = "2026-02-01T00:00:00Z".parse().unwrap();
    Entry { register: Some("NPR".into()), ..Entry::new(time, actor, action) }
}

/// Look-ups of many persons, and acts on one.
fn act(registers: &Registers, sets: &[u64], (persons, look_ups): (u64, u64)) {
    for number in 0..look_ups {
        let whom = some(persons, sets[place(number, sets.len())]);
        let writes = vec![Write::Concerns(whom)];
        let _ = registers.record_change_and_wait(entry(Action::Resolve), writes).unwrap();
    }
}

/// Which of so many sets a disclosure, delivery or look-up has.
fn place(number: u64, sets: usize) -> usize {
    usize::try_from(number).unwrap() % sets
}

fn variable(name: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the size of a test run is no configuration")]
    let given = std::env::var(name);
    given.ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[expect(clippy::print_stdout, reason = "the figures are what the test is for")]
#[test]
fn one_person_is_told_without_reading_the_others() {
    let persons = variable("HVELV_INNSYN_PERSONS", 300_000);
    let disclosures = persons / 10_000;
    let (deliveries, look_ups) = (disclosures, disclosures / 4);
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let store = Arc::new(Counting {
        inner: RocksStore::create(directory.path()).unwrap(),
        read: AtomicU64::new(0),
        records: AtomicU64::new(0),
        written: AtomicU64::new(0),
    });
    let registers = open(&store, &keys);
    let sets: Vec<PersonSet> = (0..4).map(|which| some(persons, which)).collect();
    disclose(&registers, &sets, disclosures);
    deliver(&registers, &sets, deliveries);
    act(&registers, &[0, 1], (persons, look_ups));
    let written = store.written.load(Ordering::Relaxed);
    println!(
        "{persons} persons, {disclosures} disclosures, {deliveries} deliveries, {look_ups} look-ups \
         of one person in {ONE_IN}; {written} bytes written"
    );
    // The second time what was read lies in memory.
    let expected = [disclosures, deliveries, look_ups];
    let first = tell("first", &registers, &store, expected);
    let second = tell("second", &registers, &store, expected);
    assert_eq!(first, second);
    // A person's part is one chunk of each, the tail of the log, and the records of what is found.
    let chunks = persons.div_ceil(1 << CHUNK_BITS);
    assert!(first * chunks < 3 * written, "{first} bytes of {written} read");
}

#[expect(clippy::print_stdout, reason = "the figures are what the test is for")]
/// Reads what our person is told, says what that took, and gives the bytes that were read.
fn tell(round: &str, registers: &Registers, store: &Counting, expected: [u64; 3]) -> u64 {
    let leaves = [PersonNo::from_number(PERSON).unwrap()];
    let clock = SystemClock::new();
    let (mut total, mut took) = (0, Duration::ZERO);
    for (what, expected) in ["disclosures", "deliveries", "audit"].into_iter().zip(expected) {
        store.take();
        let begun = clock.monotonic();
        let found = match what {
            "disclosures" => {
                registers.disclosures_of((PERSONS, leaves[0]), |_| true).unwrap().len()
            }
            "deliveries" => registers.deliveries_of(PERSONS, &leaves).unwrap().len(),
            _ => registers.audit_of(PERSONS, &leaves).unwrap().len(),
        };
        let passed = clock.monotonic().saturating_sub(begun);
        let (records, bytes) = store.take();
        println!("{round} {what}: {found} found, {records} records, {bytes} bytes, {passed:?}");
        assert_eq!(found as u64, expected);
        total += bytes;
        took += passed;
    }
    println!("{round} in all: {total} bytes, {took:?}");
    total
}
