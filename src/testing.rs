//! What the unit tests of several modules share: keys, stores in memory, synthetic identifiers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::civil::date;

use crate::clock::MockClock;
use crate::crypto::{Argon2Params, Entropy, Passphrase};
use crate::ident::{
    Declared, IdKind, Mode, NationalId, NumberSeries, Reject, Rules, RulesConfig, parse_number,
    synthetic,
};
use crate::keyring::{Environment, KeyPlan, Keyring, PlannedRegister, SealedKeyring, create};
use crate::registers::RegisterMarks;
use crate::vault::HighWater;

/// Where this is built from, asked as the tests run: a build that is kept may be of another clone.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests"))
}

/// The passphrase of every test.
pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new(b"correct horse battery staple".to_vec()).unwrap()
}

/// A key file in a directory of its own: NPR (1), KPR (2), IPLOS (3, one-way), REHAB (4).
pub(crate) struct Keys {
    _directory: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.hvk");
        let register = |number| PlannedRegister { number, one_way: number == 3 };
        let plan = KeyPlan {
            registers: (1..=4).map(register).collect(),
            environment: Environment::Development,
            development: true,
        };
        create(&path, &plan, &passphrase(), &Entropy::os(), Timestamp::UNIX_EPOCH).unwrap();
        Self { _directory: directory, path }
    }

    pub(crate) fn open(&self) -> Arc<Keyring> {
        let sealed = SealedKeyring::load(&self.path, Environment::Development).unwrap();
        Arc::new(sealed.unseal(&passphrase()).unwrap())
    }
}

/// Marks kept in memory.
#[derive(Default)]
pub(crate) struct MemoryMarks(pub(crate) Mutex<BTreeMap<u16, u64>>);

type MarkError = Box<dyn std::error::Error + Send + Sync>;

impl HighWater for MemoryMarks {
    fn raise(&self, partition: u16, to: u64) -> Result<(), MarkError> {
        self.0.lock().unwrap().insert(partition, to);
        Ok(())
    }
}

impl RegisterMarks for MemoryMarks {
    fn raise_register(&self, register: u16, to: u64) -> Result<(), MarkError> {
        self.0.lock().unwrap().insert(register, to);
        Ok(())
    }
}

/// Rules that take synthetic numbers.
pub(crate) fn rules() -> Rules {
    let config = RulesConfig::new(Mode::Development);
    // The DUF-numbers of `ident::synthetic`.
    Rules::new(&RulesConfig { test_duf_prefixes: vec!["2099".into()], ..config }).unwrap()
}

/// Different synthetic fødselsnummer, as digits.
pub(crate) fn numbers(count: usize) -> Vec<u64> {
    let (first, last) = (date(1950, 1, 1), date(2019, 12, 31));
    let numbers: Vec<u64> =
        synthetic::numbers_between(NumberSeries::Fnr, first, last).take(count).collect();
    assert_eq!(numbers.len(), count, "the synthetic population is large enough");
    numbers
}

/// Different synthetic fødselsnummer, parsed.
pub(crate) fn identifiers(count: usize) -> Vec<Result<NationalId, Reject>> {
    let rules = rules();
    let rules = rules.at(date(2026, 1, 1));
    let parse = |number| parse_number(&rules, Declared::Kind(IdKind::Fnr), None, number);
    numbers(count).into_iter().map(parse).collect()
}

/// A clock that stands still in January 2026.
pub(crate) fn clock() -> MockClock {
    MockClock::new("2026-01-15T12:00:00Z".parse().unwrap())
}

/// Argon2 parameters are the development ones wherever tests make keys.
#[test]
fn test_keys_are_development_keys() {
    let keys = Keys::new();
    let sealed = SealedKeyring::inspect(&keys.path).unwrap();
    assert!(sealed.is_development());
    assert_eq!(Argon2Params::DEVELOPMENT.passes(), 1);
}
