//! A vault of its own, over a store in memory.

use std::sync::Arc;

use jiff::Timestamp;

use hvelv::crypto::{Entropy, Passphrase};
use hvelv::keyring::{Environment, KeyPlan, SealedKeyring, create};
use hvelv::store::memory::MemoryStore;
use hvelv::vault::{HighWater, PERSONS, PartitionKeys, Seen, Vault};

/// Keeps no marks.
pub(crate) struct NoMarks;

impl HighWater for NoMarks {
    fn raise(&self, _: u16, _: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

/// An empty one, with fresh keys.
pub(crate) fn empty() -> Vault {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bench.hvk");
    let environment = Environment::Development;
    let plan = KeyPlan { registers: Vec::new(), environment, development: true };
    let passphrase = Passphrase::new(b"correct horse battery staple".to_vec()).unwrap();
    let entropy = Arc::new(Entropy::os());
    create(&path, &plan, &passphrase, &entropy, Timestamp::UNIX_EPOCH).unwrap();
    let sealed = SealedKeyring::load(&path, environment).unwrap();
    let keyring = Arc::new(sealed.unseal(&passphrase).unwrap());
    let keys = vec![PartitionKeys::new(keyring, PERSONS).unwrap()];
    let high_water: Arc<dyn HighWater> = Arc::new(NoMarks);
    let seen = |_| Seen::default();
    Vault::open(Arc::new(MemoryStore::new()), keys, &seen, &high_water, &entropy).unwrap()
}
