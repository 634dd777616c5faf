//! Which serials a batch gets: by register IDs, or by IDs that the register had before.

use std::sync::Arc;

use super::super::book::{InUse, ready};
use super::super::issued::{MappedSerials, Spelling};
use super::Issuing;
use crate::keyring::DisclosureKeys;
use crate::registers::{Answered, HeldRights, RowCode, RowNote};
use crate::service::ingest::register_error;
use crate::service::open::Open;
use crate::service::{Error, ErrorCode, Limit, Violation};

impl Issuing {
    /// Finds the serials of a batch of register IDs. Processor work; call it off the async threads.
    ///
    /// # Errors
    ///
    /// `batch_too_large`, `request_invalid` for a register that is not the disclosure's,
    /// `step_out_of_order` for a one-way register outside a window, or when the bridge's IDs are
    /// gone; `disclosure_closed`, `server_sealed`.
    pub fn map(&self, register: &str, ids: &[u64]) -> Result<MappedSerials, Error> {
        let (open, at) = self.registers_place(register, ids.len())?;
        self.map_now(&open, at, (Spelling::Own, ids))
    }

    /// As [`Self::map`], of IDs that the register had before.
    ///
    /// # Errors
    ///
    /// Those of [`Self::map`].
    pub fn map_existing(&self, register: &str, ids: &[&str]) -> Result<MappedSerials, Error> {
        let (open, at) = self.registers_place(register, ids.len())?;
        let number = self.registers[at].number;
        let ids = open.registers.ids_of_existing(number, ids).map_err(register_error)?;
        self.map_now(&open, at, (Spelling::Existing, &ids))
    }

    /// The place of a register among the disclosure's, for a batch of so many rows.
    fn registers_place(&self, register: &str, rows: usize) -> Result<(Arc<Open>, usize), Error> {
        let open = self.open_now()?;
        let max = self.batch_max();
        if rows > max {
            let limit = Limit { option: "limits.batch_identifiers_max", max: max as u64 };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        let at = self.registers.iter().position(|one| one.code == register);
        let at = at.ok_or_else(|| {
            let text = "is not a register of this disclosure".into();
            Error::invalid(vec![Violation { field: "batch.register".into(), text }])
        })?;
        Ok((open, at))
    }

    fn map_now(
        &self,
        open: &Open,
        at: usize,
        ids: (Spelling, &[u64]),
    ) -> Result<MappedSerials, Error> {
        let in_use = ready(&self.in_use)?;
        let keys = in_use.keys()?;
        let rights =
            open.registers.hold_rights(self.registers[at].number).map_err(register_error)?;
        self.map_held((open, &rights), (&in_use, &keys), at, ids)
    }

    /// Finds the serials of a batch while the rights, and the links with them, are held.
    pub(super) fn map_held(
        &self,
        (open, rights): (&Open, &HeldRights<'_>),
        (in_use, keys): (&InUse, &DisclosureKeys),
        at: usize,
        (spelling, ids): (Spelling, &[u64]),
    ) -> Result<MappedSerials, Error> {
        let register = &self.registers[at];
        let rows = open.registers.identify(register.number, ids).map_err(register_error)?;
        let mut answered = Answered { ids: vec![0; ids.len()], ..Answered::default() };
        let mut identified = Vec::with_capacity(ids.len());
        for (row, found) in (0..).zip(rows) {
            match found {
                Ok(person) => identified.push((row, person)),
                Err(code) => {
                    let is_none = spelling == Spelling::Existing && ids[row as usize] == 0;
                    let code = if is_none { RowCode::Unknown } else { code };
                    answered.notes.push(RowNote { row, code });
                }
            }
        }
        let mut screened = register.screen(rights, identified);
        answered.suppress(&screened.left_out);
        let rows = (&mut answered, &mut screened.rows);
        let (named, pins) = self.name((open, rights), (in_use, keys), register, rows)?;
        let digest = self.digest(keys, register, &answered);
        let (place, ids) = (at, ids.to_vec());
        Ok(MappedSerials { answered, screened, pins, place, ids, spelling, named, digest })
    }
}
