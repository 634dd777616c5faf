//! A bridge out: a file of identifiers and serials, sealed to the linking party that a decision names.
//!
//! Why it exists: the file is the one thing of a disclosure that names persons, and it is gone from
//! here once it is sent.  What stays is who got it, how many are in it, and the day by which it must
//! be deleted; that outlives the disclosure, so that it can be asked for.
//!
//! FORMAT: `docs/FORMATS.md`, "Bridge record".
//!
//! What it does *not* protect: that the party has deleted it is the party's word.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::decision::LinkingParty;
use super::history::Act;
use super::id::DisclosureId;
use super::recipient_key::RecipientKey;
use super::record::RecordError;
use super::refusal::Refusal;
use crate::config::codes::PrincipalName;

/// The only version yet.
const VERSION: u32 = 1;

/// A bridge out that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// Of which disclosure.
    pub disclosure: DisclosureId,
    /// Its number in the disclosure, from 1.
    pub number: u32,
    /// To whom.
    pub to: LinkingParty,
    /// The key that it is sealed to.
    pub key: RecipientKey,
    /// How many persons are in it.
    pub persons: u64,
    /// Who issued it, and when.
    pub issued: Act,
    /// The last day by which the party has deleted it.
    pub delete_by: Date,
    /// Who recorded that the party has deleted it, and when.
    // INVARIANT: not before it was issued.
    pub(super) deleted: Option<Act>,
}

/// A bridge as it is stored.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BridgeRecord {
    v: u32,
    to: LinkingParty,
    key: RecipientKey,
    persons: u64,
    issued: Done,
    delete_by: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<Done>,
}

/// Who did something, and when, as it is stored.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    by: PrincipalName,
    at: Timestamp,
}

impl Done {
    pub(super) fn of(act: &Act) -> Self {
        Self { by: act.by.clone(), at: act.at }
    }

    pub(super) fn act(self) -> Act {
        Act { by: self.by, at: self.at }
    }
}

/// What a bridge is issued with.
#[derive(Clone, Debug)]
pub struct NewBridge {
    /// Of which disclosure.
    pub disclosure: DisclosureId,
    /// Its number in the disclosure, from 1.
    pub number: u32,
    /// To whom.
    pub to: LinkingParty,
    /// The key that it is sealed to.
    pub key: RecipientKey,
    /// How many persons are in it.
    pub persons: u64,
    /// The last day by which the party has deleted it.
    pub delete_by: Date,
}

impl Bridge {
    /// A bridge that is issued now.
    #[must_use]
    pub fn issue(new: NewBridge, act: &Act) -> Self {
        let NewBridge { disclosure, number, to, key, persons, delete_by } = new;
        let issued = act.clone();
        Self { disclosure, number, to, key, persons, issued, delete_by, deleted: None }
    }

    /// Records that the party has deleted it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Deletion`]; the bridge is as it was.
    pub fn confirm_deletion(&mut self, act: &Act) -> Result<(), Refusal> {
        if self.deleted.is_some() {
            return Err(Refusal::Deletion("the deletion of the bridge was confirmed before"));
        }
        if act.at < self.issued.at {
            return Err(Refusal::Deletion(
                "the bridge was issued later than now; correct the clock of the server",
            ));
        }
        self.deleted = Some(act.clone());
        Ok(())
    }

    /// Who recorded that the party has deleted it, and when.
    #[must_use]
    pub const fn deleted(&self) -> Option<&Act> {
        self.deleted.as_ref()
    }

    /// Whether the party should have deleted it before that day, and nobody has said that it has.
    #[must_use]
    pub fn is_overdue(&self, day: Date) -> bool {
        self.deleted.is_none() && self.delete_by < day
    }

    /// The bytes of its record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = BridgeRecord {
            v: VERSION,
            to: self.to.clone(),
            key: self.key.clone(),
            persons: self.persons,
            issued: Done::of(&self.issued),
            delete_by: self.delete_by,
            deleted: self.deleted.as_ref().map(Done::of),
        };
        serde_json::to_vec(&record).expect("a record has text keys and no other map")
    }

    /// The bridge of a record, which is stored under its disclosure and number.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(
        (disclosure, number): (DisclosureId, u32),
        bytes: &[u8],
    ) -> Result<Self, RecordError> {
        let record: BridgeRecord = super::record::decode(bytes)?;
        let BridgeRecord { to, key, persons, issued, delete_by, deleted, .. } = record;
        let (issued, deleted) = (issued.act(), deleted.map(Done::act));
        if number == 0 || deleted.as_ref().is_some_and(|deleted| deleted.at < issued.at) {
            return Err(RecordError::Damaged);
        }
        Ok(Self { disclosure, number, to, key, persons, issued, delete_by, deleted })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const ID: DisclosureId = DisclosureId([0x11; 16]);

    /// Never regenerated.
    const GOLDEN: &str = concat!(
        r#"{"v":1,"to":{"number":"382199359","name":"Koblingsenheten"},"#,
        r#""key":"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p","#,
        r#""persons":400,"issued":{"by":"kari.nordmann","at":"2026-04-01T12:00:00Z"},"#,
        r#""delete_by":"2026-12-31","#,
        r#""deleted":{"by":"ola.nordmann","at":"2026-05-01T12:00:00Z"}}"#,
    );

    fn act(by: &str, at: &str) -> Act {
        Act { by: by.parse().unwrap(), at: at.parse().unwrap() }
    }

    fn issued() -> Bridge {
        let to = LinkingParty {
            number: "382199359".parse().unwrap(),
            name: "Koblingsenheten".parse().unwrap(),
        };
        let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let key = key.parse().unwrap();
        let delete_by = date(2026, 12, 31);
        let new = NewBridge { disclosure: ID, number: 1, to, key, persons: 400, delete_by };
        Bridge::issue(new, &act("kari.nordmann", "2026-04-01T12:00:00Z"))
    }

    #[test]
    fn a_bridge_is_overdue_from_the_day_after_until_its_deletion_is_confirmed() {
        let mut bridge = issued();
        assert!(!bridge.is_overdue(date(2026, 12, 31)));
        assert!(bridge.is_overdue(date(2027, 1, 1)));
        let early = act("ola.nordmann", "2026-03-01T12:00:00Z");
        assert!(bridge.confirm_deletion(&early).is_err());
        let done = act("ola.nordmann", "2026-05-01T12:00:00Z");
        bridge.confirm_deletion(&done).unwrap();
        assert!(bridge.confirm_deletion(&done).is_err(), "once");
        assert!(!bridge.is_overdue(date(2027, 1, 1)));
    }

    #[test]
    fn a_bridge_is_the_golden_bytes() {
        let mut bridge = issued();
        bridge.confirm_deletion(&act("ola.nordmann", "2026-05-01T12:00:00Z")).unwrap();
        assert_eq!(bridge.encode(), GOLDEN.as_bytes());
        assert_eq!(Bridge::decode((ID, 1), GOLDEN.as_bytes()), Ok(bridge));
        let plain = issued();
        assert_eq!(Bridge::decode((ID, 1), &plain.encode()), Ok(plain));
    }

    #[test]
    fn a_record_that_is_no_bridge_is_refused() {
        let bad = |from: &str, to: &str| {
            assert!(GOLDEN.contains(from), "{from}");
            Bridge::decode((ID, 1), GOLDEN.replacen(from, to, 1).as_bytes()).unwrap_err()
        };
        assert_eq!(bad("\"v\":1", "\"v\":2"), RecordError::Version);
        for (from, to) in [
            ("\"persons\":400,", ""),
            ("2026-05-01", "2026-03-01"),
            ("age1ql3", "age1ql4"),
            ("\"persons\"", "\"more\":1,\"persons\""),
        ] {
            assert_eq!(bad(from, to), RecordError::Damaged, "{from}");
        }
        assert_eq!(Bridge::decode((ID, 0), GOLDEN.as_bytes()), Err(RecordError::Damaged));
    }
}
