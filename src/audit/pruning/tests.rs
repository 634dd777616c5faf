use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ingest(at: &str) -> String {
    Entry::new(time(at), Actor::Server, Action::Ingest).encode()
}

const OLD: &str = "2026-03-01T12:00:00Z";
const NOW: &str = "2031-03-03T12:00:00Z";

#[test]
fn what_was_pruned_is_written_and_read_in_one_form() {
    let pruning = Pruning::new(3..=17, RETENTION_DAYS_MIN).unwrap();
    let entry = pruning.entry(time(NOW), Actor::Server);
    assert_eq!(
        entry.encode(),
        r#"{"v":1,"time":"2031-03-03T12:00:00.000Z","actor":{"kind":"server"},"#.to_owned()
            + r#""action":"entries_pruned","counts":{"entries":15,"retention_days":1827},"#
            + r#""changes":["entries 3 to 17"]}"#
    );
    assert_eq!(Pruning::of(&entry), Some(pruning));
    for line in
        ["entries 03 to 17", "entries 17 to 3", "entries 3 to", "3 to 17", "entries 3 to 4 "]
    {
        let changed = Entry { changes: vec![line.to_owned()], ..entry.clone() };
        assert_eq!(Pruning::of(&changed), None, "{line}");
    }
    assert_eq!(Pruning::new(3..=17, RETENTION_DAYS_MIN - 1), None, "five years at least");
    let hash = Hash::from_bytes([0xab; 32]);
    let record = StoredBody::encode_pruned(0x0102, hash);
    assert_eq!(record, [&[2, 0, 0, 0, 0, 0, 0, 1, 2][..], &[0xab; 32]].concat());
    assert_eq!(StoredBody::decode(&record), Ok(StoredBody::Pruned { by: 0x0102, hash }));
    assert!(StoredBody::decode(&record[..8]).is_err());
    assert!(StoredBody::decode(&record[..40]).is_err());
}

#[test]
fn only_bulk_entries_whose_time_is_over_are_pruned() {
    assert!(is_prunable(&ingest(OLD), time(NOW), RETENTION_DAYS_MIN));
    assert!(!is_prunable(&ingest(OLD), time("2031-03-02T11:00:00Z"), RETENTION_DAYS_MIN));
    assert!(!is_prunable(&ingest(OLD), time(NOW), 4_000), "longer is allowed, and then heeded");
    assert!(!is_prunable(&ingest("2031-01-01T00:00:00Z"), time(NOW), 0), "shorter is not");
    for action in [
        Action::Resolve,
        Action::Refused,
        Action::ReservationSet,
        Action::SerialsIssued,
        Action::AccessLoaded,
        Action::EntriesPruned,
        Action::DeliveryClosed,
    ] {
        let body = Entry::new(time(OLD), Actor::Server, action).encode();
        assert!(!is_prunable(&body, time(NOW), RETENTION_DAYS_MIN), "{action:?}");
    }
    assert!(!is_prunable("{\"v\":2}", time(NOW), RETENTION_DAYS_MIN));
}

/// Lets a log go by: pruned entries are `None`.
fn checked(log: &[Option<String>]) -> Option<u64> {
    let mut check = PruningCheck::default();
    for (index, body) in (0..).zip(log) {
        match body {
            Some(body) => check.whole(index, body),
            None => check.pruned(index),
        }
    }
    check.unexplained()
}

fn says(entries: RangeInclusive<u64>, at: &str) -> Option<String> {
    let pruning = Pruning::new(entries, RETENTION_DAYS_MIN).unwrap();
    Some(pruning.entry(time(at), Actor::Server).encode())
}

#[test]
fn an_entry_without_a_body_needs_a_later_one_that_says_so() {
    let whole = || Some(ingest(OLD));
    assert_eq!(checked(&[whole(), None, None, whole(), says(1..=2, NOW)]), None);
    assert_eq!(checked(&[whole(), None, None, whole()]), Some(1));
    assert_eq!(checked(&[whole(), None, None, whole(), says(1..=1, NOW)]), Some(2));
    assert_eq!(checked(&[whole(), None, None, says(2..=2, NOW), says(1..=1, NOW)]), None);
    assert_eq!(checked(&[None, None, None, says(1..=1, NOW)]), Some(0), "both ends are left");
    assert_eq!(checked(&[says(1..=1, NOW), None]), Some(1), "it must come later");
    assert_eq!(checked(&[whole(), None, says(1..=2, NOW)]), Some(1), "not of itself");
    let young = "2030-01-01T00:00:00Z";
    assert_eq!(checked(&[Some(ingest(young)), None, says(1..=1, NOW)]), Some(1), "too young");
}
