use proptest::prelude::*;

use super::*;

mod words;

use words::GOLDEN_WORDS;

/// The bodies of version 1, never regenerated; line for line the entries of [`golden_entries`].
const GOLDEN: &str = include_str!("../../../tests/vectors/audit-entries-v1.jsonl");

/// Entries of actions that were added later; the first file is part of the golden export too.
const GOLDEN_LATER: &str = r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"server"},"action":"delivery_stored"}"#;

const GOLDEN_GRANT: &str = concat!(
    r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"person","principal":"nils.drift","#,
    r#""organisation":"983744516"},"action":"budget_granted","register":"NPR","basis":"first load","#,
    r#""counts":{"amount":6000000},"#,
    r#""changes":["granted npr-mottak 6000000 assignments in NPR until 2026-12-31"]}"#,
);

/// The entries of an approval, from the request to its use.
const GOLDEN_APPROVAL: [&str; 5] = [
    concat!(
        r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"person","principal":"nils.drift","#,
        r#""organisation":"983744516"},"action":"approval_requested","basis":"§ 19 e","digest":""#,
        "abababababababababababababababababababababababababababababababab",
        r#"","changes":["approval k7x2-9mfp-3qwd-h5tz of bridge_out: requested"]}"#,
    ),
    r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"server"},"action":"approval_given"}"#,
    r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"server"},"action":"approval_refused"}"#,
    r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"server"},"action":"approval_withdrawn"}"#,
    r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"server"},"action":"approval_used"}"#,
];

fn time() -> Timestamp {
    // 2026-03-01T12:00:00.007Z and a part that is cut off.
    Timestamp::new(1_772_366_400, 7_999_999).unwrap()
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn golden_entries() -> Vec<Entry> {
    let system = Actor::System {
        principal: "npr-mottak".to_owned(),
        organisation: "Helsedirektoratet".to_owned(),
    };
    let person =
        Actor::Person { principal: "kari.tilsyn".to_owned(), organisation: "Sør".to_owned() };
    let bare = |action| Entry::new(time(), Actor::Server, action);
    vec![
        bare(Action::Initialised),
        Entry {
            register: text("NPR"),
            source: text("sykehus"),
            delivery: text("17"),
            purpose: text("registerforing"),
            mode: Some(Mode::ResolveOrAssign),
            basis: text("NPR-forskriften § 1-2 \"første ledd\""),
            counts: BTreeMap::from([("rows".into(), 4096), ("assigned".into(), 12)]),
            digest: Some(KeyedDigest::from_bytes([0xab; 32])),
            messages: Some(3),
            ..Entry::new(time(), system.clone(), Action::Ingest)
        },
        Entry {
            register: text("NPR"),
            mode: Some(Mode::ResolveOnly),
            attempted: Some(Action::Resolve),
            reason: text("budget_spent"),
            ..Entry::new(time(), system, Action::Refused)
        },
        Entry {
            changes: vec!["+ kari.tilsyn: auditor".to_owned(), "- gammel\tklient".to_owned()],
            ..bare(Action::AccessLoaded)
        },
        Entry {
            reference: Some(Reference::from_bytes([0x01; 16])),
            counts: BTreeMap::from([("entries".into(), u64::MAX)]),
            ..Entry::new(time(), person, Action::AuditRead)
        },
        bare(Action::DeliveryClosed),
        bare(Action::DeliveryOpened),
        bare(Action::LogExported),
        bare(Action::Sealed),
        bare(Action::Unsealed),
    ]
}

#[test]
fn bodies_are_the_golden_bytes() {
    let entries = golden_entries();
    assert_eq!(GOLDEN.lines().count(), entries.len());
    for (entry, golden) in entries.iter().zip(GOLDEN.lines()) {
        assert_eq!(entry.encode(), golden);
        let decoded = Entry::decode(golden).unwrap();
        assert_eq!(decoded.encode(), golden);
        assert_eq!(decoded.time.as_millisecond(), time().as_millisecond());
    }
}

#[test]
fn later_bodies_are_the_golden_bytes() {
    let entry = Entry::new(time(), Actor::Server, Action::DeliveryStored);
    assert_eq!(entry.encode(), GOLDEN_LATER);
    let by = Actor::Person { principal: "nils.drift".into(), organisation: "983744516".into() };
    let granted = "granted npr-mottak 6000000 assignments in NPR until 2026-12-31";
    let grant = Entry {
        register: text("NPR"),
        basis: text("first load"),
        counts: BTreeMap::from([("amount".into(), 6_000_000)]),
        changes: vec![granted.to_owned()],
        ..Entry::new(time(), by, Action::BudgetGranted)
    };
    assert_eq!(grant.encode(), GOLDEN_GRANT);
    let by = Actor::Person { principal: "nils.drift".into(), organisation: "983744516".into() };
    let request = Entry {
        basis: text("§ 19 e"),
        digest: Some(KeyedDigest::from_bytes([0xab; 32])),
        changes: vec!["approval k7x2-9mfp-3qwd-h5tz of bridge_out: requested".to_owned()],
        ..Entry::new(time(), by, Action::ApprovalRequested)
    };
    assert_eq!(request.encode(), GOLDEN_APPROVAL[0]);
    let later = [
        Action::ApprovalGiven,
        Action::ApprovalRefused,
        Action::ApprovalWithdrawn,
        Action::ApprovalUsed,
    ];
    for (action, golden) in later.into_iter().zip(&GOLDEN_APPROVAL[1..]) {
        assert_eq!(Entry::new(time(), Actor::Server, action).encode(), *golden);
    }
}

/// Each action once.  A new action is a new golden line at the end of the file, or a golden word; the
/// match makes one think of it.
#[expect(clippy::too_many_lines, reason = "one line an action")]
const fn number(action: Action) -> usize {
    match action {
        Action::AccessLoaded => 0,
        Action::AuditRead => 1,
        Action::DeliveryClosed => 2,
        Action::DeliveryOpened => 3,
        Action::Ingest => 4,
        Action::Initialised => 5,
        Action::LogExported => 6,
        Action::Refused => 7,
        Action::Resolve => 8,
        Action::Sealed => 9,
        Action::Unsealed => 10,
        Action::DeliveryStored => 11,
        Action::BudgetGranted => 12,
        Action::ApplicationReceived => 13,
        Action::ApplicationRefused => 14,
        Action::ApplicationWithdrawn => 15,
        Action::DecisionRecorded => 16,
        Action::DeletionConfirmed => 17,
        Action::DisclosureClosed => 18,
        Action::DisclosureCompleted => 19,
        Action::DisclosureOpened => 20,
        Action::ExtractRecorded => 21,
        Action::KeysRewrapped => 22,
        Action::SerialsIssued => 23,
        Action::SerialsStored => 24,
        Action::SurrogatesIssued => 25,
        Action::ApprovalRequested => 26,
        Action::ApprovalGiven => 27,
        Action::ApprovalRefused => 28,
        Action::ApprovalWithdrawn => 29,
        Action::ApprovalUsed => 30,
        Action::ConsentGiven => 31,
        Action::ConsentWithdrawn => 32,
        Action::ReservationLifted => 33,
        Action::ReservationSet => 34,
        Action::RightsRead => 35,
        Action::BridgeDeleted => 36,
        Action::BridgeIssued => 37,
        Action::SerialIdentified => 38,
        Action::BridgeLoaded => 39,
        Action::IdentityRevealed => 40,
        Action::WindowClosed => 41,
        Action::WindowOpened => 42,
        Action::InnsynGiven => 43,
        Action::IdChangesRead => 44,
        Action::IdentityEventsApplied => 45,
        Action::ProtectedLinksRead => 46,
        Action::CaseAssessed => 47,
        Action::CaseReceived => 48,
        Action::CaseRefused => 49,
        Action::CaseWithdrawn => 50,
        Action::CasesRead => 51,
        Action::ErasureOrdered => 52,
        Action::IdentitiesErased => 53,
        Action::OrderConfirmed => 54,
        Action::OrdersRead => 55,
        Action::RetentionOrdered => 56,
        Action::RetentionPlanned => 57,
        Action::RetentionRun => 58,
        Action::PassphraseChanged => 59,
        Action::RootReplaced => 60,
        Action::ShareGiven => 61,
        Action::SharesMade => 62,
        Action::EntriesPruned => 63,
        Action::ReceiptGiven => 64,
        Action::SigningKeyAdded => 65,
        Action::AliasesLoaded => 66,
        Action::AliasesRead => 67,
        Action::IdReissued => 68,
        Action::IdsConverted => 69,
        Action::ReissuesRead => 70,
        Action::IdentifiersLinked => 71,
        Action::IdentifiersUnlinked => 72,
        Action::PassphraseGiven => 73,
        Action::QualityConsentRecorded => 74,
        Action::QualityConsentsChecked => 75,
        Action::ConversionAnswered => 76,
        Action::ConversionClosed => 77,
        Action::ConversionOpened => 78,
        Action::BackupBegun => 79,
        Action::BackupSent => 80,
        Action::RestoreAccepted => 81,
        Action::Restored => 82,
        Action::AccessBootstrapped => 83,
        Action::AlarmRaised => 84,
        Action::RoleGranted => 85,
        Action::KeyRotated => 86,
        Action::KeyDestroyed => 87,
        Action::RecordsResealed => 88,
    }
}

#[test]
fn golden_bodies_hold_every_action_and_every_field() {
    let fields = [
        "v",
        "time",
        "actor",
        "action",
        "register",
        "source",
        "delivery",
        "purpose",
        "mode",
        "basis",
        "counts",
        "digest",
        "messages",
        "reference",
        "changes",
        "attempted",
        "reason",
    ];
    // The two fields that came last are golden in their own test.
    for field in fields {
        assert!(GOLDEN.contains(&format!("\"{field}\":")), "{field}");
    }
    let mut seen = [false; 89];
    let later = [GOLDEN_LATER, GOLDEN_GRANT].into_iter().chain(GOLDEN_APPROVAL);
    let later = later.map(|body| Entry::decode(body).unwrap());
    for entry in golden_entries().into_iter().chain(later) {
        seen[number(entry.action)] = true;
        if let Some(attempted) = entry.attempted {
            seen[number(attempted)] = true;
        }
    }
    for (action, word) in GOLDEN_WORDS {
        assert_eq!(serde_json::to_string(&action).unwrap(), format!("\"{word}\""));
        seen[number(action)] = true;
    }
    assert_eq!(seen, [true; 89]);
}

#[test]
fn decode_passes_over_a_field_it_does_not_know() {
    let known = GOLDEN.lines().next().unwrap();
    let body = known.replacen("\"server\"", "\"server\",\"host\":\"a\"", 1);
    let body = &body.replacen("\"initialised\"", "\"sealed\",\"later\":[1]", 1);
    assert_eq!(Entry::decode(body).unwrap().action, Action::Sealed);
}

#[test]
fn decode_names_what_is_wrong_with_a_body() {
    let good = GOLDEN.lines().next().unwrap();
    let bad = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Entry::decode(&good.replacen(from, to, 1)).unwrap_err()
    };
    assert_eq!(bad("\"v\":1", "\"v\":2"), EntryError::UnknownVersion(2));
    let malformed = [
        ("\"v\":1", "\"v\":\"1\""),
        ("\"v\":1,", ""),
        ("initialised", "opened_by_magic"),
        ("server", "ghost"),
        ("2026-03-01", "2026-02-30"),
        ("\"action\"", "\"act\""),
        ("}", ""),
    ];
    for (from, to) in malformed {
        assert!(matches!(bad(from, to), EntryError::Malformed { .. }), "{from}");
    }
    // The error never quotes the body.
    assert!(!bad("server", "ghost").to_string().contains("ghost"));
}

proptest! {
    #[test]
    fn entries_round_trip_as_one_line(
        ms in 0_i64..4_000_000_000_000,
        words in proptest::collection::vec(".{0,20}", 6),
        counts in proptest::collection::btree_map("[a-z]{1,6}", any::<u64>(), 0..4),
        digest in any::<Option<[u8; 32]>>(),
        reference in any::<Option<[u8; 16]>>(),
        messages in any::<Option<u64>>(),
        changes in proptest::collection::vec(".{0,20}", 0..3),
    ) {
        let actor = Actor::Person { principal: words[0].clone(), organisation: words[1].clone() };
        let entry = Entry {
            register: Some(words[2].clone()),
            source: Some(words[3].clone()),
            purpose: Some(words[4].clone()),
            basis: Some(words[5].clone()),
            counts: counts.into_iter().map(|(name, count)| (name.into(), count)).collect(),
            digest: digest.map(KeyedDigest::from_bytes),
            reference: reference.map(Reference::from_bytes),
            messages,
            changes,
            ..Entry::new(Timestamp::from_millisecond(ms).unwrap(), actor, Action::Ingest)
        };
        let body = entry.encode();
        prop_assert!(!body.chars().any(|c| c < ' '));
        prop_assert_eq!(Entry::decode(&body), Ok(entry));
    }

    #[test]
    fn decode_never_panics(body in ".{0,200}") {
        let _ = Entry::decode(&body);
    }
}

#[test]
fn what_an_entry_says_of_a_disclosure_stands_at_its_end() {
    let body = concat!(
        r#"{"v":1,"time":"2026-03-01T12:00:00.007Z","actor":{"kind":"server"},"#,
        r#""action":"refused","attempted":"disclosure_opened","reason":"rule_refuses","#,
        r#""application":"A-2026-0001","disclosure":"9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a"}"#,
    );
    let entry = Entry::decode(body).unwrap();
    assert_eq!(entry.application.as_deref(), Some("A-2026-0001"));
    assert_eq!(entry.encode(), body);
}
