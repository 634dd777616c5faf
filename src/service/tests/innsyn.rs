//! Innsyn over stores in memory: what a person is told, and that it is about nobody else.

use zeroize::Zeroizing;

use super::rights::reserved;
use super::*;
use crate::disclosure::DisclosureId;
use crate::rights::report::{Access, Report};
use crate::rights::representation::{
    Acting, Address, Age, Block, Facts, Level, Life, Refusal, Stated, Way,
};
use crate::store::{Durability, Step};

mod old_stores;
mod representation;
mod worlds;

/// The person, by letter.
pub(super) fn by_letter() -> Facts {
    Facts { life: Some(Life::Alive), ..Facts::new(Acting::Person, Way::Manual) }
}

impl World {
    pub(super) fn ask_innsyn(
        &self,
        number: u64,
        facts: Facts,
        register_ids: RegisterIds,
    ) -> Result<(Innsyn, u64), Error> {
        let request = InnsynRequest {
            kind: RowKind { declared: Declared::Any, assigner: None },
            identifier: Zeroizing::new(format!("{number:011}")),
            facts,
            register_ids,
        };
        let permit = self.permit("p", Right::Rights);
        Ok(self.service.innsyn(&permit, &request)?.into_answer())
    }

    pub(super) fn innsyn(&self, number: u64) -> Report {
        let (innsyn, entry) = self.ask_innsyn(number, by_letter(), RegisterIds::Untold).unwrap();
        assert!(innsyn.register_ids.is_empty());
        let report = Report { audit_entry: entry, ..innsyn.report };
        let page = crate::rights::page::page(&report);
        let words = report.accesses.iter().flat_map(|one| [&one.action, &one.attempted]);
        for word in words.filter(|word| word.contains('_')) {
            assert!(!page.contains(&word.replace('_', " ")), "{word} has no text on the page");
        }
        report
    }

    pub(super) fn asked_about(&self, register: &str, source: &str, numbers: &[u64]) {
        let mut request = Self::request(register, source, IngestMode::ResolveOnly);
        request.purpose = IngestPurpose::QualityControl;
        self.deliver(&request, numbers).unwrap();
    }

    pub(super) fn import_iplos(&self, numbers: &[u64]) {
        let mut request = Self::request("IPLOS", "KOMMUNE", IngestMode::ResolveOrAssign);
        request.purpose = IngestPurpose::HistoricalImport;
        self.deliver(&request, numbers).unwrap();
    }
}

/// The actions of accesses, the newest first.
fn actions(report: &Report) -> Vec<&str> {
    report.accesses.iter().map(|access| access.action.as_str()).collect()
}

fn codes(report: &Report) -> Vec<&str> {
    report.registers.iter().map(|register| register.code.as_str()).collect()
}

#[test]
fn the_request_itself_is_in_the_next_report() {
    let world = World::unsealed();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people);
    let first = world.innsyn(people[0]);
    assert!(first.accesses.is_empty());
    for _ in 0..2 {
        let next = world.innsyn(people[0]);
        let Access { entry, actor, principal, organisation, action, details, .. } =
            next.accesses.last().unwrap();
        assert_eq!((*entry, action.as_str()), (first.audit_entry, "innsyn_given"));
        assert_eq!((actor.as_str(), principal.as_str()), ("person", "p"));
        assert_eq!(organisation.name, "Folkehelseinstituttet");
        assert_eq!(*details, ["acting self", "way manual"]);
        world.reseal();
    }
    assert!(world.innsyn(people[1]).accesses.is_empty(), "and in nobody else's");
    for body in world.bodies() {
        assert!(people.iter().all(|number| !body.contains(&number.to_string())));
    }
}

#[test]
fn a_look_up_of_another_client_shows_with_who_when_and_why() {
    let world = World::unsealed();
    let people = numbers(3);
    world.ingest("NPR", "HF", &people[..2]);
    world.asked_about("NPR", "HF", &people[..1]);
    let report = world.innsyn(people[0]);
    let access = &report.accesses[0];
    assert_eq!((access.action.as_str(), access.actor.as_str()), ("resolve", "system"));
    assert_eq!((access.principal.as_str(), access.purpose.as_str()), ("a", "quality_control"));
    assert_eq!(access.organisation.number, "983744516");
    assert_eq!(access.at, "2026-01-15T12:00:00Z");
    assert_eq!((access.source.as_str(), access.times), ("HF", 1));
    let register = access.register.as_ref().unwrap();
    assert_eq!((register.code.as_str(), register.name.as_str()), ("NPR", "Norsk pasientregister"));
    assert!(world.innsyn(people[1]).accesses.is_empty());
    // Who is in no register, and was looked up, was known to nobody.
    world.asked_about("NPR", "HF", &people);
    assert_eq!(actions(&world.innsyn(people[2])), [""; 0]);
    assert_eq!(actions(&world.innsyn(people[1])), ["resolve", "innsyn_given"]);
}

#[test]
fn registers_with_sources_first_and_last_seen_and_what_was_said() {
    let world = World::unsealed();
    let people = numbers(3);
    world.ingest("NPR", "HF", &people);
    world.ingest("KPR", "KUHR", &people[..1]);
    world.clock.advance(Duration::from_secs(86_400));
    world.ingest("NPR", "HF", &people[..1]);
    world.say("KPR", people[0], reserved("secondary_purposes")).unwrap();
    let report = world.innsyn(people[0]);
    assert_eq!(codes(&report), ["NPR", "KPR"]);
    let npr = &report.registers[0];
    assert_eq!((npr.standing.as_str(), npr.basis.as_str()), ("member", "law"));
    assert_eq!(npr.controller.name, "Folkehelseinstituttet");
    assert_eq!((npr.sources.len(), npr.sources[0].deliveries), (1, 2));
    assert_eq!(npr.sources[0].name, "Helseforetak");
    assert_eq!(npr.sources[0].period_from, "2026-01-01");
    assert_eq!(npr.first_seen, "2026-01-15T12:00:00Z");
    assert_eq!(npr.last_seen, "2026-01-16T12:00:00Z");
    let excluded: Vec<&str> = npr.exclusions.iter().map(|term| term.code.as_str()).collect();
    let expected =
        ["referral_and_waiting_time", "contact_administration", "financing", "housing_and_care"];
    assert_eq!(excluded, expected, "S-03");
    let kpr = &report.registers[1];
    assert_eq!(kpr.reservations[0].code, "secondary_purposes");
    assert_eq!(kpr.ledger.len(), 1);
    assert_eq!(
        (kpr.ledger[0].kind.as_str(), kpr.ledger[0].channel.as_str()),
        ("reservation_set", "letter")
    );
    assert_eq!(kpr.exclusions.len(), 3, "S-04");
    assert!(kpr.contact.contains("innsyn@"));
    assert_eq!(actions(&report), ["reservation_set"]);
    let other = world.innsyn(people[1]);
    assert_eq!(codes(&other), ["NPR"]);
    assert_eq!(other.registers[0].last_seen, "2026-01-15T12:00:00Z");
}

#[test]
fn somebody_in_no_register_is_answered_with_nothing_and_recorded() {
    let world = World::unsealed();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people[..1]);
    let (innsyn, _) = world.ask_innsyn(people[1], by_letter(), RegisterIds::Told).unwrap();
    let Report { registers, disclosures, accesses, cases, .. } = innsyn.report;
    assert!(registers.is_empty() && disclosures.is_empty());
    assert!(accesses.is_empty() && cases.is_empty() && innsyn.register_ids.is_empty());
    let bodies = world.bodies();
    let given = |body: &&String| body.contains(r#""action":"innsyn_given""#);
    let recorded: Vec<&String> = bodies.iter().filter(given).collect();
    assert!(recorded.len() == 1 && !recorded[0].contains("reference"));
    assert_eq!(world.service.status(Detail::Full).detail.unwrap().persons, 1, "nobody is made");
    let malformed =
        world.ask_innsyn(people[1] + 1, by_letter(), RegisterIds::Untold).err().unwrap();
    assert_eq!(malformed.code(), ErrorCode::RequestInvalid);
    let stranger = world.permit("f", Right::Disclose);
    let request = InnsynRequest {
        kind: RowKind { declared: Declared::Any, assigner: None },
        identifier: Zeroizing::new(people[0].to_string()),
        facts: by_letter(),
        register_ids: RegisterIds::Untold,
    };
    let refused = world.service.innsyn(&stranger, &request).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::NotAllowed);
}

/// Goal: a person of a one-way register is found, and the answer leaves no link to the same person of
/// the sealed registers.
#[test]
fn a_person_of_a_one_way_register_is_found_by_tag_and_no_link_is_stored() {
    let world = World::unsealed();
    let people = numbers(3);
    world.import_iplos(&people[..2]);
    world.ingest("NPR", "HF", &people[1..2]);
    let only = world.innsyn(people[0]);
    assert_eq!(codes(&only), ["IPLOS"]);
    assert_eq!(only.registers[0].sources[0].code, "KOMMUNE");
    assert_eq!(actions(&world.innsyn(people[0])), ["innsyn_given"], "it is found again");
    let both = world.innsyn(people[1]);
    assert_eq!(codes(&both), ["NPR", "IPLOS"]);
    assert_eq!(actions(&world.innsyn(people[1])), ["innsyn_given"]);
    // Nor does an entry that leads to the one say that there is the other.
    let (told, _) = world.ask_innsyn(people[1], by_letter(), RegisterIds::Told).unwrap();
    assert_eq!(told.register_ids.len(), 2);
    let asked = world.bodies().into_iter().find(|body| body.contains("register_ids")).unwrap();
    assert!(asked.contains("register_ids NPR\"") && !asked.contains("IPLOS"), "{asked}");
    // The requests of the person in both lead to the sealed partition alone.
    let open = world.service.open_now().unwrap();
    let led: Vec<u16> = world
        .bodies()
        .iter()
        .map(|body| Entry::decode(body).unwrap())
        .filter_map(|entry| open.registers.person_of_audit(entry.reference?).unwrap())
        .map(|(partition, _)| partition)
        .collect();
    assert_eq!(led, [3, 3, 0, 0, 0]);
}

#[test]
fn register_ids_are_told_when_they_are_asked_for_and_that_is_recorded() {
    let world = World::unsealed();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    let (innsyn, _) = world.ask_innsyn(people[1], by_letter(), RegisterIds::Told).unwrap();
    assert_eq!(innsyn.register_ids, [("NPR".to_owned(), vec![npr[1]])]);
    assert!(!innsyn.report.to_json().contains(&npr[1].to_string()), "not in the report");
    assert_eq!(world.innsyn(people[1]).accesses[0].details.last().unwrap(), "register_ids NPR");
}

#[test]
fn a_disclosure_is_told_with_its_decision_and_a_closed_one_as_closed() {
    let world = World::unsealed();
    let people = numbers(4);
    let npr = world.ingest("NPR", "HF", &people);
    let (first, second) = (world.disclosure(), world.disclosure());
    world.serials(first, "NPR", &npr[..2]).unwrap();
    world.clock.advance(Duration::from_secs(60));
    world.serials(second, "NPR", &npr[1..]).unwrap();
    let report = world.innsyn(people[0]);
    assert_eq!(report.disclosures.len(), 1);
    let told = &report.disclosures[0];
    assert_eq!(told.recipient.name, "Universitetet i Eksempelby");
    assert_eq!(told.recipient_class, "researcher");
    assert_eq!((told.purpose.as_str(), told.state.as_str()), ("research", "open"));
    assert_eq!(told.legal_basis, ["GDPR art. 6 nr. 1 e"]);
    assert_eq!(told.decision_reference, "26/1");
    assert_eq!((told.decision_dated.as_str(), told.expires.as_str()), ("2026-01-10", "2027-12-31"));
    assert!(told.handed_over.is_empty() && told.closed.is_empty() && told.bridges.is_empty());
    let registers: Vec<&str> = told.registers.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(registers, ["NPR", "KPR"]);
    let _ = world.service.close_disclosure(&world.officer(), first).unwrap();
    for _ in 0..2 {
        let both = world.innsyn(people[1]);
        let states: Vec<(&str, bool)> = both
            .disclosures
            .iter()
            .map(|one| (one.state.as_str(), one.closed.is_empty()))
            .collect();
        assert_eq!(states.len(), 2);
        assert!(states.contains(&("closed", false)) && states.contains(&("open", true)));
        assert_eq!(world.innsyn(people[2]).disclosures.len(), 1);
        world.reseal();
    }
}

/// Goal: entries are found before and after they are folded, and around the fold.  Method: more look-ups
/// than are folded at once.
#[test]
fn entries_are_found_in_folds_and_since_the_last_one() {
    let world = World::unsealed();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people);
    for _ in 0..140 {
        world.asked_about("NPR", "HF", &people[..1]);
    }
    let folds = || {
        let mut count = 0;
        let folds = Key::all(Kind::AuditOf);
        let counting = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            Ok(Step::Continue)
        };
        world.stores.registers.scan(folds, counting).unwrap();
        count
    };
    // A look-up has two entries: its answer, and the end of its delivery.
    assert!(folds() > 0, "280 entries and those before them are folded");
    assert_eq!(world.innsyn(people[0]).accesses.len(), 140);
    world.reseal();
    assert_eq!(world.innsyn(people[0]).accesses.len(), 141);
    assert_eq!(world.innsyn(people[1]).accesses.len(), 0);
}

#[test]
fn a_report_whose_record_failed_is_not_answered() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = World::unsealed();
        let people = numbers(1);
        world.ingest("NPR", "HF", &people);
        world.service.seal(&world.operator()).unwrap();
        // The entry of unsealing is the first commit, that of the report the next.
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        let failed = world.ask_innsyn(people[0], by_letter(), RegisterIds::Untold).err().unwrap();
        assert_eq!(failed.code(), ErrorCode::CommitUncertain);
        let mut state = world.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
        let told = world.innsyn(people[0]).accesses.len();
        assert_eq!(told, usize::from(fault == Fault::Uncertain), "it is told if it is recorded");
    }
}
