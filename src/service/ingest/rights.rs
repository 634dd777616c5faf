//! Rights and links in a delivery: read once for a batch, and again when it is handed to the recorder.
//!
//! ```text
//! map     rights held ─► column ─► links, consents, tombstones decide ─► how many changes there were
//! submit  rights held ─► other changes since?  look again at whose they were ─► recorder
//! ```

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{Delivery, IngestMode, Mapped, Open, digest_of, register_error};
use crate::memory::stack::wiped;
use crate::registers::{Ended, Gives, HeldRights, JoiningRow, Standing};
use crate::service::Error;
use crate::vault::PersonNo;

/// The rights of a delivery's register, for the rows of a batch.
pub(super) struct BatchRights<'a> {
    held: &'a HeldRights<'a>,
    reported: Reported,
    rows: Vec<(u32, PersonNo)>,
}

/// Which days a delivery reports about, when it is looked at, and whether by consent.
#[derive(Clone, Copy)]
pub(super) struct Reported {
    /// The first day, as yyyymmdd; a look-up may say none.
    from: Option<u32>,
    today: Date,
    consent_required: bool,
}

/// The rows of a batch that rest on consents, and by how many changes the batch was decided.
pub(super) struct Decided {
    rows: Vec<(u32, PersonNo)>,
    change_count: u64,
    ended_count: usize,
}

impl Reported {
    /// What a row is about a person, tombstones and consents looked at.  A look-up that reports about no
    /// days is told the ID that there is.  It is never `Tombstoned`.
    #[inline]
    pub(super) fn standing(
        self,
        rights: &HeldRights<'_>,
        person: PersonNo,
        standing: Standing,
    ) -> Standing {
        match standing {
            Standing::Member(_) | Standing::Suppressed => standing,
            Standing::NotMember => self.not_member(rights, person),
            Standing::Tombstoned(id) => self.tombstoned(rights, person, id),
        }
    }

    /// Whose consent was withdrawn is no member any more, and that is told to nobody.
    fn not_member(self, rights: &HeldRights<'_>, person: PersonNo) -> Standing {
        let has_withdrawn = || rights.of(person).is_some_and(|rights| rights.consent.is_none());
        if self.consent_required && has_withdrawn() {
            Standing::Suppressed
        } else {
            Standing::NotMember
        }
    }

    fn tombstoned(self, rights: &HeldRights<'_>, person: PersonNo, id: u64) -> Standing {
        let keeps_out = |from| rights.keeps_out(person, from, self.today);
        match (self.from, id) {
            (Some(from), _) if keeps_out(from) => Standing::Suppressed,
            // Who asks about no days is not told that there is a past.
            (None, 0) if keeps_out(0) => Standing::Suppressed,
            (_, 0) => self.not_member(rights, person),
            (_, id) => Standing::Member(id),
        }
    }
}

impl<'a> BatchRights<'a> {
    pub(super) fn of(delivery: &Delivery, held: &'a HeldRights<'a>) -> Self {
        Self { held, reported: delivery.reported(), rows: Vec::new() }
    }

    /// Whether who is a member may not be answered for all that.
    pub(super) const fn look_at_each(&self) -> bool {
        self.reported.consent_required
    }

    /// Whether a row about a person may be answered.
    #[inline]
    pub(super) fn allow(&mut self, row: u32, person: PersonNo) -> bool {
        if !self.reported.consent_required {
            return true;
        }
        let consents = self.held.consents(person);
        self.rows.extend(consents.then_some((row, person)));
        consents
    }

    /// What a row is about a person, tombstones and consents looked at.
    pub(super) fn standing(&self, person: PersonNo, standing: Standing) -> Standing {
        self.reported.standing(self.held, person, standing)
    }

    /// What was decided, and by what.
    pub(super) fn decided(self) -> Decided {
        Decided {
            rows: self.rows,
            change_count: self.held.change_count(),
            ended_count: self.held.ended_count(),
        }
    }
}

impl Delivery {
    /// Holds what the answers rest on.  Call it before the register's column is held.
    pub(super) fn hold<'a>(&self, open: &'a Open) -> Result<HeldRights<'a>, Error> {
        open.registers.hold_rights(self.register).map_err(register_error)
    }

    pub(super) fn reported(&self) -> Reported {
        let from = (self.period.0 != 0).then_some(self.period.0);
        let consent_required = self.consent_required;
        Reported { from, today: self.service.parts.clock.today(), consent_required }
    }

    /// Takes out whose consent or whose ID has ended since the batch was mapped, and answers anew whose
    /// link has.  As long as what this gives lives, none of them begins or ends.
    pub(super) fn look_again<'a>(
        &self,
        open: &'a Open,
        mapped: &mut Mapped,
    ) -> Result<HeldRights<'a>, Error> {
        let rights = self.hold(open)?;
        if rights.change_count() == mapped.decided.change_count {
            return Ok(rights);
        }
        // Seldom, and on an async thread.
        wiped(|| self.look_at_changes(open, rights, mapped))
    }

    fn look_at_changes<'a>(
        &self,
        open: &'a Open,
        rights: HeldRights<'a>,
        mapped: &mut Mapped,
    ) -> Result<HeldRights<'a>, Error> {
        let ended = rights.ended_since(mapped.decided.ended_count);
        let left_out = self.join_again(open, &rights, ended, mapped)?;
        let consents = mapped.decided.rows.iter();
        let is_over =
            |(_, person): &(u32, PersonNo)| self.consent_required && !rights.consents(*person);
        let (mut rows, mut persons): (Vec<u32>, BTreeSet<PersonNo>) =
            consents.copied().filter(is_over).unzip();
        persons.extend(left_out);
        for (row, person) in self.kept_out(open, &rights, mapped)? {
            rows.push(row);
            persons.insert(person);
        }
        for one in ended {
            self.look_at_ended(open, (&rights, *one), mapped, (&mut rows, &mut persons))?;
        }
        rows.sort_unstable();
        rows.dedup();
        mapped.joining.retain(|joining| rows.binary_search(&joining.row).is_err());
        mapped.joining.sort_by_key(|joining| joining.row);
        mapped.joined.forget(&rows);
        mapped.answered.suppress(&rows);
        if self.mode == IngestMode::ResolveOrAssign {
            // A look-up keeps them: that it asked about them is recorded.
            mapped.persons.retain(|person| !persons.contains(person));
        }
        mapped.digest = digest_of(open, &mapped.answered);
        Ok(rights)
    }

    /// What becomes of the rows about a person whose past has ended: they are suppressed, or join anew;
    /// or whose ID was issued anew: they get the new one.  Rows that have the ID of another leaf were
    /// answered anew before.
    fn look_at_ended(
        &self,
        open: &Open,
        (rights, ended): (&HeldRights<'_>, Ended),
        mapped: &mut Mapped,
        (rows, persons): (&mut Vec<u32>, &mut BTreeSet<PersonNo>),
    ) -> Result<(), Error> {
        let person = ended.person;
        let held = open.registers.hold(self.register).map_err(register_error)?;
        let standing = self.reported().standing(rights, person, held.cells().standing(person));
        if standing == Standing::Member(ended.id) {
            return Ok(());
        }
        let is_own = |row: &u32| !mapped.joined.has(*row);
        let joining = mapped.joining.iter().filter(|one| one.person == person).map(|one| one.row);
        let joining: Vec<u32> = joining.filter(is_own).collect();
        let had_id = |(id, _): &(&u64, u32)| **id != 0 && **id == ended.id;
        let answered = mapped.answered.ids.iter().zip(0..).filter(had_id).map(|(_, row)| row);
        let answered: Vec<u32> = answered.filter(is_own).collect();
        match standing {
            // Another row has brought the person back since, or the ID was issued anew.
            Standing::Member(now) => {
                answered.into_iter().for_each(|row| mapped.answered.ids[row as usize] = now);
            }
            Standing::NotMember if self.mode == IngestMode::ResolveOrAssign => {
                for row in answered {
                    mapped.answered.ids[row as usize] = 0;
                    mapped.joining.push(JoiningRow { row, person, gives: Gives::Id });
                }
            }
            _ => {
                rows.extend(joining.into_iter().chain(answered));
                persons.insert(person);
            }
        }
        Ok(())
    }

    /// Rows of who was to join and is kept out by now, by a tombstone that a link has brought.
    fn kept_out(
        &self,
        open: &Open,
        rights: &HeldRights<'_>,
        mapped: &Mapped,
    ) -> Result<Vec<(u32, PersonNo)>, Error> {
        let held = open.registers.hold(self.register).map_err(register_error)?;
        let (cells, reported) = (held.cells(), self.reported());
        let is_out = |one: &&JoiningRow| {
            let standing = cells.standing(one.person);
            reported.standing(rights, one.person, standing) == Standing::Suppressed
        };
        Ok(mapped.joining.iter().filter(is_out).map(|one| (one.row, one.person)).collect())
    }
}
