//! Whom a batch is about, as far as the budgets reach.
//!
//! ```text
//! look all identifiers up ─► fresh rows: not told about before, or nobody known
//!    look-up     by the register's column: a person, or a miss          ─► admit
//!    ingest      known: a person, joining or not; unknown: new          ─► admit ─► assign ─► settle
//!    on consent  with consent: a person, joining or not; without: one of the assignments ─► admit
//! ```
//!
//! Why before anything else: a row that is refused must leave no trace. It gets no person, and its
//! refusal is decided without looking at who it is about.

use std::sync::Arc;

use zeroize::Zeroize;

use super::batch::ROWS_AT_ONCE;
use super::{Delivery, IngestMode, Open, register_error};
use crate::policy::alarms::Observed;
use crate::registers::budget::{About, Account, Admission, Asking, FreshRow, Repeats, Spending};
use crate::registers::{HeldRights, RowCode, RowNote, Standing};
use crate::service::Error;
use crate::service::alarms::{sample, unseen_count};
use crate::vault::{Found, PersonNo, Rows, Unknown};

/// The persons of a batch, and what is decided about its rows already.
#[derive(Default)]
pub(super) struct Admitted {
    /// One a row, where there is one.
    pub(super) persons: Vec<Option<PersonNo>>,
    /// Rows that are answered by a code and not by the column, ascending.
    pub(super) decided: Vec<RowNote>,
    /// What the answer spends.
    pub(super) spending: Option<Spending>,
    /// What the batch looks like.
    pub(super) observed: Observed,
}

impl IngestMode {
    /// What it means for the budgets.
    pub(super) const fn asking(self) -> Asking {
        match self {
            Self::ResolveOnly => Asking::LookUp,
            Self::ResolveOrAssign => Asking::Assign,
        }
    }
}

impl Delivery {
    /// Finds, and with an ingest assigns, the persons of a batch, within the budgets.
    pub(super) fn admit(&self, open: &Arc<Open>, found: &mut Found<'_>) -> Result<Admitted, Error> {
        let persons = found.finish(Unknown::Leave);
        let persons = persons.map_err(|error| self.vault_error(open, error))?;
        let rows = &found.rows;
        let account = open.registers.account(&self.principal, self.register);
        let mut fresh = account.fresh_rows(&persons);
        fresh.retain(|row| rows[*row as usize].is_ok());
        let observed = Observed { rows: persons.len() as u64, ..sample(rows, &fresh) };
        let admitted = match self.mode {
            _ if fresh.is_empty() => Ok(Admitted { persons, ..Admitted::default() }),
            IngestMode::ResolveOnly => self.admit_look_up(open, &account, persons, &fresh),
            IngestMode::ResolveOrAssign if self.consent_required => {
                self.admit_consented(open, &account, persons, &fresh)
            }
            IngestMode::ResolveOrAssign => self.admit_ingest(open, &account, rows, persons),
        };
        let mut admitted = admitted?;
        let unseen = admitted.observed.unseen;
        admitted.observed = Observed { unseen, ..observed };
        Ok(admitted)
    }

    /// Finds, or assigns, the persons of rows that are parsed already.
    fn persons(
        &self,
        open: &Arc<Open>,
        rows: &Rows,
        unknown: Unknown<'_>,
    ) -> Result<Vec<Option<PersonNo>>, Error> {
        let mut left = rows.chunks(ROWS_AT_ONCE);
        let parse = |parsed: &mut Rows| {
            parsed.extend_from_slice(left.next().unwrap_or_default());
        };
        let found = open.vault.find(self.partition, rows.len(), parse);
        let persons = found.and_then(|mut found| found.finish(unknown));
        persons.map_err(|error| self.vault_error(open, error))
    }

    /// A look-up: whoever is in the register is a person, everybody else a miss.
    fn admit_look_up(
        &self,
        open: &Arc<Open>,
        account: &Arc<Account>,
        persons: Vec<Option<PersonNo>>,
        fresh: &[u32],
    ) -> Result<Admitted, Error> {
        let about = |standing: Option<(PersonNo, Standing)>| match standing {
            Some((_, Standing::NotMember)) | None => About::Nobody,
            Some((person, _)) => About::Person(person),
        };
        let fresh = self.about(open, &persons, fresh, about)?;
        let admission = self.admit_known(Asking::LookUp, account, &fresh);
        // Who joins meanwhile was counted as a miss, and is answered as one.
        Ok(admitted(account, persons, &fresh, admission, RowCode::Unknown))
    }

    /// Admits rows none of which gets a new person.
    fn admit_known(&self, asking: Asking, account: &Arc<Account>, fresh: &[FreshRow]) -> Admission {
        loop {
            let terms = self.terms();
            if let Some(admission) = account.admit(asking, &terms, fresh, Repeats::Told) {
                break admission;
            }
        }
    }

    /// An ingest into a register on consent: nobody gets a person here.  A number without consent costs
    /// what a new one would, so that nobody sorts numbers by who has consented.
    fn admit_consented(
        &self,
        open: &Arc<Open>,
        account: &Arc<Account>,
        persons: Vec<Option<PersonNo>>,
        fresh: &[u32],
    ) -> Result<Admitted, Error> {
        let rights = open.registers.hold_rights(self.register).map_err(register_error)?;
        let about = |standing: Option<(PersonNo, Standing)>| match standing {
            Some((person, standing)) if rights.consents(person) => match standing {
                Standing::NotMember => About::Joining(person),
                _ => About::Person(person),
            },
            _ => About::Nobody,
        };
        let fresh = self.about_held((open, &rights), &persons, fresh, about)?;
        drop(rights);
        let admission = self.admit_known(Asking::Assign, account, &fresh);
        // Who consents meanwhile was counted as somebody without, and is answered so.
        Ok(admitted(account, persons, &fresh, admission, RowCode::Suppressed))
    }

    /// An ingest: what is unknown and admitted gets a person.
    fn admit_ingest(
        &self,
        open: &Arc<Open>,
        account: &Arc<Account>,
        rows: &Rows,
        mut persons: Vec<Option<PersonNo>>,
    ) -> Result<Admitted, Error> {
        let about = |standing: Option<(PersonNo, Standing)>| match standing {
            Some((person, Standing::NotMember)) => About::Joining(person),
            Some((person, _)) => About::Person(person),
            None => About::New,
        };
        let mut repeats = Repeats::Untold;
        let (fresh, admission) = loop {
            let mut rows_fresh = account.fresh_rows(&persons);
            rows_fresh.retain(|row| rows[*row as usize].is_ok());
            let mut fresh = self.about(open, &persons, &rows_fresh, about)?;
            if repeats == Repeats::Told {
                tell_repeats(&mut fresh, rows);
            }
            match account.admit(Asking::Assign, &self.terms(), &fresh, repeats) {
                Some(admission) => break (fresh, admission),
                None => repeats = Repeats::Told,
            }
            persons = self.persons(open, rows, Unknown::Leave)?;
        };
        let Admission { refused, mut told, hold } = admission;
        let is_new = |fresh: &&FreshRow| {
            matches!(fresh.about, About::New | About::Repeat(_))
                && refused.binary_search(&fresh.row).is_err()
        };
        let new: Vec<usize> = fresh.iter().filter(is_new).map(|one| one.row as usize).collect();
        if !new.is_empty() {
            let identifiers: Rows = new.iter().map(|row| rows[*row].clone()).collect();
            let assigned = self.persons(open, &identifiers, Unknown::Assign(&self.origin))?;
            new.iter().zip(&assigned).for_each(|(row, person)| persons[*row] = *person);
            let assigned: Vec<PersonNo> = assigned.into_iter().flatten().collect();
            hold.settle(&assigned);
            told.extend(assigned);
        }
        let code = RowCode::BudgetSpent;
        let decided = refused.into_iter().map(|row| RowNote { row, code }).collect();
        let spending = Some(Spending { account: Arc::clone(account), told });
        let observed = Observed { unseen: unseen_count(&fresh), ..Observed::default() };
        Ok(Admitted { persons, decided, spending, observed })
    }

    /// Whom fresh rows are about, by the register's column.
    fn about(
        &self,
        open: &Arc<Open>,
        persons: &[Option<PersonNo>],
        fresh: &[u32],
        about: impl Fn(Option<(PersonNo, Standing)>) -> About,
    ) -> Result<Vec<FreshRow>, Error> {
        self.about_held((open, &self.hold(open)?), persons, fresh, about)
    }

    /// As [`Self::about`], for who holds the rights.
    fn about_held(
        &self,
        (open, rights): (&Open, &HeldRights<'_>),
        persons: &[Option<PersonNo>],
        fresh: &[u32],
        about: impl Fn(Option<(PersonNo, Standing)>) -> About,
    ) -> Result<Vec<FreshRow>, Error> {
        let reported = self.reported();
        let graph = rights.links().of(self.partition).filter(|graph| graph.any());
        let held = open.registers.hold(self.register).map_err(register_error)?;
        let cells = held.cells();
        let standing = |row: u32| {
            let person = persons[row as usize];
            person.map(|person| {
                // A look-up finds a person whom the register has under another identifier.
                let by = match (graph, self.mode) {
                    (Some(graph), IngestMode::ResolveOnly) => graph.root_of(person),
                    _ => person,
                };
                (person, reported.standing(rights, by, cells.standing(by)))
            })
        };
        let fresh = fresh.iter().map(|row| FreshRow { row: *row, about: about(standing(*row)) });
        Ok(fresh.collect())
    }
}

/// Rows none of which gets a new person: those about nobody are answered by a code.
fn admitted(
    account: &Arc<Account>,
    persons: Vec<Option<PersonNo>>,
    fresh: &[FreshRow],
    admission: Admission,
    nobody: RowCode,
) -> Admitted {
    let Admission { refused, told, .. } = admission;
    let mut refused = refused.into_iter().peekable();
    let decided = fresh.iter().filter_map(|FreshRow { row, about }| {
        let code = match about {
            _ if refused.next_if_eq(row).is_some() => RowCode::BudgetSpent,
            About::Nobody => nobody,
            _ => return None,
        };
        Some(RowNote { row: *row, code })
    });
    let decided = decided.collect();
    let observed = Observed { unseen: unseen_count(fresh), ..Observed::default() };
    let spending = Some(Spending { account: Arc::clone(account), told });
    Admitted { persons, decided, spending, observed }
}

/// Marks new identifiers that stand in an earlier row.
fn tell_repeats(fresh: &mut [FreshRow], rows: &Rows) {
    let mut identifiers: Vec<([u8; 32], usize)> = Vec::new();
    for (place, one) in fresh.iter().enumerate() {
        if let (About::New, Ok(identifier)) = (one.about, &rows[one.row as usize]) {
            let mut encoded = [0; 32];
            // EXPOSE: compared with those of the same batch, and wiped below.
            identifier.tag_input(&mut encoded);
            identifiers.push((encoded, place));
            encoded.zeroize();
        }
    }
    identifiers.sort_unstable();
    for same in identifiers.chunk_by(|one, other| one.0 == other.0) {
        let [(_, first), later @ ..] = same else { continue };
        for (_, place) in later {
            fresh[*place].about = About::Repeat(fresh[*first].row);
        }
    }
    identifiers.iter_mut().for_each(|(encoded, _)| encoded.zeroize());
}
