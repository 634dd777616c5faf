use jiff::civil::date;

use super::decide;
use super::shared::{self, Shipped, decision, extract, on, opened, opening, received, request};
use crate::config::codes::DisclosurePurpose;
use crate::disclosure::decision::{BridgeIn, BridgeOut, LinkingParty, ReservationOverride};
use crate::disclosure::lifecycle::DisclosureUse;
use crate::disclosure::words::{Authority, DecisionKind, Identifiers, Reidentification};
use crate::disclosure::{ApplicationId, Decision, Disclosure, DisclosureId, Refusal, terms};

fn party() -> LinkingParty {
    LinkingParty { number: "382199359".parse().unwrap(), name: "Koblingsenheten".parse().unwrap() }
}

/// Why the decision is refused for an application for these registers.
fn refusals(registers: &[&str], purpose: DisclosurePurpose, decision: &Decision) -> Vec<String> {
    let shipped = Shipped::load();
    let mut application = received(&shipped);
    application.request = request(registers, purpose);
    let checked = decision.check(&application, &shipped.rulebook(), date(2026, 3, 3));
    checked.map_or_else(
        |refused| refused.reasons().iter().map(ToString::to_string).collect(),
        |()| Vec::new(),
    )
}

#[test]
fn a_one_way_register_has_no_bridge_and_no_way_back() {
    let mut wanted = decision(&["IPLOS", "NPR"]);
    let research = DisclosurePurpose::Research;
    assert_eq!(refusals(&["IPLOS", "NPR"], research, &wanted), [""; 0]);
    wanted.bridge_in = Some(BridgeIn { from: party() });
    wanted.bridge_out = Some(BridgeOut { to: party(), delete_by: date(2026, 12, 31) });
    wanted.reidentification = Reidentification::Permitted;
    assert_eq!(
        refusals(&["IPLOS", "NPR"], research, &wanted),
        [
            "IPLOS is a one-way register: its disclosures have no bridge in",
            "IPLOS is a one-way register: its disclosures have no bridge out",
            "IPLOS is a one-way register: its disclosures have no re-identification",
        ]
    );
    assert_eq!(
        refusals(&["NPR", "KPR"], research, &Decision { terms: shared::terms(&["NPR"]), ..wanted }),
        [""; 0]
    );
}

#[test]
fn what_the_decision_does_not_permit_is_refused() {
    let shipped = Shipped::load();
    let (application, disclosure) = opened(&shipped);
    let day = date(2026, 4, 1);
    for (used_for, shown) in [
        (DisclosureUse::BridgeIn, "bridge_in"),
        (DisclosureUse::BridgeOut, "bridge_out"),
        (DisclosureUse::Reidentify, "reidentify"),
    ] {
        let error = disclosure.grant(used_for, &application, day).unwrap_err().to_string();
        assert_eq!(error, format!("the decision does not permit {shown}; a new decision must"));
    }
    let mut application = received(&shipped);
    let permits = Decision {
        bridge_in: Some(BridgeIn { from: party() }),
        bridge_out: Some(BridgeOut { to: party(), delete_by: date(2026, 12, 31) }),
        reidentification: Reidentification::Permitted,
        ..decision(&["NPR"])
    };
    decide(&mut application, permits, "2026-03-03").unwrap();
    let mut disclosure = Disclosure::open(opening(), &mut application, &on("2026-04-01")).unwrap();
    let bridge = |used_for, number: &str| {
        disclosure.grant_bridge(used_for, number.parse().unwrap(), &application, day).map(|_| ())
    };
    for used_for in [DisclosureUse::BridgeIn, DisclosureUse::BridgeOut] {
        assert_eq!(bridge(used_for, "382199359"), Ok(()));
        assert_eq!(bridge(used_for, shared::UNIVERSITY), Err(Refusal::Party.into()));
    }
    assert!(bridge(DisclosureUse::Issue, "382199359").is_err());
    // After completion nothing is issued, and a way back remains until closing.
    disclosure.deliver(extract(), &application, &on("2026-04-02")).unwrap();
    disclosure.complete(&on("2026-04-03")).unwrap();
    assert!(disclosure.grant(DisclosureUse::Reidentify, &application, day).is_ok());
    assert!(disclosure.grant(DisclosureUse::Issue, &application, day).is_err());
}

#[test]
fn an_override_must_be_one_of_the_registers_for_the_purpose() {
    let with = |provision: &str| Decision {
        overrides: vec![ReservationOverride {
            provision: provision.parse().unwrap(),
            identifiers: Identifiers::Without,
        }],
        ..decision(&["KPR"])
    };
    let research = DisclosurePurpose::Research;
    for provision in ["riksrevisjonsloven_12", "register_linkage"] {
        assert_eq!(refusals(&["KPR"], research, &with(provision)), [""; 0], "{provision}");
    }
    for provision in ["statistikkloven_10", "helseberedskapsloven_2_4", "grunnloven_1"] {
        let refused = refusals(&["KPR"], research, &with(provision));
        let text = format!("{provision} is no override of a reservation in KPR for research");
        assert!(refused.len() == 1 && refused[0].starts_with(&text), "{refused:?}");
    }
    let without = Decision { terms: shared::terms(&["NPR"]), ..with("register_linkage") };
    assert_eq!(refusals(&["NPR"], research, &without).len(), 1, "NPR has no reservations");
}

#[test]
fn every_reason_is_given_at_once() {
    let mut wrong = Decision {
        authority: Authority::Helsedirektoratet,
        valid_until: date(2026, 3, 1),
        bridge_out: Some(BridgeOut { to: party(), delete_by: date(2026, 3, 1) }),
        ..decision(&["IPLOS", "KPR"])
    };
    wrong.terms.registers[0].variables.clear();
    let refused = refusals(&["IPLOS", "XX"], DisclosurePurpose::Preparedness, &wrong);
    let starts = [
        "the decision was valid until 2026-03-01",
        "terms.registers.IPLOS.variables: empty",
        "the decision ends before its date",
        "the bridge is to be deleted before",
        "there is no register XX",
        "IPLOS may not be used for preparedness; its purposes are health_analysis, management,",
        "IPLOS is a one-way register: its disclosures have no bridge out",
        "no [[recipient]] of decisions.toml lets researcher have IPLOS for preparedness on",
        "the decision lets out KPR, which the application does not name",
    ];
    assert_eq!(refused.len(), starts.len(), "{refused:#?}");
    for (reason, start) in refused.iter().zip(starts) {
        assert!(reason.starts_with(start), "{reason} does not start with {start}");
    }
}

#[test]
fn a_decision_continues_an_earlier_disclosure_of_the_same_recipient_before_its_closing() {
    let shipped = Shipped::load();
    let (earlier, first) = opened(&shipped);
    let mut unrelated = earlier.clone();
    unrelated.id = ApplicationId::new(2026, 2).unwrap();
    let mut closed = first.clone();
    closed.close(&on("2026-05-10")).unwrap();
    let supplement = |dated| Decision {
        continues: Some(first.id()),
        dated,
        kind: DecisionKind::Access,
        ..decision(&["NPR"])
    };
    let record = |decision: Decision, continued| {
        let mut application = received(&shipped);
        let act = on("2026-06-01");
        application
            .decide(decision, continued, &shipped.rulebook(), &act)
            .map_err(|e| e.to_string())
    };
    let (may, later) = (date(2026, 5, 9), date(2026, 5, 10));
    assert_eq!(record(supplement(later), Some((&earlier, &first))), Ok(1));
    assert_eq!(record(supplement(may), Some((&earlier, &closed))), Ok(1));
    let refused = |decision, continued, expected: &str| {
        let error = record(decision, continued).unwrap_err();
        assert!(error.contains(expected), "expected {expected}, got {error}");
    };
    refused(
        supplement(later),
        Some((&earlier, &closed)),
        "was closed before the decision was made",
    );
    refused(supplement(may), None, "there is not; correct its id");
    let mut other = first.clone();
    other.opening.id = DisclosureId([0x99; 16]);
    refused(supplement(may), Some((&earlier, &other)), "there is not; correct its id");
    let mut stranger = earlier.clone();
    stranger.recipient.number = "366131868".parse().unwrap();
    refused(supplement(may), Some((&stranger, &first)), "has another recipient");
    let wide = Decision { serial_width: crate::ident::SerialWidth::Thirteen, ..supplement(may) };
    refused(wide, Some((&earlier, &first)), "has serials of another width");
    refused(supplement(may), Some((&unrelated, &first)), "belongs to another application");
}

#[test]
fn the_key_spaces_of_a_decision_are_those_of_its_terms() {
    let mut decision = decision(&["NPR", "KPR"]);
    assert!(decision.key_spaces().is_empty());
    for register in &mut decision.terms.registers {
        register.secondary = vec![terms::SecondaryIdentifier {
            column: "episode".into(),
            key_space: "episodes".into(),
            institution: None,
        }];
    }
    assert_eq!(decision.key_spaces().into_iter().collect::<Vec<_>>(), ["episodes"]);
}
