//! Verifying both stores, on the server's host, with the server sealed or stopped.
//!
//! ```text
//! vault:      every group, tag and identity          ─┐
//! registers:  every record, the log, log and state   ─┼─► what is wrong, and where
//! between:    the marks, in both stores and key file ─┘
//! nothing wrong ─► opened as a server opens them, which decodes everything; nothing is written
//! ```
//!
//! It does *not* show that the stores are the newest: that takes a witness (`hvelv audit witness`).

use super::{Installation, KeysGiven, SetupError};
use crate::keyring::{Keyring, NumberSpace};
use crate::registers::PlaneCheck;
use crate::service::Parts;
use crate::service::open::{
    Open, OpenKeys, open_store, partitions, register_specs, space, verifiers,
};
use crate::store::finding::{Finding, Findings};
use crate::store::keys::Key;
use crate::store::records::{Plane, load_mark};
use crate::store::{self, Store};
use crate::vault;

/// What was verified.
#[derive(Debug, Default)]
pub struct Verified {
    /// Person numbers that were given, in all partitions.
    pub persons: u64,
    /// Members, by register code.
    pub members: Vec<(String, u64)>,
    /// Records of the register plane.
    pub records: u64,
    /// Entries of the audit log.
    pub entries: u64,
    /// How many things are wrong.
    pub findings_total: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

impl Installation {
    /// Checks every record of both stores.
    ///
    /// # Errors
    ///
    /// The key file's; that a store is in use, when the server is open, or cannot be read.
    pub fn verify(&self, given: KeysGiven) -> Result<Verified, SetupError> {
        let keys = OpenKeys::unseal(given.unsealing).map_err(SetupError::Open)?;
        let parts = self.parts()?;
        let mut findings = Findings::default();
        let mut verified = check(&parts, &keys, &mut findings)?;
        if findings.total() == 0 {
            // The stores are closed again when this is dropped.
            if let Err(error) = Open::with_keys(&parts, keys) {
                let causes = error.causes();
                findings.add("both stores", format!("they do not open: {error}: {causes}"));
            }
        }
        verified.findings_total = findings.total();
        verified.findings = findings.kept().to_vec();
        Ok(verified)
    }
}

/// Checks every record of stores that are open.
///
/// # Errors
///
/// A store does not open, or cannot be read.
pub(in crate::service) fn check(
    parts: &Parts,
    keys: &OpenKeys,
    findings: &mut Findings,
) -> Result<Verified, SetupError> {
    let keyring = &keys.keyring;
    let open = |plane| open_store(parts, keys, plane).map_err(SetupError::Open);
    let (vault, registers) = (open(Plane::Vault)?, open(Plane::Registers)?);
    let spaces = partitions(parts);
    let checked = vault::check(vault.as_ref(), keyring, &spaces, findings)?;
    for (partition, checked) in &checked {
        let marks = [
            ("the key file", keyring.marks().get(space(*partition))),
            ("the register plane", mark(registers.as_ref(), &Key::vault_lease(*partition))?),
        ];
        for (who, leased) in marks {
            if checked.leased < leased {
                findings.add(format!("partition {partition}"), format!("it is behind {who}"));
            }
        }
        if checked.used < mark(registers.as_ref(), &Key::vault_used(*partition))? {
            let what = "it is behind the members of the register plane";
            findings.add(format!("partition {partition}"), what);
        }
    }
    let specs = register_specs(parts, keyring);
    registers_are_not_behind(registers.as_ref(), (keyring, &specs), findings)?;
    let plane = PlaneCheck {
        store: &registers,
        keyring,
        registers: &specs,
        verifiers: &verifiers(parts, keyring).map_err(SetupError::Open)?,
        knows: &|partition, person| {
            checked.get(&partition).is_some_and(|checked| checked.has(person))
        },
    };
    let plane = plane.run(findings)?;
    let members = specs.iter().map(|spec| {
        let members = plane.members.get(&spec.number).copied().unwrap_or_default();
        (spec.code.to_string(), members)
    });
    Ok(Verified {
        persons: checked.values().map(|checked| checked.persons).sum(),
        members: members.collect(),
        records: plane.records,
        entries: plane.entries,
        ..Verified::default()
    })
}

fn registers_are_not_behind(
    store: &dyn Store,
    (keyring, specs): (&Keyring, &[crate::registers::RegisterSpec]),
    findings: &mut Findings,
) -> Result<(), SetupError> {
    for spec in specs {
        let leased = mark(store, &Key::high_water(spec.number))?;
        if leased < keyring.marks().get(NumberSpace::Register(spec.number)) {
            findings.add(format!("register {}", spec.code), "it is behind the key file");
        }
    }
    Ok(())
}

/// A mark; one that is damaged is found with its record.
fn mark(store: &dyn Store, key: &Key) -> Result<u64, SetupError> {
    match load_mark(store, key) {
        Err(store::Error::Damaged { .. }) => Ok(u64::MAX),
        mark => Ok(mark?),
    }
}
