//! More and more persons: rate, memory, pauses, start-up and size on disk, with a server in a process of
//! its own.
//!
//! ```text
//! memory per person   the most that the process had resident, over the persons it had then; the
//!                     worst of the points at which it is looked at, eight between half and all
//! pause               the longest that a stream of first sight waited for an answer
//! index load          the vault opened in this process, beside the same bytes read from the store
//!                     and their AEAD opened; from the page cache, on both sides
//! ```
//!
//! A second server keeps the fewest persons, so that look-ups of most and fewest alternate.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use hvelv::clock::{Clock, SystemClock};
use hvelv::crypto::{Entropy, Passphrase, Place};
use hvelv::keyring::{Environment, Keyring, SealedKeyring};
use hvelv::service::setup::Installation;
use hvelv::store::keys::Key;
use hvelv::store::rocks::RocksStore;
use hvelv::store::{Step, Store};
use hvelv::vault::{HighWater, PERSONS, PartitionKeys, Seen, Vault};

use super::client::Clients;
use super::load::{BATCH, Form, Load, population};
use super::row::Row;
use super::server::Server;
use super::{Size, vault};

/// Points at which memory is looked at, of each doubling.
const POINTS: usize = 8;
/// What the memory target is about.
const TARGET_PERSONS: usize = 10_000_000;
/// The field of a group's tags, and the kind of its record: docs/FORMATS.md.
const TAGS: (u16, u16) = (0x10, 1);

/// Measures all of it.
pub(crate) fn measure(size: &Size) -> Vec<Row> {
    let (fewest, most) = (size.growth[0], size.growth[size.growth.len() - 1]);
    let numbers = population(most);
    let small = Grown::new(&numbers[..fewest]);
    let mut large = Grown::new(&[]);
    let mut rows = Vec::new();
    for persons in &size.growth {
        rows.extend(large.grow(&numbers, *persons, size));
        rows.extend(large.start_again(*persons, size));
    }
    let load = look_up(size);
    let rate = |grown: &Grown, numbers: &[u64]| grown.round(load, numbers).0;
    let rounds: Vec<_> = (0..size.rounds)
        .map(|round| {
            let (mut many, mut few) = (0.0, 0.0);
            let mut order =
                [(&large, &numbers[..], &mut many), (&small, &numbers[..fewest], &mut few)];
            order.rotate_left(round % 2);
            for (grown, numbers, found) in order {
                *found = rate(grown, numbers);
            }
            (many, few)
        })
        .collect();
    rows.push(Row::beside("known, most persons beside fewest", "ids/s", &rounds));
    for row in &rows {
        println!("{:<56} {:.4} {}", row.measure, row.value, row.unit);
    }
    rows
}

fn look_up(size: &Size) -> Load {
    Load { form: Form::Integers, streams: 1, count: size.identifiers / BATCH, batch: BATCH }
}

/// A server with the persons that it has.
struct Grown {
    directory: tempfile::TempDir,
    clients: Clients,
    server: Option<Server>,
    persons: usize,
}

impl Grown {
    fn new(numbers: &[u64]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let clients =
            Clients { runtime: Runtime::new().unwrap(), clock, files: server.files.clone() };
        clients.unseal(server.address.parse().unwrap());
        let mut grown = Self { directory, clients, server: Some(server), persons: 0 };
        if !numbers.is_empty() {
            grown.deliver(numbers);
        }
        grown
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it is stopped only while its store is read")
    }

    fn round(&self, load: Load, numbers: &[u64]) -> (f64, Duration) {
        let address = self.server().address.parse().unwrap();
        self.clients.round(address, load, &load.messages(numbers))
    }

    /// First sight of some persons: rate, and longest pause.
    fn deliver(&mut self, numbers: &[u64]) -> (f64, Duration) {
        self.persons += numbers.len();
        let count = numbers.len().div_ceil(BATCH);
        self.round(Load { form: Form::Integers, streams: 1, count, batch: BATCH }, numbers)
    }

    /// Grows to so many persons.
    fn grow(&mut self, numbers: &[u64], to: usize, size: &Size) -> Vec<Row> {
        let from = self.persons;
        let step = (to / 2 / POINTS).max(1);
        let (mut rates, mut longest, mut memory) = (Vec::new(), Duration::ZERO, 0.0_f64);
        while self.persons < to {
            let end = to.min(self.persons + step);
            let (rate, pause) = self.deliver(&numbers[self.persons..end]);
            rates.push(rate);
            longest = longest.max(pause);
            if self.persons >= to / 2 {
                let bytes = self.server().peak_kib() as f64 * 1024.0;
                memory = memory.max(bytes / self.persons as f64);
            }
        }
        let (known, _) = self.round(look_up(size), &numbers[..to]);
        let files = &self.server().files;
        let disk = bytes_of(&files.join("data")) as f64;
        let name = |what: &str| format!("{what}, {} persons", named(to));
        let target = size.growth.iter().filter(|size| **size <= TARGET_PERSONS).max();
        let is_target = target.is_some_and(|target| *target == to);
        let memory_name = "memory of the process per person";
        let mut rows = vec![
            Row::alone(name("first sight while growing"), "ids/s", mean(&rates)),
            Row::alone(name("longest pause while growing"), "ms", longest.as_secs_f64() * 1e3),
            Row::alone(name("known"), "ids/s", known),
            Row::alone(name("size on disk"), "bytes/person", disk / to as f64),
            Row::alone(name(memory_name), "bytes", memory),
        ];
        if is_target {
            println!("memory per person is held at {} persons, from {}", named(to), named(from));
            rows.push(Row::alone(memory_name, "bytes", memory));
        }
        rows
    }

    /// Stops the server, loads its index here, and starts it again.
    fn start_again(&mut self, persons: usize, size: &Size) -> Vec<Row> {
        self.server = None;
        let files = self.directory.path().join("dev");
        let rounds: Vec<_> =
            (0..size.rounds_unseen).map(|_| loads(&files, &self.clients.clock, persons)).collect();
        let server = Server::start(self.directory.path());
        let took = self.clients.unseal(server.address.parse().unwrap());
        self.server = Some(server);
        let target = size.growth.iter().filter(|size| **size <= TARGET_PERSONS).max();
        let is_target = target.is_some_and(|target| *target == persons);
        let name = if is_target { String::new() } else { format!(", {} persons", named(persons)) };
        vec![
            Row::beside(format!("index load at start{name}"), "ids/s", &rounds),
            Row::alone(
                format!("load at start, {} persons", named(persons)),
                "s",
                took.as_secs_f64(),
            ),
        ]
    }
}

/// Identifiers a second: the vault opened, and its bytes read and opened.
fn loads(files: &Path, clock: &Arc<dyn Clock>, persons: usize) -> (f64, f64) {
    let installation = Installation::load(&files.join("hvelv.toml")).unwrap();
    let config = &installation.config;
    let sealed = SealedKeyring::load(&config.key_file, Environment::Development).unwrap();
    let passphrase = Passphrase::new(std::fs::read(files.join("passphrase")).unwrap()).unwrap();
    let keyring = Arc::new(sealed.unseal(&passphrase).unwrap());
    let store: Arc<dyn Store> = Arc::new(RocksStore::open(&config.vault_dir).unwrap());
    let timed = |work: &mut dyn FnMut()| {
        let begun = clock.monotonic();
        work();
        persons as f64 / clock.monotonic().saturating_sub(begun).as_secs_f64()
    };
    let mut opened_tags = 0;
    let read = timed(&mut || opened_tags = open_tags(store.as_ref(), &keyring));
    assert_eq!(opened_tags, persons, "every person's tag was opened");
    let high_water: Arc<dyn HighWater> = Arc::new(vault::NoMarks);
    let entropy = Arc::new(Entropy::os());
    let mut open = None;
    let load = timed(&mut || {
        let keys = vec![PartitionKeys::new(Arc::clone(&keyring), PERSONS).unwrap()];
        let seen = |_| Seen::default();
        let vault = Vault::open(Arc::clone(&store), keys, &seen, &high_water, &entropy).unwrap();
        open = Some(vault);
    });
    assert_eq!(open.unwrap().identifiers_total(), persons as u64);
    (load, read)
}

/// Reads every group of persons and opens its tags; gives how many there are.
fn open_tags(store: &dyn Store, keyring: &Keyring) -> usize {
    let mut count = 0;
    store
        .scan(Key::groups_from(PERSONS, 0), &mut |key, value| {
            let length = u32::from_be_bytes(value[1..5].try_into().unwrap());
            let envelope = &value[5..5 + length as usize];
            let place = Place { kind: TAGS.0, row: key, field: TAGS.1 };
            let plain = keyring.vault().tag_storage.open(&place, envelope).unwrap();
            count += (plain.len() - 4) / 16;
            Ok(Step::Continue)
        })
        .unwrap();
    count
}

fn mean(figures: &[f64]) -> f64 {
    figures.len() as f64 / figures.iter().map(|figure| 1.0 / figure).sum::<f64>()
}

fn named(persons: usize) -> String {
    format!("{} M", persons as f64 / 1e6)
}

/// Bytes of all files below a directory.
fn bytes_of(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        // The server removes files meanwhile.
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, facts)| if facts.is_dir() { bytes_of(&path) } else { facts.len() })
        .sum()
}
