//! Making and checking an installation, without a server.

use std::path::Path;
use std::sync::Arc;

use super::DisclosureRules;
use super::open::{Open, OpenKeys, RocksStores, environment, load_key_file, marker};
use super::{Error, Parts, Service};
use crate::audit::{Action, Actor, Entry};
use crate::clock::{Clock, SystemClock};
use crate::config::server::Mode;
use crate::config::{Config, Problems};
use crate::crypto::{Entropy, Passphrase};
use crate::ident::{self, Rules, RulesConfig};
use crate::keyring::{self, KeyPlan, PlannedRegister, SealedKeyring, Unsealing};
use crate::registers::catalogue::Catalogue;
use crate::store;
use crate::store::Store;
use crate::store::records::Plane;
use crate::store::rocks::RocksStore;

mod access;
mod keys;
mod restore;
mod rotation;
pub(in crate::service) mod verify;

pub use keys::{KeyChange, KeysGiven, MadeShare, Others, Root, RootWays, WaysWanted};
pub use restore::{RestoreError, Restored, Restoring};
pub use rotation::{OlderKeys, Rotation};
pub use verify::Verified;

/// Why an installation cannot be made, checked or served.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The configuration has problems.
    #[error("the configuration has problems:\n{0}")]
    Config(Problems),
    /// The identifiers of the configuration are of no use.
    #[error("the configuration's identifiers have problems:\n{0}")]
    Identifiers(String),
    /// Something is there already.
    #[error(
        "there is something at {0} already: `hvelv init` never overwrites; choose another path"
    )]
    Exists(String),
    /// The key file.
    #[error("the key file cannot be used")]
    KeyFile(#[from] keyring::Error),
    /// The clock or randomness.
    #[error("cryptography is not available")]
    Crypto(#[from] crate::crypto::Error),
    /// A directory cannot be made.
    #[error("cannot make the directory {path}")]
    Directory {
        /// The directory.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A store.
    #[error("a store cannot be made")]
    Store(#[from] store::Error),
    /// What was made does not open.
    #[error("what was made does not open: {0}")]
    Open(Error),
    /// There is nothing to destroy.
    #[error("there is no older key: nothing is to be destroyed")]
    NoOlderKey,
    /// The older keys are needed still.
    #[error(
        "the newest checkpoint has no signature by the newest key: unseal the server once and seal \
         it, have auditors and witnesses verify with both keys, then try again"
    )]
    NotSignedYet,
    /// Older keys still open what they have sealed.
    #[error(
        "older keys still seal {count} records: unseal the server, which seals them anew, and try \
         again when its log has the entry `records_resealed`; if that says that records do not \
         open, run `hvelv verify`"
    )]
    StillSealed {
        /// How many records.
        count: u64,
    },
    /// A test number file.
    #[error("the list of test numbers {path} cannot be read")]
    TestNumbers {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: crate::config::files::FileError,
    },
}

/// The configuration with what it names, read and checked.
pub struct Installation {
    /// The configuration.
    pub config: Arc<Config>,
    /// The registers.
    pub catalogue: Arc<Catalogue>,
    /// The rules of disclosure.
    pub disclosure: DisclosureRules,
}

impl Installation {
    /// Reads the configuration and the catalogue.
    ///
    /// # Errors
    ///
    /// [`SetupError::Config`] with every problem.
    pub fn load(config_file: &Path) -> Result<Self, SetupError> {
        let config = Config::load(config_file).map_err(SetupError::Config)?;
        let catalogue = Catalogue::load(&config.registers_file).map_err(SetupError::Config)?;
        let (decisions, organisations) = (&config.decisions_file, &config.organisations_file);
        let disclosure = DisclosureRules::load(decisions, organisations, &catalogue);
        let disclosure = disclosure.map_err(SetupError::Config)?;
        Ok(Self { config: Arc::new(config), catalogue: Arc::new(catalogue), disclosure })
    }

    /// The parts of a service over RocksDB, with the system's clock and randomness.
    ///
    /// # Errors
    ///
    /// [`SetupError::Identifiers`], [`SetupError::TestNumbers`].
    pub fn parts(&self) -> Result<Parts, SetupError> {
        let config = &self.config;
        Ok(Parts {
            config: Arc::clone(config),
            catalogue: Arc::clone(&self.catalogue),
            disclosure: self.disclosure.clone(),
            rules: rules(config)?,
            stores: Box::new(RocksStores {
                vault_dir: config.vault_dir.clone(),
                registers_dir: config.registers_dir.clone(),
            }),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(Entropy::os()),
        })
    }

    /// A sealed service over RocksDB.
    ///
    /// # Errors
    ///
    /// As [`Installation::parts`].
    pub fn service(&self) -> Result<Arc<Service>, SetupError> {
        Ok(Service::new(self.parts()?))
    }

    /// Makes the key file, both stores, and the first entry of the audit log.
    ///
    /// # Errors
    ///
    /// [`SetupError`]; what was made until then is left, since nothing here ever overwrites.
    pub fn init(&self, passphrase: &Passphrase) -> Result<(), SetupError> {
        let config = &self.config;
        for path in [&config.key_file, &config.vault_dir, &config.registers_dir] {
            let is_empty = path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
            if path.exists() && !is_empty {
                return Err(SetupError::Exists(path.display().to_string()));
            }
        }
        let entropy = Entropy::os();
        let clock = SystemClock::new();
        if let Some(directory) = config.key_file.parent() {
            make_directory(directory)?;
        }
        keyring::create(&config.key_file, &self.plan(), passphrase, &entropy, clock.now())?;
        let sealed = SealedKeyring::load(&config.key_file, environment(config.mode))?;
        let store_id = *sealed.store_id().as_bytes();
        for (plane, directory) in
            [(Plane::Vault, &config.vault_dir), (Plane::Registers, &config.registers_dir)]
        {
            make_directory(directory)?;
            let store = RocksStore::create(directory)?;
            marker(plane, config.mode, store_id).write(&store as &dyn Store)?;
        }
        self.record_init(&sealed, passphrase)
    }

    /// The first entry, which also shows that everything opens.
    fn record_init(
        &self,
        sealed: &SealedKeyring,
        passphrase: &Passphrase,
    ) -> Result<(), SetupError> {
        let mut unsealing = Unsealing::of(sealed.clone());
        unsealing.give_passphrase(passphrase)?;
        let keys = OpenKeys::unseal(unsealing).map_err(SetupError::Open)?;
        let parts = self.parts()?;
        let (open, _) = Open::with_keys(&parts, keys).map_err(SetupError::Open)?;
        let entry = Entry::new(parts.clock.now(), Actor::Server, Action::Initialised);
        let recorded = open.registers.record_act_and_wait(entry);
        recorded.map(drop).map_err(|error| SetupError::Open(Error::internal(error)))
    }

    fn plan(&self) -> KeyPlan {
        let planned = |register: &crate::registers::catalogue::Register| PlannedRegister {
            number: register.number,
            one_way: register.is_one_way(),
        };
        KeyPlan {
            registers: self.catalogue.iter().map(planned).collect(),
            environment: environment(self.config.mode),
            development: self.config.mode == Mode::Development,
        }
    }

    /// What a check of the key file finds wrong with it, without its passphrase.
    ///
    /// # Errors
    ///
    /// The key file's.
    pub fn check_key_file(&self) -> Result<(), Error> {
        load_key_file(&self.config).map(drop)
    }
}

/// Person numbers, for a search of files.
#[derive(Default)]
pub(crate) struct PersonNumbers {
    /// May have been drawn.
    pub(crate) drawn: Vec<u64>,
    /// Come after all that were leased.
    pub(crate) never_drawn: Vec<u64>,
}

/// Makes a directory with those above it. They are there after a power cut, too: a new directory is
/// once the one that it stands in is synced.
fn make_directory(path: &Path) -> Result<(), SetupError> {
    let failed = |source| SetupError::Directory { path: path.display().to_string(), source };
    make_directory_durably(path).map_err(failed)
}

/// The same, with what the system says.
pub(crate) fn make_directory_durably(path: &Path) -> Result<(), std::io::Error> {
    use std::os::unix::fs::DirBuilderExt;
    let new: Vec<&Path> = path.ancestors().take_while(|directory| !directory.exists()).collect();
    for directory in new.into_iter().rev() {
        std::fs::DirBuilder::new().mode(0o700).create(directory)?;
        let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
        std::fs::File::open(above.unwrap_or_else(|| Path::new(".")))
            .and_then(|above| above.sync_all())?;
    }
    Ok(())
}

/// The rules for identifiers that a configuration gives.
fn rules(config: &Config) -> Result<Rules, SetupError> {
    let identifiers = &config.identifiers;
    let mode = match config.mode {
        Mode::Development => ident::Mode::Development,
        Mode::Production => ident::Mode::Production,
        Mode::Test => ident::Mode::Test,
    };
    let mut rules = RulesConfig::new(mode);
    rules.rule_2032_from = identifiers.accept_2032_from;
    rules.test_felles_prefixes =
        identifiers.test_felles_prefixes.iter().map(|prefix| prefix.as_str().to_owned()).collect();
    rules.test_duf_prefixes =
        identifiers.test_duf_prefixes.iter().map(|prefix| prefix.as_str().to_owned()).collect();
    rules.test_assigners =
        identifiers.test_assigners.iter().map(|assigner| assigner.to_string()).collect();
    if let Some(path) = &identifiers.test_numbers_file {
        let text = crate::config::files::read_text(path).map_err(|source| {
            SetupError::TestNumbers { path: path.display().to_string(), source }
        })?;
        rules.test_numbers =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect();
    }
    Rules::new(&rules).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        SetupError::Identifiers(lines.join("\n"))
    })
}
