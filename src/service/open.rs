//! Opening the stores with open keys, and everything that is open as one value.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::access::AccessBook;
use super::conversion::Conversions;
use super::disclosure::Book;
use super::erasure::CaseBook;
use super::resealing::Resealing;
use super::restored::{PendingRestore, Restored};
use super::{Error, ErrorCode, Parts};
use crate::audit::{Origin, VerifierKey};
use crate::config::Config;
use crate::config::server::Mode;
use crate::crypto::SigningKey;
use crate::crypto::permutation::BLOCK_NUMBERS;
use crate::keyring::{
    self, Environment, Epochs, Keyring, NumberSpace, SealedKeyring, StoreId, Unsealing,
};
use crate::registers::catalogue::Register;
use crate::registers::{self, Opening, PlaneKeys, RegisterMarks, RegisterSpec, Registers};
use crate::store::keys::Key;
use crate::store::records::{Marker, Plane, encode_mark, load_mark};
use crate::store::rocks::RocksStore;
use crate::store::{self, Batch, Durability, Store};
use crate::vault::{HighWater, PERSONS, PartitionKeys, Seen, Vault};

/// How long sealing waits for batches that are under way.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the stores are.
pub trait Stores: Send + Sync {
    /// Opens the store of a plane.
    ///
    /// # Errors
    ///
    /// The engine's.
    fn open(&self, plane: Plane) -> Result<Arc<dyn Store>, store::Error>;
}

/// RocksDB in the directories of the configuration.
pub struct RocksStores {
    /// Directory of the vault.
    pub vault_dir: PathBuf,
    /// Directory of the register plane.
    pub registers_dir: PathBuf,
}

impl Stores for RocksStores {
    fn open(&self, plane: Plane) -> Result<Arc<dyn Store>, store::Error> {
        let directory = match plane {
            Plane::Registers => &self.registers_dir,
            Plane::Vault => &self.vault_dir,
        };
        Ok(Arc::new(RocksStore::open(directory)?))
    }
}

/// The keys, open, with what their file says in the clear.
#[derive(Clone)]
pub(super) struct OpenKeys {
    pub(super) keyring: Arc<Keyring>,
    pub(super) store_id: StoreId,
    pub(super) are_development: bool,
}

impl OpenKeys {
    pub(super) fn unseal(unsealing: Unsealing) -> Result<Self, Error> {
        let file = unsealing.sealed();
        let (store_id, are_development) = (file.store_id(), file.is_development());
        let keyring = unsealing.open().map_err(key_file_error)?;
        Ok(Self { keyring: Arc::new(keyring), store_id, are_development })
    }
}

/// Everything that is open. Dropped as a whole, in this order.
pub(super) struct Open {
    pub(super) registers: Registers,
    pub(super) vault: Arc<Vault>,
    /// Applications and disclosures.
    pub(super) book: Book,
    /// Requests for erasure.
    pub(super) cases: CaseBook,
    /// Windows of conversions.
    pub(super) conversions: Conversions,
    /// Who holds what takes two persons to grant.
    pub(super) access: AccessBook,
    /// A restore that nobody has accepted yet.
    pub(super) restored: Restored,
    /// How far older keys' records are sealed anew.
    pub(super) resealing: Resealing,
    keys: OpenKeys,
    /// Whoever holds it weakly gets at it no more.
    closing: AtomicBool,
    /// Dropped last: tells whoever seals that all of the above is gone.
    _closed: Sender<()>,
}

/// What is open, and the channel that ends when it is gone.
pub(super) struct Current {
    pub(super) open: Arc<Open>,
    closed: Mutex<Receiver<()>>,
}

impl Current {
    pub(super) fn new((open, closed): (Open, Receiver<()>)) -> Self {
        Self { open: Arc::new(open), closed: Mutex::new(closed) }
    }

    /// Lets go, and waits until everything that was open is gone; says whether it is.
    pub(super) fn close(self) -> bool {
        drop(self.open);
        let closed = self.closed.into_inner().unwrap_or_else(PoisonError::into_inner);
        closed.recv_timeout(CLOSE_TIMEOUT) != Err(RecvTimeoutError::Timeout)
    }
}

impl Open {
    pub(super) fn with_keys(parts: &Parts, keys: OpenKeys) -> Result<(Self, Receiver<()>), Error> {
        let keyring = &keys.keyring;
        let missing: Vec<&str> = parts
            .catalogue
            .iter()
            .filter(|register| !keyring.registers().registers.contains_key(&register.number))
            .map(|register| register.code.as_str())
            .collect();
        if !missing.is_empty() {
            tracing::error!(registers = ?missing,
                "registers without keys: run `hvelv init --add-registers`, or put the newest key file back");
            return Err(Error::new(ErrorCode::KeyFileUnusable));
        }
        let vault_store = open_store(parts, &keys, Plane::Vault)?;
        let registers_store = open_store(parts, &keys, Plane::Registers)?;
        let marks = Arc::new(Marks {
            registers_store: Arc::clone(&registers_store),
            keyring: Arc::clone(keyring),
        });
        let vault = Arc::new(open_vault(parts, vault_store, &marks)?);
        let registers = open_registers(parts, registers_store, &vault, &marks)?;
        let book = Book::load(&registers)?;
        let cases = CaseBook::load(&registers)?;
        let access = AccessBook::load(&registers)?;
        let (_closed, closed) = channel();
        let closing = AtomicBool::new(false);
        let conversions = Conversions::default();
        let restored = Restored::new(PendingRestore::load(&registers)?);
        let open = Self {
            registers,
            vault,
            book,
            cases,
            conversions,
            access,
            restored,
            resealing: Resealing::default(),
            keys,
            closing,
            _closed,
        };
        Ok((open, closed))
    }

    /// From here on no stream gets at it, however many hold on to it for what they are doing.
    pub(super) fn begin_closing(&self) {
        self.closing.store(true, Ordering::Release);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(super) fn keys(&self) -> &OpenKeys {
        &self.keys
    }

    /// The key that signs manifests of extracts.
    pub(super) fn extract_signing(&self) -> Result<&SigningKey, Error> {
        let keys = self.keys.keyring.registers().extract_signing.as_ref();
        keys.map(Epochs::active).ok_or_else(|| Error::new(ErrorCode::ExtractKeyMissing))
    }

    /// Above every person number of a partition in use: numbers are drawn in permuted blocks.
    pub(super) fn persons_end(&self, partition: u16) -> u64 {
        self.vault.used(partition).div_ceil(BLOCK_NUMBERS) * BLOCK_NUMBERS
    }

    pub(super) fn has_failed(&self) -> bool {
        self.vault.has_failed() || self.registers.has_failed()
    }
}

/// Loads the key file and checks what it says in clear against the configuration.
pub(super) fn load_key_file(config: &Config) -> Result<SealedKeyring, Error> {
    SealedKeyring::load(&config.key_file, environment(config.mode)).map_err(key_file_error)
}

/// What mode of the server an environment of keys and stores is.
pub(super) fn environment(mode: Mode) -> Environment {
    match mode {
        Mode::Development => Environment::Development,
        Mode::Production => Environment::Production,
        Mode::Test => Environment::Test,
    }
}

/// The marker that a store of this installation has.
pub(super) fn marker(plane: Plane, mode: Mode, store_id: [u8; 16]) -> Marker {
    let environment = match mode {
        Mode::Production => 1,
        Mode::Test => 2,
        Mode::Development => 3,
    };
    Marker::new(plane, environment, store_id)
}

pub(super) fn key_file_error(error: keyring::Error) -> Error {
    let code = match &error {
        keyring::Error::WrongPassphrase { .. } => ErrorCode::PassphraseWrong,
        keyring::Error::NoPassphrase => ErrorCode::PassphraseNotInUse,
        keyring::Error::DevelopmentKeys => ErrorCode::DevelopmentKeys,
        keyring::Error::RootOpen { .. } => ErrorCode::RootOpen,
        keyring::Error::ShareOfAnotherSet { .. } | keyring::Error::ShareOfAnotherStore => {
            ErrorCode::ShareNotInUse
        }
        keyring::Error::ShareTwice { .. } => ErrorCode::ShareGivenAlready,
        keyring::Error::ShareWrong { .. } => ErrorCode::ShareWrong,
        _ => return Error::new(ErrorCode::KeyFileUnusable).with_source(error),
    };
    match code {
        ErrorCode::DevelopmentKeys | ErrorCode::PassphraseNotInUse | ErrorCode::PassphraseWrong => {
            Error::new(code).with_source(error)
        }
        // The keyring's own text: the root and the number of the share, and what to do.
        _ => Error::share(code, error.to_string()),
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorCode::StoreUnusable).with_source(error)
}

pub(super) fn open_store(
    parts: &Parts,
    keys: &OpenKeys,
    plane: Plane,
) -> Result<Arc<dyn Store>, Error> {
    let store = parts.stores.open(plane).map_err(unusable)?;
    let store_id = *keys.store_id.as_bytes();
    marker(plane, parts.config.mode, store_id).check(store.as_ref()).map_err(unusable)?;
    Ok(store)
}

fn open_vault(parts: &Parts, store: Arc<dyn Store>, marks: &Arc<Marks>) -> Result<Vault, Error> {
    let mut keys = Vec::new();
    let mut seen = std::collections::BTreeMap::new();
    for partition in partitions(parts) {
        keys.push(PartitionKeys::new(Arc::clone(&marks.keyring), partition).map_err(unusable)?);
        seen.insert(partition, marks.seen(partition).map_err(unusable)?);
    }
    let begun = parts.clock.monotonic();
    let high_water = Arc::clone(marks) as Arc<dyn HighWater>;
    let seen = |partition| seen.get(&partition).copied().unwrap_or_default();
    let vault = Vault::open(store, keys, &seen, &high_water, &parts.entropy).map_err(unusable)?;
    let took = parts.clock.monotonic().saturating_sub(begun);
    let persons = vault.identifiers_total();
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let persons_per_s = persons.saturating_mul(1_000_000) / micros;
    tracing::info!(persons, load_ms = took.as_millis(), persons_per_s, "index loaded");
    Ok(vault)
}

/// The partitions of the vault.
pub(super) fn partitions(parts: &Parts) -> Vec<u16> {
    let one_way = parts.catalogue.iter().filter(|register| register.is_one_way());
    std::iter::once(PERSONS).chain(one_way.map(|register| register.number)).collect()
}

/// The registers, as the register plane opens them.
pub(super) fn register_specs(parts: &Parts, keyring: &Keyring) -> Vec<RegisterSpec> {
    let spec = |register: &Register| RegisterSpec {
        number: register.number,
        code: register.code.clone(),
        partition: register.partition(),
        consent_required: register.requires_consent(),
        leased_in_key_file: keyring.marks().get(NumberSpace::Register(register.number)),
    };
    parts.catalogue.iter().map(spec).collect()
}

/// The keys that checkpoints of the log verify under.
pub(super) fn verifiers(parts: &Parts, keyring: &Keyring) -> Result<Vec<VerifierKey>, Error> {
    let origin: Origin = parts.config.audit.origin.as_str().parse().map_err(Error::internal)?;
    let signing = keyring.registers().audit.signing.iter();
    Ok(signing.map(|(_, key)| VerifierKey::new(origin.clone(), key.public_key())).collect())
}

fn open_registers(
    parts: &Parts,
    store: Arc<dyn Store>,
    vault: &Arc<Vault>,
    marks: &Arc<Marks>,
) -> Result<Registers, Error> {
    let keyring = &marks.keyring;
    let keys = PlaneKeys::new(Arc::clone(keyring));
    let verifiers = verifiers(parts, keyring)?;
    let used = Arc::clone(vault);
    let opening = Opening {
        store,
        keys: Arc::new(keys),
        registers: register_specs(parts, keyring),
        vault_used: Arc::new(move |partition| used.used(partition)),
        marks: Arc::clone(marks) as Arc<dyn RegisterMarks>,
        verifiers,
        entropy: Arc::clone(&parts.entropy),
        clock: Arc::clone(&parts.clock),
    };
    opening.open().map_err(|error: registers::Error| unusable(error))
}

/// The high-water marks outside the vault: in the register plane's store, then in the key file.
struct Marks {
    registers_store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
}

type MarkError = Box<dyn std::error::Error + Send + Sync>;

impl Marks {
    fn seen(&self, partition: u16) -> Result<Seen, store::Error> {
        let store = self.registers_store.as_ref();
        Ok(Seen {
            leased_in_key_file: self.keyring.marks().get(space(partition)),
            leased_in_registers: load_mark(store, &Key::vault_lease(partition))?,
            used_in_registers: load_mark(store, &Key::vault_used(partition))?,
        })
    }
}

pub(super) fn space(partition: u16) -> NumberSpace {
    match partition {
        PERSONS => NumberSpace::Persons,
        register => NumberSpace::OneWay(register),
    }
}

impl HighWater for Marks {
    fn raise(&self, partition: u16, to: u64) -> Result<(), MarkError> {
        let mut batch = Batch::new();
        batch.put(Key::vault_lease(partition), encode_mark(to));
        self.registers_store.commit("lease persons", batch, Durability::Synced)?;
        Ok(self.keyring.marks().raise(space(partition), to)?)
    }
}

impl RegisterMarks for Marks {
    fn raise_register(&self, register: u16, to: u64) -> Result<(), MarkError> {
        Ok(self.keyring.marks().raise(NumberSpace::Register(register), to)?)
    }
}
