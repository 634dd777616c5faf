//! The keys of the register plane, as this module uses them.

use std::sync::Arc;

use super::Error;
use crate::crypto::{DigestKey, SigningKey, StorageKeys};
use crate::ident::{KeyEpochDigit, RegisterId};
use crate::keyring::{Keyring, PerRegister};

/// The keys of the register plane.
pub struct PlaneKeys(Arc<Keyring>);

impl PlaneKeys {
    /// From the open keyring.
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self(keyring)
    }

    pub(super) fn keyring(&self) -> &Arc<Keyring> {
        &self.0
    }

    /// What seals records.
    pub(super) fn storage(&self) -> &StorageKeys {
        &self.0.registers().storage
    }

    /// What makes keyed digests of answers.
    pub fn digest(&self) -> &DigestKey {
        self.0.registers().audit.digest.active()
    }

    /// What signs checkpoints.
    pub fn signing(&self) -> Vec<&SigningKey> {
        self.0.registers().audit.signing.iter().map(|(_, key)| key).collect()
    }

    fn of(&self, register: u16) -> Result<&PerRegister, Error> {
        self.0.registers().registers.get(&register).ok_or(Error::NoRegister)
    }

    /// The register numbers at positions.
    pub(super) fn numbers_at(
        &self,
        register: u16,
        mut positions: Vec<u64>,
    ) -> Result<Vec<u64>, Error> {
        self.of(register)?.numbers.active().permute(&mut positions)?;
        Ok(positions)
    }

    /// `RegisterId = epoch ‖ FF1[K_register,epoch](register number) ‖ Damm`, in place of each number.
    pub(super) fn derive_ids(
        &self,
        register: u16,
        mut numbers: Vec<u64>,
    ) -> Result<Vec<u64>, Error> {
        let keys = &self.of(register)?.ids;
        let damaged = || Error::Damaged { what: "register number" };
        let epoch = u8::try_from(keys.active_epoch()).ok().and_then(KeyEpochDigit::new);
        let epoch = epoch.ok_or(Error::Damaged { what: "epoch of a register key" })?;
        keys.active().encrypt_many(&mut numbers).map_err(|_| damaged())?;
        for body in &mut numbers {
            *body = RegisterId::from_parts(epoch, *body).ok_or_else(damaged)?.as_u64();
        }
        Ok(numbers)
    }

    /// The register numbers of the bodies of a register's IDs, in place; says whether there is a key
    /// of that epoch.
    pub(super) fn decrypt_ids(
        &self,
        register: u16,
        epoch: u8,
        bodies: &mut [u64],
    ) -> Result<bool, Error> {
        let Some(key) = self.of(register)?.ids.of_epoch(u32::from(epoch)) else {
            return Ok(false);
        };
        // The body of a register ID has 13 digits, which is what the cipher takes.
        key.decrypt_many(bodies).map_err(|_| Error::Damaged { what: "register ID" })?;
        Ok(true)
    }
}
