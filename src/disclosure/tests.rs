use jiff::civil::date;

use self::shared::{Shipped, decided, decision, extract, on, opened, opening, received, request};
use super::application::{Application, ApplicationState, Environment};
use super::history::StepError;
use super::lifecycle::{DisclosureState, DisclosureUse, Opening};
use super::organisations::Organisations;
use super::words::{Authority, DecisionKind, Identifiers, RecipientClass, Reidentification};
use super::*;
use crate::config::codes::DisclosurePurpose;

mod decisions;
mod golden;
mod machine;
pub(in crate::disclosure) mod shared;

const NEVER: [(&str, RecipientClass); 3] = [
    ("311862529", RecipientClass::Prosecution),
    ("376018954", RecipientClass::Employer),
    ("355979717", RecipientClass::Insurer),
];

fn line(text: &str) -> line::Line {
    text.parse().unwrap()
}

fn decide(application: &mut Application, decision: Decision, day: &str) -> Result<u32, Error> {
    application.decide(decision, None, &Shipped::load().rulebook(), &on(day))
}

#[test]
fn a_disclosure_goes_from_application_to_closing() {
    let (application, mut disclosure) = opened(&Shipped::load());
    let issue = disclosure.grant(DisclosureUse::Issue, &application, date(2026, 4, 1)).unwrap();
    assert_eq!(issue.decision().reference.as_str(), "26/04711-9");
    assert_eq!(
        (issue.disclosure().id(), issue.used_for()),
        (disclosure.id(), DisclosureUse::Issue)
    );
    disclosure.deliver(extract(), &application, &on("2026-04-02")).unwrap();
    disclosure.deliver(extract(), &application, &on("2026-04-03")).unwrap();
    assert_eq!(
        (disclosure.state(), disclosure.deliveries().len()),
        (DisclosureState::Extracted, 2)
    );
    disclosure.complete(&on("2026-04-04")).unwrap();
    assert_eq!(disclosure.closing(), None);
    disclosure.close(&on("2026-04-05")).unwrap();
    disclosure.confirm_deletion(&on("2026-04-06")).unwrap();
    let closing = disclosure.closing().unwrap();
    assert_eq!(closing.closed, on("2026-04-05"));
    assert_eq!(closing.deletion_confirmed, Some(on("2026-04-06")));
    let steps: Vec<String> =
        disclosure.history().changes().iter().map(|change| change.step.to_string()).collect();
    assert_eq!(steps, ["open", "deliver", "deliver", "complete", "close", "confirm_deletion"]);
}

#[test]
fn prosecution_employers_and_insurers_are_refused_always() {
    let shipped = Shipped::load();
    for (number, class) in NEVER {
        let mut request = request(&["NPR"], DisclosurePurpose::Research);
        request.organisation = number.parse().unwrap();
        let id = ApplicationId::new(2026, 1).unwrap();
        let received = Application::receive(id, request, &shipped.organisations, &on("2026-02-01"));
        let refused = received.unwrap_err();
        assert_eq!(refused.reasons(), [Refusal::HardRefusal(class)]);
        assert!(refused.to_string().contains("whatever the decision or consent"), "{refused}");

        // Neither a decision, nor an opening, nor anything after it, were such a record there.
        let (mut application, disclosure) = opened(&shipped);
        application.recipient.class = class;
        let hard = Error::from(Refusal::HardRefusal(class));
        let decided = decide(&mut application, decision(&["NPR"]), "2026-05-01");
        assert_eq!(decided.unwrap_err(), hard);
        let opened = Disclosure::open(opening(), &mut application, &on("2026-05-01"));
        assert_eq!(opened.unwrap_err(), hard);
        for used_for in DisclosureUse::ALL {
            let granted = disclosure.grant(*used_for, &application, date(2026, 5, 1));
            assert_eq!(granted.unwrap_err(), hard);
        }
    }
}

#[test]
fn an_organisation_counts_on_the_days_of_its_entry() {
    let shipped = Shipped::load();
    let mut request = request(&["NPR"], DisclosurePurpose::Research);
    request.organisation = "348757490".parse().unwrap();
    let id = ApplicationId::new(2024, 1).unwrap();
    let receive = |day| Application::receive(id, request.clone(), &shipped.organisations, &on(day));
    assert_eq!(receive("2024-12-31").unwrap().recipient().class, RecipientClass::Researcher);
    for day in ["2014-12-31", "2025-01-01"] {
        let error = receive(day).unwrap_err().to_string();
        assert!(error.starts_with("348757490 is no organisation of organisations.toml"), "{error}");
    }
    let unknown = Application::receive(
        id,
        Request { organisation: "983744516".parse().unwrap(), ..request.clone() },
        &shipped.organisations,
        &on("2024-12-31"),
    );
    assert!(unknown.is_err());
}

#[test]
fn every_mistake_in_the_organisations_is_a_problem() {
    const GOOD: &str = r#"
[[organisation]]
number = "352601810"
name = "Universitetet"
class = "researcher"
valid_to = "2024-12-31"
[[organisation]]
number = "352601810"
name = "Universitetet"
class = "fhi"
valid_from = "2025-01-01"
"#;
    let parse = |text: &str| Organisations::parse(text, std::path::Path::new("organisations.toml"));
    assert!(parse(GOOD).is_ok());
    let cases = [
        (
            "2025-01-01",
            "2024-12-31",
            "organisation[2].number: stands here for the same day already",
        ),
        ("\"fhi\"", "\"bank\"", "organisation[2].class: `bank` is not one of"),
        ("name = \"Universitetet\"\n", "", "organisation[1].name: is missing; add it"),
        ("352601810", "352601811", "its check digit is wrong"),
        ("valid_to", "until", "unknown option"),
    ];
    for (from, to, expected) in cases {
        let problems = parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(problems.contains(expected), "expected {expected}, got {problems}");
    }
    assert!(parse("").unwrap_err().to_string().contains("organisation: is missing"));
}

#[test]
fn an_application_names_registers_and_a_legal_basis() {
    let shipped = Shipped::load();
    let mut request = request(&["NPR", "KPR", "NPR"], DisclosurePurpose::Research);
    request.legal_basis.clear();
    let id = ApplicationId::new(2026, 1).unwrap();
    let refused =
        Application::receive(id, request, &shipped.organisations, &on("2026-02-01")).unwrap_err();
    let texts = "the application names a register twice; remove one; the application names no legal \
                 basis; processing rests on one";
    assert_eq!(refused.to_string(), texts);
}

#[test]
fn steps_out_of_order_say_the_state_and_what_is_possible() {
    let shipped = Shipped::load();
    let mut application = received(&shipped);
    let error = Disclosure::open(opening(), &mut application, &on("2026-02-02")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "application A-2026-0001 is received; cannot open; possible now: decide, refuse, withdraw; \
         record the decision first"
    );
    application.refuse(line("Ikke nødvendig"), &on("2026-02-03")).unwrap();
    let error = decide(&mut application, decision(&["NPR"]), "2026-03-03").unwrap_err();
    assert_eq!(
        error.to_string(),
        "application A-2026-0001 is refused; cannot decide; possible now: nothing; register a new \
         application"
    );
    let reason = application.history().changes().last().unwrap().reason.clone();
    assert_eq!(reason, Some(line("Ikke nødvendig")));

    let (_, mut disclosure) = opened(&shipped);
    let error = disclosure.complete(&on("2026-04-02")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "disclosure 11111111111111111111111111111111 is open; cannot complete; possible now: close, \
         deliver; deliver an extract first, or close it"
    );
}

#[test]
fn every_step_out_of_order_is_refused_and_changes_nothing() {
    let shipped = Shipped::load();
    let day = "2026-06-01";
    let ends: [fn(&mut Application); 2] = [
        |application| application.refuse(line("Nei"), &on("2026-03-01")).unwrap(),
        |application| application.withdraw(line("Trukket"), &on("2026-03-01")).unwrap(),
    ];
    for end in ends {
        let mut application = received(&shipped);
        end(&mut application);
        let before = application.clone();
        assert!(decide(&mut application, decision(&["NPR"]), day).is_err());
        assert!(application.refuse(line("Nei"), &on(day)).is_err());
        assert!(application.withdraw(line("Trukket"), &on(day)).is_err());
        assert!(Disclosure::open(opening(), &mut application, &on(day)).is_err());
        assert_eq!(application, before);
    }
    let mut application = decided(&shipped);
    assert!(application.refuse(line("Nei"), &on(day)).is_err(), "a decision is not refused");

    let (application, mut disclosure) = opened(&shipped);
    assert!(
        disclosure.complete(&on(day)).is_err() && disclosure.confirm_deletion(&on(day)).is_err()
    );
    disclosure.deliver(extract(), &application, &on(day)).unwrap();
    assert!(disclosure.confirm_deletion(&on(day)).is_err());
    disclosure.complete(&on(day)).unwrap();
    assert!(disclosure.complete(&on(day)).is_err());
    assert!(disclosure.deliver(extract(), &application, &on(day)).is_err());
    disclosure.close(&on(day)).unwrap();
    let before = disclosure.clone();
    assert!(disclosure.close(&on(day)).is_err() && disclosure.complete(&on(day)).is_err());
    let error = disclosure.deliver(extract(), &application, &on(day)).unwrap_err().to_string();
    assert!(error.contains("is closed; cannot deliver; possible now: confirm_deletion"), "{error}");
    assert_eq!(disclosure, before);
}

#[test]
fn time_does_not_go_back() {
    let mut application = decided(&Shipped::load());
    let error = application.withdraw(line("Trukket"), &on("2026-03-02")).unwrap_err();
    assert!(matches!(error, Error::Step(StepError::BackInTime { .. })), "{error}");
    assert_eq!(application.state(), ApplicationState::Decided);
}

#[test]
fn an_expired_decision_opens_and_issues_nothing() {
    let shipped = Shipped::load();
    let late =
        "the decision was valid until 2027-12-31; today is 2028-01-01: a new decision is needed";
    let error = decide(&mut received(&shipped), decision(&["NPR"]), "2028-01-01").unwrap_err();
    assert_eq!(error.to_string(), late);
    let mut application = decided(&shipped);
    let error = Disclosure::open(opening(), &mut application, &on("2028-01-01")).unwrap_err();
    assert_eq!(error.to_string(), late);

    let last = Opening { expires: date(2027, 12, 31), ..opening() };
    let disclosure = Disclosure::open(last, &mut application, &on("2026-04-01")).unwrap();
    let granted = |day| disclosure.grant(DisclosureUse::Issue, &application, day).is_ok();
    assert!(granted(date(2027, 12, 31)) && !granted(date(2028, 1, 1)));
    // The decision's own last day counts, were the disclosure's later.
    let mut longer = disclosure.clone();
    longer.opening.expires = date(2030, 1, 1);
    let error = longer.grant(DisclosureUse::Issue, &application, date(2028, 1, 1)).unwrap_err();
    assert_eq!(error.to_string(), late);
}

#[test]
fn a_decision_of_the_future_is_refused() {
    let error = decide(&mut received(&Shipped::load()), decision(&["NPR"]), "2026-03-01");
    assert!(error.unwrap_err().to_string().contains("is dated after today"));
}

#[test]
fn an_expired_disclosure_issues_nothing_and_can_be_closed() {
    let (application, mut disclosure) = opened(&Shipped::load());
    let issue = |disclosure: &Disclosure, day| {
        disclosure.grant(DisclosureUse::Issue, &application, day).map(|_| ())
    };
    assert_eq!(issue(&disclosure, date(2027, 6, 30)), Ok(()));
    assert!(!disclosure.is_overdue(date(2027, 6, 30)));
    let error = issue(&disclosure, date(2027, 7, 1)).unwrap_err().to_string();
    assert!(
        error.starts_with("the disclosure expired on 2027-06-30; today is 2027-07-01"),
        "{error}"
    );
    assert!(disclosure.is_overdue(date(2027, 7, 1)));
    let delivered = disclosure.deliver(extract(), &application, &on("2027-07-01"));
    assert!(delivered.is_err());
    disclosure.close(&on("2027-07-01")).unwrap();
    assert!(!disclosure.is_overdue(date(2027, 7, 1)));
}

#[test]
fn a_closed_disclosure_is_used_for_nothing() {
    let (application, mut disclosure) = opened(&Shipped::load());
    disclosure.close(&on("2026-04-02")).unwrap();
    for used_for in DisclosureUse::ALL {
        let error = disclosure.grant(*used_for, &application, date(2026, 4, 2)).unwrap_err();
        let text = format!("is closed; cannot {used_for}; possible now: confirm_deletion");
        assert!(error.to_string().contains(&text), "{error}");
    }
    let error = disclosure.confirm_deletion(&on("2026-04-03")).unwrap_err().to_string();
    assert_eq!(error, "nothing was delivered, so the recipient has nothing to delete");
}

#[test]
fn a_withdrawn_application_stops_its_disclosures() {
    let (mut application, mut disclosure) = opened(&Shipped::load());
    application.withdraw(line("Vedtaket er omgjort"), &on("2026-04-02")).unwrap();
    let granted = disclosure.grant(DisclosureUse::Issue, &application, date(2026, 4, 2));
    assert_eq!(
        granted.unwrap_err().to_string(),
        "application A-2026-0001 is withdrawn; cannot issue; possible now: nothing; register a new \
         application"
    );
    disclosure.close(&on("2026-04-02")).unwrap();
}

#[test]
fn deletion_is_confirmed_once() {
    let (application, mut disclosure) = opened(&Shipped::load());
    disclosure.deliver(extract(), &application, &on("2026-04-02")).unwrap();
    disclosure.complete(&on("2026-04-03")).unwrap();
    disclosure.confirm_deletion(&on("2026-04-04")).unwrap();
    let error = disclosure.confirm_deletion(&on("2026-04-05")).unwrap_err();
    assert_eq!(error.to_string(), "the deletion was confirmed before");
    disclosure.close(&on("2026-04-06")).unwrap();
    assert!(disclosure.confirm_deletion(&on("2026-04-07")).is_err());
    assert_eq!(disclosure.closing().unwrap().deletion_confirmed, Some(on("2026-04-04")));
}

#[test]
fn a_disclosure_does_not_outlive_its_decision() {
    let mut application = decided(&Shipped::load());
    let mut open = |expires, decision| {
        let opening = Opening { expires, decision, ..opening() };
        Disclosure::open(opening, &mut application, &on("2026-04-01")).map(|_| ())
    };
    let error = open(date(2028, 1, 1), 1).unwrap_err().to_string();
    assert!(error.contains("would outlive its decision"), "{error}");
    assert!(open(date(2026, 3, 31), 1).unwrap_err().to_string().contains("would have expired"));
    for number in [0, 2] {
        let error = open(date(2027, 1, 1), number).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the application has 1 decisions, and none with number {number}")
        );
    }
    assert_eq!(open(date(2026, 4, 1), 1), Ok(()));
}

#[test]
fn environments_are_words_or_named() {
    for text in ["tsd", "safe", "hunt_cloud", "other: Eksempelskyen"] {
        assert_eq!(text.parse::<Environment>().unwrap().to_string(), text);
    }
    for text in ["", "TSD", "other:", "other: ", "email"] {
        assert!(text.parse::<Environment>().is_err(), "{text}");
    }
}

#[test]
fn words_are_what_they_always_were() {
    let words = |all: Vec<&str>| all.join(" ");
    macro_rules! all {
        ($name:ty) => {
            words(<$name>::ALL.iter().map(|word| word.as_str()).collect())
        };
    }
    assert_eq!(all!(Authority), "controller helsedataservice helsedirektoratet rek");
    assert_eq!(all!(DecisionKind), "access dispensation");
    assert_eq!(all!(Identifiers), "with without");
    assert_eq!(
        all!(RecipientClass),
        "central_health_authority employer fhi general_practitioner helsedirektoratet insurer \
         municipal_authority municipal_medical_officer national_authority prosecution \
         regional_health_authority regional_health_trust researcher"
    );
    assert_eq!(all!(Reidentification), "permitted refused");
    assert_eq!(all!(words::SourceKind), "listed other patient_records unlisted");
    assert_eq!(
        all!(DisclosurePurpose),
        "clinical_decision_support health_analysis management planning preparedness \
         quality_improvement research statistics"
    );
    assert_eq!(all!(ApplicationState), "decided received refused withdrawn");
    assert_eq!(all!(application::ApplicationStep), "decide open receive refuse withdraw");
    assert_eq!(all!(DisclosureState), "closed completed extracted open");
    assert_eq!(all!(lifecycle::DisclosureStep), "close complete confirm_deletion deliver open");
    assert_eq!(all!(DisclosureUse), "bridge_in bridge_out issue reidentify");
}
