//! Consents to quality registers: kept, told and answered, and without effect on anything else.

use jiff::civil::Date;

use super::identities::{NUMBER, SPLIT};
use super::rights::{code, subject, suppressed};
use super::*;
use crate::registers::{Channel, QualityAnswer, QualityFact, QualityStatement};

const REGISTER: &str = "DIABETES";

fn principal(name: &str, kind: &str, role: &str) -> String {
    format!(
        "[[principal]]\nname = '{name}'\nkind = '{kind}'\norganisation = '983744516'\n\
         certificates = ['uri:spiffe://hvelv.dev/{name}']\nroles = ['{role}']\n"
    )
}

fn fact(said: QualityStatement, on: Date) -> QualityFact {
    QualityFact { register: REGISTER.parse().unwrap(), said, on }
}

fn january(day: i8) -> Date {
    date(2026, 1, day)
}

impl World {
    fn quality() -> Self {
        let own = [
            principal("i", "system", "identity"),
            principal("q", "system", "consents:NPR:DIABETES"),
        ];
        let world = Self::with(Budgets::DEFAULT, &[ACCESS.to_owned(), own.concat()].concat());
        world.unseal();
        world
    }

    fn states(&self, who: &str, number: u64, fact: QualityFact) -> Result<u64, Error> {
        let right = Right::RecordQualityConsents {
            register: "NPR".parse().unwrap(),
            quality_register: REGISTER.parse().unwrap(),
        };
        let permit = self.permit(who, right);
        let subject = subject("NPR", number);
        let recorded =
            self.service.record_quality_consent(&permit, &subject, Channel::Letter, fact)?;
        Ok(recorded.index())
    }

    fn given(&self, number: u64, said: QualityStatement, day: i8) {
        self.states("q", number, fact(said, january(day))).unwrap();
    }

    fn check(&self, rows: QualityRows) -> Result<Vec<RowAnswer>, Error> {
        let (register, quality_register) = ("NPR".parse().unwrap(), REGISTER.parse().unwrap());
        let right = Right::CheckQualityConsents { register, quality_register };
        let question = QualityQuestion {
            register: "NPR".parse().unwrap(),
            quality_register: REGISTER.parse().unwrap(),
            rows,
        };
        let permit = self.permit("q", right);
        Ok(self.service.check_quality_consents(&permit, &question)?.into_answer().0)
    }

    /// Yes, no, unknown or invalid, in one letter a row.
    fn answers(&self, rows: QualityRows) -> String {
        let answers = self.check(rows).unwrap();
        let letter = |answer| match answer {
            RowAnswer::Consent(QualityAnswer::Yes) => 'y',
            RowAnswer::Consent(QualityAnswer::No) => 'n',
            RowAnswer::Consent(QualityAnswer::Unknown) => 'u',
            RowAnswer::Invalid => 'i',
        };
        answers.into_iter().map(letter).collect()
    }

    fn answers_by_number(&self, numbers: &[u64]) -> String {
        self.answers(QualityRows::Identifiers(batch(numbers)))
    }
}

#[test]
fn a_quality_register_is_answered_what_was_said_to_it_by_identifier_and_by_id() {
    use QualityStatement::{Given, ReservationLifted, Reserved, Withdrawn};
    let world = World::quality();
    let people = numbers(8);
    let npr = world.ingest("NPR", "HF", &people[..6]);
    world.ingest("KPR", "KUHR", &people[6..7]);
    world.given(people[0], Given, 1);
    world.given(people[1], Given, 1);
    world.given(people[1], Withdrawn, 2);
    world.given(people[2], Reserved, 1);
    world.given(people[3], Reserved, 1);
    world.given(people[3], ReservationLifted, 1);
    world.given(people[4], Reserved, 1);
    world.given(people[4], Given, 3);
    let not_anybody = 11_111_111_111;
    for _ in 0..2 {
        // The sixth has said nothing, the seventh is in KPR alone, the eighth nowhere.
        let rows = [&people[..], &[not_anybody]].concat();
        assert_eq!(world.answers_by_number(&rows), "ynnuyuuui");
        let ids = [&npr[..], &[npr[0] + 1, 7]].concat();
        let by_id = world.answers(QualityRows::Ids(ids));
        assert!(by_id.starts_with("ynnuyu") && by_id.ends_with("ii"), "{by_id}");
        world.reseal();
    }
    let entry = world.last_with("quality_consents_checked");
    assert_eq!(entry["changes"], serde_json::json!(["quality_register DIABETES"]));
    assert_eq!((&entry["counts"]["rows"], &entry["counts"]["yes"]), (&8.into(), &2.into()));
    assert!(entry["digest"].is_string());
    for body in world.bodies() {
        assert!(people.iter().zip(&npr).all(|(number, id)| {
            !body.contains(&number.to_string()) && !body.contains(&id.to_string())
        }));
    }
    let max = world.service.parts.config.limits.batch_identifiers_max;
    let refused = world.check(QualityRows::Ids(vec![1; max + 1]));
    assert_eq!(code(refused), ErrorCode::BatchTooLarge);
}

#[test]
fn the_person_is_told_what_was_said_to_a_quality_register_and_who_asked() {
    use QualityStatement::{Given, Reserved};
    let world = World::quality();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people);
    world.given(people[0], Given, 2);
    world.states("p", people[0], fact(Reserved, january(5))).unwrap();
    world.answers_by_number(&people);
    let report = world.innsyn(people[0]);
    let npr = report.registers.iter().find(|one| one.code == "NPR").unwrap();
    let told = &npr.quality_consents[0];
    assert_eq!((told.register.code.as_str(), told.said.as_str()), (REGISTER, "reserved"));
    assert_eq!((npr.quality_consents.len(), told.on.as_str()), (1, "2026-01-05"));
    let ledger: Vec<_> = npr.ledger.iter().map(|one| (&*one.kind, &*one.on)).collect();
    assert_eq!(
        ledger,
        [("quality_consent_given", "2026-01-02"), ("quality_reservation_set", "2026-01-05")]
    );
    let principals: Vec<_> = npr.ledger.iter().map(|one| &*one.principal).collect();
    assert_eq!(principals, ["q", "p"], "the source");
    assert_eq!(report.accesses[0].action, "quality_consents_checked");
    assert_eq!(report.accesses[0].details, ["quality_register DIABETES"]);
    let page = crate::rights::page::page(&report);
    for text in [
        "Til kvalitetsregisteret Norsk diabetesregister for voksne: du er reservert (5. januar 2026)",
        "Du ga samtykke til kvalitetsregisteret: Norsk diabetesregister for voksne, 2. januar 2026",
        "Et kvalitetsregister spurte om du har samtykket til det",
    ] {
        assert!(page.contains(text), "{text}");
    }
    // Nothing of it is told to somebody else, but that the quality register asked.
    let other = world.innsyn(people[1]);
    assert!(other.registers[0].quality_consents.is_empty() && other.registers[0].ledger.is_empty());
    assert_eq!(other.accesses[0].action, "quality_consents_checked");
    let view = world.rights_of("NPR", people[0]).unwrap();
    assert!(view.reservations.is_empty() && view.consent.is_none());
    assert_eq!(view.facts.len(), 2, "and it is in the ledger");
}

/// Goal: nothing that is taken in or disclosed depends on it.  Method: the same deliveries, look-ups and
/// serials before, between and after each statement.
#[test]
fn what_was_said_to_a_quality_register_keeps_nobody_out_and_lets_nobody_in() {
    let world = World::quality();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people);
    let id = world.disclosure();
    let serials = world.serials(id, "NPR", &npr).unwrap();
    let look_up = World::request("NPR", "HF", IngestMode::ResolveOnly);
    for (said, day) in [
        (QualityStatement::Given, 1),
        (QualityStatement::Withdrawn, 2),
        (QualityStatement::Reserved, 3),
        (QualityStatement::ReservationLifted, 4),
    ] {
        world.given(people[1], said, day);
        for _ in 0..2 {
            assert_eq!(world.ingest("NPR", "HF", &people), npr, "{said}");
            let found = world.deliver(&look_up, &people).unwrap();
            assert!(found.ids == npr && found.notes.is_empty(), "{said}");
            let again = world.serials(id, "NPR", &npr).unwrap();
            assert!(again.ids == serials.ids && again.notes.is_empty(), "{said}");
            world.reseal();
        }
    }
    // Nor does a consent there stand for one here.
    world.given(people[1], QualityStatement::Given, 5);
    let rehab = world.rehab(&people);
    assert_eq!(suppressed(&rehab), [0, 1, 2]);
}

#[test]
fn what_cannot_be_said_to_a_quality_register_is_refused_by_name_and_recorded() {
    use QualityStatement::{Given, ReservationLifted, Reserved, Withdrawn};
    let world = World::quality();
    let people = numbers(4);
    world.ingest("NPR", "HF", &people[..2]);
    world.ingest("KPR", "KUHR", &people[2..3]);
    let says = |number, said, day| code(world.states("q", number, fact(said, january(day))));
    assert_eq!(says(people[0], Withdrawn, 2), ErrorCode::QualityConsentNotGiven, "never given");
    assert_eq!(says(people[0], ReservationLifted, 2), ErrorCode::QualityReservationNotSet);
    world.given(people[0], Given, 5);
    assert_eq!(says(people[0], ReservationLifted, 6), ErrorCode::QualityReservationNotSet);
    assert_eq!(says(people[0], Withdrawn, 4), ErrorCode::QualityStatementEarlier);
    assert_eq!(says(people[0], Reserved, 4), ErrorCode::QualityStatementEarlier);
    world.given(people[0], Withdrawn, 5);
    assert_eq!(says(people[0], Withdrawn, 6), ErrorCode::QualityConsentNotGiven, "twice");
    // Of another register, and unknown: the same.
    for person in &people[2..] {
        assert_eq!(says(*person, Given, 1), ErrorCode::PersonNotInRegister);
        assert_eq!(says(*person, Withdrawn, 1), ErrorCode::PersonNotInRegister);
    }
    let recorded = world.bodies().into_iter();
    let refused =
        recorded.filter(|body| body.contains(r#""attempted":"quality_consent_recorded""#));
    assert_eq!(refused.count(), 10);
    // What is wrong whoever it is about is refused before anybody is looked up.
    assert_eq!(says(people[0], Given, 16), ErrorCode::RequestInvalid, "in the future");
    let unknown = QualityFact { register: "MADE-UP".parse().unwrap(), ..fact(Given, january(1)) };
    let right = Right::RecordQualityConsents {
        register: "NPR".parse().unwrap(),
        quality_register: unknown.register.clone(),
    };
    let permit = world.permit("p", right);
    let asked = subject("NPR", people[0]);
    let refused = world.service.record_quality_consent(&permit, &asked, Channel::Letter, unknown);
    assert_eq!(code(refused), ErrorCode::QualityRegisterUnknown);
    let (q, rights) = (world.access.by_name(&"q".parse().unwrap()).unwrap(), Right::Rights);
    assert!(authorize(q, rights, january(15)).is_err(), "no right to anything else");
    for (register, quality_register) in [("NPR", "MS"), ("KPR", REGISTER)] {
        let (register, quality_register) =
            (register.parse().unwrap(), quality_register.parse().unwrap());
        let other = Right::CheckQualityConsents { register, quality_register };
        assert!(authorize(q, other, january(15)).is_err(), "nor to another quality register");
    }
    let report = world.innsyn(people[2]);
    assert!(report.accesses.iter().all(|one| one.attempted == "quality_consent_recorded"));
    assert_eq!(report.accesses.len(), 2, "who is in another register is told");
}

#[test]
fn who_was_erased_can_take_back_what_they_said_to_a_quality_register_and_say_nothing_more() {
    use QualityStatement::{Given, Reserved, Withdrawn};
    let world = World::quality();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    world.given(people[0], Given, 1);
    for person in &people {
        world.erase("NPR", *person, crate::rights::cases::Scope::Whole);
    }
    assert_eq!(world.answers(QualityRows::Ids(npr)), "uu", "their IDs are unknown");
    assert_eq!(world.answers_by_number(&people), "yu", "the ledger stays (S-25)");
    for person in &people {
        let refused = world.states("q", *person, fact(Reserved, january(2)));
        assert_eq!(code(refused), ErrorCode::PersonNotInRegister);
    }
    world.given(people[0], Withdrawn, 2);
    assert_eq!(world.answers_by_number(&people), "nu");
    let refused = world.states("q", people[1], fact(Withdrawn, january(2)));
    assert_eq!(code(refused), ErrorCode::PersonNotInRegister);
}

#[test]
fn what_was_said_to_a_quality_register_follows_the_person_through_merge_and_split() {
    use QualityStatement::{Given, Withdrawn};
    let world = World::quality();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people);
    world.given(people[0], Given, 5);
    // Recorded last, and said first: the later day counts for the person that both are.
    world.given(people[1], Given, 1);
    world.given(people[1], Withdrawn, 3);
    assert_eq!(world.answers_by_number(&people), "yn");
    world.happens(NUMBER, people[0], &people[1..]);
    assert_eq!(world.answers_by_number(&people), "yy");
    world.reseal();
    assert_eq!(world.answers_by_number(&people), "yy");
    world.happens(SPLIT, people[0], &people[1..]);
    assert_eq!(world.answers_by_number(&people), "yn", "each their own again");
    world.happens(NUMBER, people[0], &people[1..]);
    world.given(people[1], Withdrawn, 6);
    assert_eq!(world.answers_by_number(&people), "nn", "under whichever identifier");
}
