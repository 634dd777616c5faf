//! IDs that others have replaced: whose they were, and who may know it.

use std::collections::HashMap;

use jiff::Timestamp;

use super::ReissueReason;
use crate::registers::Reach;
use crate::vault::PersonNo;

/// Whose IDs were, that others have replaced.
#[derive(Default)]
pub(in crate::registers) struct FormerIds {
    ids: HashMap<u64, Former>,
    // In the order in which they were replaced.
    by_person: HashMap<PersonNo, Vec<u64>>,
    /// When a person's IDs were last replaced under protection.
    protected: HashMap<PersonNo, Timestamp>,
    /// Records so far.
    pub(super) count: u64,
}

#[derive(Clone, Copy)]
struct Former {
    person: PersonNo,
    is_hidden: bool,
}

impl FormerIds {
    /// An ID has been replaced.
    pub(in crate::registers) fn replace(&mut self, person: PersonNo, id: u64) {
        self.ids.insert(id, Former { person, is_hidden: false });
        self.by_person.entry(person).or_default().push(id);
    }

    /// The past of a person has ended.
    pub(in crate::registers) fn end(&mut self, person: PersonNo) {
        for id in self.by_person.remove(&person).unwrap_or_default() {
            self.ids.remove(&id);
        }
    }

    /// Takes in what the record of a replaced ID says.
    pub(super) fn note(
        &mut self,
        person: PersonNo,
        id: u64,
        (reason, at): (ReissueReason, Timestamp),
    ) {
        self.count += 1;
        if reason == ReissueReason::Protected {
            self.protected.insert(person, at);
            let before = self.by_person.get(&person).map(Vec::as_slice).unwrap_or_default();
            let end = before.iter().position(|one| *one == id).map_or(0, |place| place + 1);
            for id in &before[..end] {
                self.ids.entry(*id).and_modify(|former| former.is_hidden = true);
            }
        }
    }

    /// Whose a former ID is, for who may know that.
    pub(in crate::registers) fn person(&self, id: u64) -> Option<PersonNo> {
        Some(self.ids.get(&id)?.person)
    }

    /// Whether a register may be told still what it was told of a person at a time.
    pub(in crate::registers) fn may_tell(&self, person: PersonNo, at: Timestamp) -> bool {
        self.protected.get(&person).is_none_or(|protected| at > *protected)
    }

    /// Whose a former ID is, unless it is hidden.
    pub(in crate::registers) fn shown_person(&self, id: u64) -> Option<PersonNo> {
        self.ids.get(&id).filter(|former| !former.is_hidden).map(|former| former.person)
    }

    /// The former IDs of a person, hidden ones too or not.
    pub(super) fn of(&self, person: PersonNo, reach: Reach) -> Vec<u64> {
        let all = self.by_person.get(&person).into_iter().flatten().copied();
        all.filter(|id| reach == Reach::All || self.shown_person(*id).is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u64) -> PersonNo {
        PersonNo::from_number(number).unwrap()
    }

    #[test]
    fn a_protected_reissue_hides_all_that_was_before_it_and_nothing_after() {
        let at = |second: u64| Timestamp::from_second(second as i64).unwrap();
        let mut former = FormerIds::default();
        [11, 12, 13].iter().for_each(|id| former.replace(person(1), *id));
        former.replace(person(2), 21);
        for (id, reason) in [
            (11, ReissueReason::Leaked),
            (12, ReissueReason::Protected),
            (13, ReissueReason::Leaked),
        ] {
            former.note(person(1), id, (reason, at(id)));
        }
        assert_eq!([11, 12, 13].map(|id| former.shown_person(id).is_some()), [false, false, true]);
        assert_eq!([11, 12, 13].map(|id| former.person(id)), [Some(person(1)); 3]);
        assert_eq!(former.of(person(1), Reach::Shown), [13]);
        assert_eq!(former.of(person(1), Reach::All), [11, 12, 13]);
        assert_eq!(
            [11, 12, 13].map(|second| former.may_tell(person(1), at(second))),
            [false, false, true]
        );
        assert!(former.may_tell(person(2), at(0)));
        former.end(person(1));
        assert_eq!([11, 13, 21].map(|id| former.person(id).is_some()), [false, false, true]);
    }
}
