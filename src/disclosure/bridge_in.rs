//! A bridge in: another party's IDs of persons, taken once to stand in the place of serials.
//!
//! Why it exists: the IDs themselves die with the disclosure's completion, and at the latest with its
//! key.  What stays is from whom they came, of how many persons they are, and the day by which they
//! must be gone; that can be asked for afterwards.
//!
//! FORMAT: `docs/FORMATS.md`, "Bridge in record".

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::bridge::Done;
use super::decision::LinkingParty;
use super::history::Act;
use super::id::DisclosureId;
use super::record::RecordError;

/// The only version yet.
const VERSION: u32 = 1;

/// A bridge in that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedBridge {
    /// Into which disclosure.
    pub disclosure: DisclosureId,
    /// From whom.
    pub from: LinkingParty,
    /// How many persons have an ID by it.
    pub persons: u64,
    /// Who loaded it, and when.
    pub loaded: Act,
    /// The last day by which its IDs are deleted here: that of the disclosure.
    pub delete_by: Date,
    /// Who completed or closed the disclosure, and when: its IDs are deleted since.
    // INVARIANT: not before it was loaded.
    pub(super) deleted: Option<Act>,
}

/// A bridge in as it is stored.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LoadedRecord {
    v: u32,
    from: LinkingParty,
    persons: u64,
    loaded: Done,
    delete_by: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<Done>,
}

impl LoadedBridge {
    /// A bridge that is loaded now.
    #[must_use]
    pub fn load(
        disclosure: DisclosureId,
        from: LinkingParty,
        (persons, delete_by): (u64, Date),
        act: &Act,
    ) -> Self {
        Self { disclosure, from, persons, loaded: act.clone(), delete_by, deleted: None }
    }

    /// The same, its IDs deleted.  A clock that was set back moves nothing before the loading.
    #[must_use]
    pub fn deleted_by(mut self, act: &Act) -> Self {
        let at = act.at.max(self.loaded.at);
        self.deleted.get_or_insert_with(|| Act { by: act.by.clone(), at });
        self
    }

    /// Who deleted its IDs, and when.
    #[must_use]
    pub const fn deleted(&self) -> Option<&Act> {
        self.deleted.as_ref()
    }

    /// Whether its IDs should have been deleted before that day, and are not.
    #[must_use]
    pub fn is_overdue(&self, day: Date) -> bool {
        self.deleted.is_none() && self.delete_by < day
    }

    /// The bytes of its record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = LoadedRecord {
            v: VERSION,
            from: self.from.clone(),
            persons: self.persons,
            loaded: Done::of(&self.loaded),
            delete_by: self.delete_by,
            deleted: self.deleted.as_ref().map(Done::of),
        };
        serde_json::to_vec(&record).expect("a record has text keys and no other map")
    }

    /// The bridge of a record, which is stored under its disclosure.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(disclosure: DisclosureId, bytes: &[u8]) -> Result<Self, RecordError> {
        let record: LoadedRecord = super::record::decode(bytes)?;
        let LoadedRecord { from, persons, loaded, delete_by, deleted, .. } = record;
        let (loaded, deleted) = (loaded.act(), deleted.map(Done::act));
        if deleted.as_ref().is_some_and(|deleted| deleted.at < loaded.at) {
            return Err(RecordError::Damaged);
        }
        Ok(Self { disclosure, from, persons, loaded, delete_by, deleted })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const ID: DisclosureId = DisclosureId([0x11; 16]);

    /// Never regenerated.
    const GOLDEN: &str = concat!(
        r#"{"v":1,"from":{"number":"382199359","name":"Koblingsenheten"},"#,
        r#""persons":400,"loaded":{"by":"kari.nordmann","at":"2026-04-01T12:00:00Z"},"#,
        r#""delete_by":"2026-12-31","#,
        r#""deleted":{"by":"ola.nordmann","at":"2026-05-01T12:00:00Z"}}"#,
    );

    fn act(by: &str, at: &str) -> Act {
        Act { by: by.parse().unwrap(), at: at.parse().unwrap() }
    }

    fn loaded() -> LoadedBridge {
        let from = LinkingParty {
            number: "382199359".parse().unwrap(),
            name: "Koblingsenheten".parse().unwrap(),
        };
        let by = act("kari.nordmann", "2026-04-01T12:00:00Z");
        LoadedBridge::load(ID, from, (400, date(2026, 12, 31)), &by)
    }

    #[test]
    fn a_bridge_in_is_overdue_from_the_day_after_the_last_until_its_ids_are_deleted() {
        let bridge = loaded();
        assert!(!bridge.is_overdue(date(2026, 12, 31)));
        assert!(bridge.is_overdue(date(2027, 1, 1)));
        let early = act("ola.nordmann", "2026-03-01T12:00:00Z");
        let deleted = bridge.deleted_by(&early);
        assert_eq!(deleted.deleted().unwrap().at, deleted.loaded.at);
        assert!(!deleted.is_overdue(date(2027, 1, 1)));
    }

    #[test]
    fn a_bridge_in_is_the_golden_bytes() {
        let bridge = loaded().deleted_by(&act("ola.nordmann", "2026-05-01T12:00:00Z"));
        assert_eq!(bridge.encode(), GOLDEN.as_bytes());
        assert_eq!(LoadedBridge::decode(ID, GOLDEN.as_bytes()), Ok(bridge));
        let plain = loaded();
        assert_eq!(LoadedBridge::decode(ID, &plain.encode()), Ok(plain));
    }

    #[test]
    fn a_record_that_is_no_bridge_in_is_refused() {
        let bad = |from: &str, to: &str| {
            assert!(GOLDEN.contains(from), "{from}");
            LoadedBridge::decode(ID, GOLDEN.replacen(from, to, 1).as_bytes()).unwrap_err()
        };
        assert_eq!(bad("\"v\":1", "\"v\":2"), RecordError::Version);
        for (from, to) in [
            ("\"persons\":400,", ""),
            ("2026-05-01", "2026-03-01"),
            ("\"persons\"", "\"more\":1,\"persons\""),
        ] {
            assert_eq!(bad(from, to), RecordError::Damaged, "{from}");
        }
    }
}
