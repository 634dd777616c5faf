//! Pairs that are loaded: whose each existing ID is, what is new, and what contradicts.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;

use super::{AliasProblem, AliasRow, ExistingId, LoadedAliases, plaintext};
use crate::audit::{Entry, Recorded};
use crate::registers::answer::RowCode;
use crate::registers::{Error, Members, Registers, Write};
use crate::store::keys::Key;
use crate::vault::PersonNo;

/// Pairs that one request is looked at with.
struct Looked {
    /// Register number and existing ID of those that are new.
    new: Vec<(u64, ExistingId)>,
    outcome: LoadedAliases,
}

/// Whom an existing ID stands for.
enum Stands {
    Contradicted,
    ForNobody,
    ForSomebodyElse,
    ForThisPerson,
}

impl Registers {
    /// Loads existing IDs for register IDs with their audit entry, and waits until they are durable;
    /// they are answered when this returns.  What is known already is not stored again.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Crypto`], [`Error::Failed`], [`Error::TooLarge`].
    pub fn load_aliases(
        &self,
        register: u16,
        rows: Vec<AliasRow>,
        mut entry: Entry,
    ) -> Result<Recorded<LoadedAliases>, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        let mut loaded = members.aliases.lock();
        let Looked { new, outcome } = self.look_at_aliases(register, members, rows)?;
        let table = members.aliases.table.read().unwrap_or_else(PoisonError::into_inner);
        table.check_room(new.len())?;
        drop(table);
        let counts = [("loaded", outcome.loaded), ("unchanged", outcome.unchanged)]
            .into_iter()
            .chain(outcome.refused.iter().map(|(_, problem)| (problem.as_str(), 1)));
        for (name, count) in counts.filter(|(_, count)| *count > 0) {
            *entry.counts.entry(name.into()).or_default() += count;
        }
        let mut writes = Vec::new();
        if !new.is_empty() {
            let key = Key::aliases(register, *loaded + 1);
            writes.push(Write::Put(key, self.seal_record(&key, &plaintext(&new))?));
        }
        let recorded = self.record_answered_change_and_wait(entry, writes, outcome)?;
        *loaded += new.len() as u64;
        let mut table = members.aliases.table.write().unwrap_or_else(PoisonError::into_inner);
        new.iter().try_for_each(|(number, text)| table.insert(text.as_str(), *number))?;
        Ok(recorded)
    }

    fn look_at_aliases(
        &self,
        register: u16,
        members: &Members,
        rows: Vec<AliasRow>,
    ) -> Result<Looked, Error> {
        let ids: Vec<u64> = rows.iter().map(|(id, _)| *id).collect();
        let persons = self.identify(register, &ids)?;
        let links = self.hold_links();
        let root_of = |person| links.root_of(members.partition, person);
        let mut outcome = LoadedAliases::default();
        let mut wanted: Vec<(u32, u64, PersonNo, ExistingId)> = Vec::new();
        for (row, ((id, existing), person)) in (0..).zip(rows.into_iter().zip(persons)) {
            match (existing, person) {
                (Err(problem), _) => outcome.refused.push((row, problem)),
                (_, Err(RowCode::Suppressed)) => {
                    outcome.refused.push((row, AliasProblem::Suppressed));
                }
                (_, Err(_)) => outcome.refused.push((row, AliasProblem::UnknownId)),
                (Ok(existing), Ok(person)) => wanted.push((row, id, root_of(person), existing)),
            }
        }
        let mut claims: HashMap<&ExistingId, Option<PersonNo>> = HashMap::new();
        for (_, _, root, existing) in &wanted {
            let claim = claims.entry(existing).or_insert(Some(*root));
            *claim = claim.filter(|one| one == root);
        }
        let mut places = Vec::with_capacity(wanted.len());
        for (_, _, root, existing) in &wanted {
            places.push(match claims.get(existing).copied().flatten() {
                Some(_) => self.stands_for((register, members), existing, *root, &root_of)?,
                None => Stands::Contradicted,
            });
        }
        drop(claims);
        let (mut new, mut seen) = (Vec::new(), HashSet::new());
        for ((row, id, _, existing), stands) in wanted.into_iter().zip(places) {
            match stands {
                Stands::Contradicted => outcome.refused.push((row, AliasProblem::Contradicted)),
                Stands::ForSomebodyElse => outcome.refused.push((row, AliasProblem::Taken)),
                Stands::ForThisPerson => outcome.unchanged += 1,
                Stands::ForNobody if !seen.insert(existing.clone()) => outcome.unchanged += 1,
                Stands::ForNobody => {
                    let number = self.number_of(register, id)?;
                    let number = number.ok_or(Error::Damaged { what: "register ID" })?;
                    new.push((number, existing));
                    outcome.loaded += 1;
                }
            }
        }
        outcome.refused.sort_unstable_by_key(|(row, _)| *row);
        Ok(Looked { new, outcome })
    }

    /// Whom an existing ID stands for, beside the person who is to have it.
    fn stands_for(
        &self,
        (register, members): (u16, &Members),
        existing: &ExistingId,
        root: PersonNo,
        root_of: &impl Fn(PersonNo) -> PersonNo,
    ) -> Result<Stands, Error> {
        let Some(number) = members.aliases.number_of(existing.as_str()) else {
            return Ok(Stands::ForNobody);
        };
        let ids = self.keys.derive_ids(register, vec![number])?;
        let found = self.identify(register, &ids)?.into_iter().next();
        Ok(match found {
            Some(Ok(person)) if root_of(person) == root => Stands::ForThisPerson,
            Some(Ok(_) | Err(RowCode::Suppressed)) => Stands::ForSomebodyElse,
            // Replaced under protection: loading it anew would show the link.
            _ if self.is_former(members, ids[0]) => Stands::ForSomebodyElse,
            // The past that it stood in has ended.
            _ => Stands::ForNobody,
        })
    }

    fn is_former(&self, members: &Members, id: u64) -> bool {
        members.former.read().unwrap_or_else(PoisonError::into_inner).person(id).is_some()
    }
}
