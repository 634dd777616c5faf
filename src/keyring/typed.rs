//! The keys in use: each purpose as the type of `crypto` that can do it and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::document::Document;
use super::erasure::ErasureKeys;
use super::kinds::{KeyState, NumberSpace, Purpose};
use super::open::{Roots, erasure_wrap};
use super::sealed::Opened;
use super::{Error, Marks};
use crate::crypto::secret::assert_secret;
use crate::crypto::{
    DigestKey, IndexKey, KeyId, NumberKey, OneWayKey, OuterKey, RegisterIdCipher, SecretBytes,
    SigningKey, StorageKey, StorageKeys, WrapKey,
};

/// All keys, open.  Wiped when dropped: dropping it is what sealing the server means.
#[derive(Debug)]
pub struct Keyring {
    vault: VaultKeys,
    registers: RegisterKeys,
    erasure: ErasureKeys,
    marks: Marks,
}

impl Keyring {
    pub(super) fn open(path: PathBuf, opened: Opened) -> Result<Self, Error> {
        let Opened { document, roots, mac_key } = opened;
        let reader = Reader { document: &document, roots: &roots };
        let vault = VaultKeys::open(&reader)?;
        let registers = RegisterKeys::open(&reader)?;
        let marks = Marks::new(path.clone(), &document, mac_key);
        let erasure = ErasureKeys::new(path, &document, roots.into_registers())?;
        Ok(Self { vault, registers, erasure, marks })
    }

    /// The keys of the identity plane.
    #[must_use]
    pub fn vault(&self) -> &VaultKeys {
        &self.vault
    }

    /// The keys of the register plane.
    #[must_use]
    pub fn registers(&self) -> &RegisterKeys {
        &self.registers
    }

    /// What wraps keys of the register plane that must be able to die, such as a disclosure's.
    #[must_use]
    pub fn erasure(&self) -> &ErasureKeys {
        &self.erasure
    }

    /// The high-water marks, kept in the key file.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Every number space, with the generation that its numbers are drawn from.
    #[must_use]
    pub fn number_spaces(&self) -> Vec<(NumberSpace, u32)> {
        let persons = (NumberSpace::Persons, self.vault.person_numbers.active_epoch());
        let one_way = self.vault.one_way.iter();
        let one_way = one_way
            .map(|(number, keys)| (NumberSpace::OneWay(*number), keys.numbers.active_epoch()));
        let registers = self.registers.registers.iter();
        let registers = registers
            .map(|(number, keys)| (NumberSpace::Register(*number), keys.numbers.active_epoch()));
        std::iter::once(persons).chain(one_way).chain(registers).collect()
    }

    /// The planes apart, so that each owner holds its own keys and no others.
    #[must_use]
    pub fn into_parts(self) -> (VaultKeys, RegisterKeys, ErasureKeys, Marks) {
        (self.vault, self.registers, self.erasure, self.marks)
    }
}

/// The keys of the identity plane.
#[derive(Debug)]
pub struct VaultKeys {
    /// Makes identifier tags.  More than one while the index key is being changed.
    pub index: Epochs<IndexKey>,
    /// Seals tags and links.
    pub tag_storage: StorageKeys,
    /// Seals identities.
    pub identity: StorageKeys,
    /// Permutes person numbers; the epoch is the generation.
    pub person_numbers: Epochs<NumberKey>,
    /// Keys of one-way registers, by register number.
    pub one_way: BTreeMap<u16, OneWayKeys>,
    /// Wraps keys of this plane that must be able to die.
    pub erasure: Epochs<WrapKey>,
}

/// The keys of one one-way register.
#[derive(Debug)]
pub struct OneWayKeys {
    /// Makes its tags; the epoch is that of the outer key.
    pub tags: Epochs<OneWayKey>,
    /// Seals its partition.
    pub tag_storage: StorageKeys,
    /// Permutes its numbers; the epoch is the generation.
    pub numbers: Epochs<NumberKey>,
}

/// The keys of the register plane.
#[derive(Debug)]
pub struct RegisterKeys {
    /// Seals records.
    pub storage: StorageKeys,
    /// Keys of each register, by register number.
    pub registers: BTreeMap<u16, PerRegister>,
    /// Keys of the audit log.
    pub audit: AuditKeys,
    /// Signs manifests of extracts; absent in a file that is older than they are.
    pub extract_signing: Option<Epochs<SigningKey>>,
}

/// The keys of one register.
#[derive(Debug)]
pub struct PerRegister {
    /// Makes the bodies of its IDs; the epoch is the ID's first digit.
    pub ids: Epochs<RegisterIdCipher>,
    /// Permutes its numbers; the epoch is the generation.
    pub numbers: Epochs<NumberKey>,
}

/// The keys of the audit log.
#[derive(Debug)]
pub struct AuditKeys {
    /// Seals bodies of entries.
    pub storage: StorageKeys,
    /// Makes keyed digests.
    pub digest: Epochs<DigestKey>,
    /// Signs checkpoints.
    pub signing: Epochs<SigningKey>,
}

/// The keys of one purpose (and register), of which one is active.  The others are older ones that
/// still open, and a pending one.
#[derive(Debug)]
pub struct Epochs<K> {
    active: Epoch<K>,
    others: Vec<Epoch<K>>,
}

#[derive(Debug)]
struct Epoch<K> {
    number: u32,
    id: KeyId,
    key: K,
}

impl<K> Epochs<K> {
    /// The active key.
    #[must_use]
    pub fn active(&self) -> &K {
        &self.active.key
    }

    /// The epoch of the active key.
    #[must_use]
    pub fn active_epoch(&self) -> u32 {
        self.active.number
    }

    /// The id of the active key.
    #[must_use]
    pub fn active_id(&self) -> KeyId {
        self.active.id
    }

    /// The key of an epoch, if it lives.
    #[must_use]
    pub fn of_epoch(&self, epoch: u32) -> Option<&K> {
        self.each().find(|each| each.number == epoch).map(|each| &each.key)
    }

    /// The key with an id, if it lives and is for this purpose.
    #[must_use]
    pub fn with_id(&self, id: KeyId) -> Option<&K> {
        self.each().find(|each| each.id == id).map(|each| &each.key)
    }

    /// Every key with its epoch, the active one first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &K)> {
        self.each().map(|each| (each.number, &each.key))
    }

    fn each(&self) -> impl Iterator<Item = &Epoch<K>> {
        std::iter::once(&self.active).chain(&self.others)
    }
}

assert_secret!(Keyring, VaultKeys, RegisterKeys, Epochs<IndexKey>);

/// Opens keys of an authenticated document.
struct Reader<'a> {
    document: &'a Document,
    roots: &'a Roots,
}

impl Reader<'_> {
    fn epochs<K>(
        &self,
        purpose: Purpose,
        scope: Option<u16>,
        make: impl Fn(KeyId, SecretBytes<32>) -> K,
    ) -> Result<Epochs<K>, Error> {
        let (mut active, mut others) = (None, Vec::new());
        for entry in self.document.live(purpose, scope) {
            let facts = entry.facts;
            let key = make(facts.id, self.roots.open_key(self.document, entry)?);
            let epoch = Epoch { number: facts.epoch, id: facts.id, key };
            if facts.state == KeyState::Active {
                active = Some(epoch);
            } else {
                others.push(epoch);
            }
        }
        Ok(Epochs { active: active.ok_or(Error::NoActiveKey { purpose })?, others })
    }

    /// As [`Self::epochs`] of a purpose that the file may lack.
    fn optional<K>(
        &self,
        purpose: Purpose,
        make: impl Fn(KeyId, SecretBytes<32>) -> K,
    ) -> Result<Option<Epochs<K>>, Error> {
        if self.document.live(purpose, None).next().is_none() {
            return Ok(None);
        }
        self.epochs(purpose, None, make).map(Some)
    }

    fn storage(&self, purpose: Purpose, scope: Option<u16>) -> Result<StorageKeys, Error> {
        let keys = self.epochs(purpose, scope, |id, secret| StorageKey::new(id, &secret))?;
        let older = keys.others.into_iter().map(|epoch| epoch.key).collect();
        Ok(StorageKeys::new(keys.active.key, older))
    }

    fn numbers(&self, purpose: Purpose, scope: Option<u16>) -> Result<Epochs<NumberKey>, Error> {
        self.epochs(purpose, scope, |_, secret| NumberKey::new(secret))
    }

    /// For each register that has keys of `purpose`: what `make` gives.
    fn per_scope<V>(
        &self,
        purpose: Purpose,
        make: impl Fn(Option<u16>) -> Result<V, Error>,
    ) -> Result<BTreeMap<u16, V>, Error> {
        self.document
            .keys
            .iter()
            .filter(|key| key.facts.purpose == purpose && key.facts.state == KeyState::Active)
            .filter_map(|key| key.facts.scope)
            .map(|scope| Ok((scope, make(Some(scope))?)))
            .collect()
    }
}

impl VaultKeys {
    fn open(reader: &Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            index: reader.epochs(Purpose::Index, None, |_, secret| IndexKey::new(&secret))?,
            tag_storage: reader.storage(Purpose::TagStorage, None)?,
            identity: reader.storage(Purpose::Identity, None)?,
            person_numbers: reader.numbers(Purpose::PersonNumbers, None)?,
            one_way: reader
                .per_scope(Purpose::OnewayOuter, |scope| OneWayKeys::open(reader, scope))?,
            erasure: reader
                .epochs(Purpose::VaultErasure, None, |id, secret| erasure_wrap(id, &secret))?,
        })
    }
}

impl OneWayKeys {
    fn open(reader: &Reader<'_>, scope: Option<u16>) -> Result<Self, Error> {
        let mac = reader.document.active(Purpose::OnewayMac, scope)?;
        let mac = reader.roots.open_key(reader.document, mac)?;
        let tag_key = |_, secret: SecretBytes<32>| OneWayKey::new(&mac, OuterKey::new(&secret));
        Ok(Self {
            tags: reader.epochs(Purpose::OnewayOuter, scope, tag_key)?,
            tag_storage: reader.storage(Purpose::OnewayTagStorage, scope)?,
            numbers: reader.numbers(Purpose::OnewayNumbers, scope)?,
        })
    }
}

impl RegisterKeys {
    fn open(reader: &Reader<'_>) -> Result<Self, Error> {
        let ids = |scope| {
            reader.epochs(Purpose::RegisterId, scope, |_, secret| RegisterIdCipher::new(&secret))
        };
        Ok(Self {
            storage: reader.storage(Purpose::RegisterStorage, None)?,
            registers: reader.per_scope(Purpose::RegisterId, |scope| {
                let numbers = reader.numbers(Purpose::RegisterNumbers, scope)?;
                Ok(PerRegister { ids: ids(scope)?, numbers })
            })?,
            audit: AuditKeys::open(reader)?,
            extract_signing: reader
                .optional(Purpose::ExtractSigning, |_, seed| SigningKey::from_seed(&seed))?,
        })
    }
}

impl AuditKeys {
    fn open(reader: &Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            storage: reader.storage(Purpose::AuditStorage, None)?,
            digest: reader.epochs(Purpose::AuditDigest, None, |_, key| DigestKey::new(&key))?,
            signing: reader
                .epochs(Purpose::AuditSigning, None, |_, seed| SigningKey::from_seed(&seed))?,
        })
    }
}
