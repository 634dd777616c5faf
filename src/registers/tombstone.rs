//! Tombstones: an erased past that is not to come back with the next delivery.
//!
//! ```text
//! FORMAT:  key    Tombstone ‖ register u16 ‖ sequence u64
//!          value  envelope of: version 0x01 ‖ person number (5) ‖ up to u32 ‖ expires u32
//!          days as yyyymmdd, both included
//!
//! delivery reports about   ├──────────┤                     suppressed: all of it is erased
//!                              ├──────────────┤             suppressed: some of it may be
//!                                         ├───────┤         answered
//! tombstone            ─────────────┤ up to
//! ```
//!
//! A delivery says which days it reports about, and nothing of its rows; so one that begins within a
//! tombstone is kept out whole, even if it ends later.  That loses a register some rows about days that
//! were not erased, until its next delivery; the other way would bring back what was erased.  A sender
//! that wants them in sends two deliveries, of which the second begins the day after.
//!
//! A source that delivers cumulatively sends a past period again for some time only.  After that the
//! tombstone has no effect; the day is compared when somebody looks, so that nothing has to run.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::{Error, PlaneKeys};
use crate::store::keys::Key;
use crate::store::{Step, Store};
use crate::vault::{PersonNo, yyyymmdd};

use super::records::record_place;

const VERSION: u8 = 1;
const BYTES: usize = 14;

/// Until when which past of a person is kept out of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The last day of the erased past.
    pub up_to: Date,
    /// The last day on which it has an effect.
    pub expires: Date,
}

impl Tombstone {
    /// Whether a delivery that reports about days from `from` (yyyymmdd) on is kept out.
    #[must_use]
    pub fn keeps_out(&self, from: u32, today: Date) -> bool {
        today <= self.expires && from <= yyyymmdd(self.up_to)
    }

    /// The plaintext of its record.
    pub(super) fn encode(&self, person: PersonNo) -> Zeroizing<[u8; BYTES]> {
        let mut plain = Zeroizing::new([VERSION; BYTES]);
        plain[1..6].copy_from_slice(&person.number().to_be_bytes()[3..]);
        plain[6..10].copy_from_slice(&yyyymmdd(self.up_to).to_be_bytes());
        plain[10..].copy_from_slice(&yyyymmdd(self.expires).to_be_bytes());
        plain
    }

    /// Reads a record back; `None` when it is not one.
    pub(super) fn decode(plain: &[u8]) -> Option<(PersonNo, Self)> {
        let [VERSION, p0, p1, p2, p3, p4, u0, u1, u2, u3, e0, e1, e2, e3] = *plain else {
            return None;
        };
        let person = PersonNo::from_number(u64::from_be_bytes([0, 0, 0, p0, p1, p2, p3, p4]))?;
        let up_to = date(u32::from_be_bytes([u0, u1, u2, u3]))?;
        let expires = date(u32::from_be_bytes([e0, e1, e2, e3]))?;
        Some((person, Self { up_to, expires }))
    }
}

/// The day of a number yyyymmdd.
pub(super) fn date(number: u32) -> Option<Date> {
    let year = i16::try_from(number / 10_000).ok()?;
    let (month, day) = (number / 100 % 100, number % 100);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Reads a register's tombstones, in their order, and says which number is next.
pub(super) fn load(
    store: &dyn Store,
    keys: &PlaneKeys,
    register: u16,
) -> Result<(Vec<(PersonNo, Tombstone)>, u64), Error> {
    let (mut found, mut failure) = (Vec::new(), None);
    store.scan(Key::tombstones(register), &mut |key, value| {
        let is_next = Key::trailing_u64(key)? == found.len() as u64;
        let key = Key::parse(key)?.1;
        let opened = keys.storage().open(&record_place(&key), value).ok();
        match opened.and_then(|plain| Tombstone::decode(&plain)) {
            Some(tombstone) if is_next => found.push(tombstone),
            _ => failure = Some(Error::Damaged { what: "tombstone" }),
        }
        Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
    })?;
    let next = found.len() as u64;
    failure.map_or(Ok((found, next)), Err)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_delivery_that_begins_within_is_kept_out_until_the_tombstone_expires() {
        let tombstone = Tombstone { up_to: date(2026, 5, 15), expires: date(2028, 5, 15) };
        let rows = [
            ("all of it before", 20_260_101, date(2026, 6, 1), true),
            ("begins on the last day", 20_260_515, date(2026, 6, 1), true),
            ("begins the day after", 20_260_516, date(2026, 6, 1), false),
            ("on its last day", 20_260_101, date(2028, 5, 15), true),
            ("expired", 20_260_101, date(2028, 5, 16), false),
        ];
        for (what, from, today, expected) in rows {
            assert_eq!(tombstone.keeps_out(from, today), expected, "{what}");
        }
    }

    #[test]
    fn what_is_no_day_is_no_tombstone() {
        for number in [0, 20_260_230, 20_261_301, u32::MAX] {
            assert_eq!(super::date(number), None);
        }
    }
}
