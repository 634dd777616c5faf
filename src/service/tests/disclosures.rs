//! Disclosures over stores in memory: serials, who is in them, and what the rules refuse.

use bytes::Bytes;

use super::*;
use crate::disclosure::lifecycle::DisclosureState;
use crate::disclosure::{ApplicationId, Decision, DisclosureId, Request};
use crate::ident::{Serial, SerialWidth};
use crate::keyring::WrappedDisclosureKey;

mod ended;
mod extracts;
mod joint;
mod keys;

pub(super) const REQUEST: &str = r#"
    applicant = "Prosjekt X"
    organisation = "352601810"
    purpose = "research"
    registers = ["NPR", "KPR"]
    legal_basis = ["GDPR art. 6 nr. 1 e"]
    delivered_to = "tsd"
    contact = "x@uni.example"
    description = "En test"
"#;

const DECISION: &str = r#"
    authority = "helsedataservice"
    kind = "access"
    reference = "26/1"
    dated = "2026-01-10"
    valid_until = "2027-12-31"
    serial_width = 9
    reidentification = "refused"
    [[terms.registers]]
    register = "NPR"
    variables = [{ name = "sex" }]
    secondary = [{ column = "episode_id", key_space = "episodes" }]
    [[terms.registers]]
    register = "KPR"
    variables = [{ name = "sex" }]
"#;

const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

pub(super) fn request() -> Request {
    toml::from_str(REQUEST).unwrap()
}

pub(super) fn decision() -> Decision {
    // Dates of TOML are of a type of their own; records are JSON.
    let table: toml::Table = toml::from_str(DECISION).unwrap();
    serde_json::from_value(serde_json::to_value(table).unwrap()).unwrap()
}

impl World {
    pub(super) fn officer(&self) -> Permit {
        self.permit("f", Right::Disclose)
    }

    pub(super) fn application(&self) -> ApplicationId {
        let (application, _) =
            self.service.receive_application(&self.officer(), request()).unwrap();
        application.id()
    }

    pub(super) fn disclosure_of(
        &self,
        application: ApplicationId,
        decision: Decision,
    ) -> DisclosureId {
        self.try_open_of(application, decision).unwrap()
    }

    pub(super) fn try_open_of(
        &self,
        application: ApplicationId,
        decision: Decision,
    ) -> Result<DisclosureId, Error> {
        let officer = self.officer();
        let (_, number, _) = self.service.record_decision(&officer, application, decision)?;
        let request = OpenDisclosure {
            application,
            decision: number,
            recipient_key: KEY.parse().unwrap(),
            expires: None,
        };
        Ok(self.service.open_disclosure(&officer, request)?.0.disclosure.id())
    }

    pub(super) fn disclosure(&self) -> DisclosureId {
        self.disclosure_of(self.application(), decision())
    }

    pub(super) fn serials(
        &self,
        id: DisclosureId,
        register: &str,
        ids: &[u64],
    ) -> Result<Answered, Error> {
        let issuing = self.service.open_serials(&self.officer(), id)?;
        let answered = issue(&issuing, register, ids)?;
        let _ = done(&issuing, issuing.finish()?.0)?;
        Ok(answered)
    }
}

pub(super) fn issue(issuing: &Issuing, register: &str, ids: &[u64]) -> Result<Answered, Error> {
    let mapped = issuing.map(register, ids)?;
    Ok(done(issuing, issuing.submit(mapped)?)?.into_answer().0)
}

pub(super) fn done<T>(issuing: &Issuing, pending: Pending<T>) -> Result<Recorded<T>, Error> {
    let sealed = || Error::new(ErrorCode::ServerSealed);
    pending.blocking_recv().map_err(|_| sealed())?.map_err(|error| issuing.record_failed(error))
}

#[test]
fn a_person_has_one_serial_in_a_disclosure_and_another_in_the_next() {
    let world = World::unsealed();
    let people = numbers(300);
    let npr = world.ingest("NPR", "HF", &people);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let (first, second) = (world.disclosure(), world.disclosure());
    let serials = world.serials(first, "NPR", &npr).unwrap().ids;
    for serial in &serials {
        assert!(Serial::try_from_u64(SerialWidth::Nine, *serial).is_ok());
    }
    assert_eq!(serials.iter().collect::<HashSet<_>>().len(), people.len());
    assert_eq!(world.serials(first, "KPR", &kpr).unwrap().ids, serials, "by the other register");
    let others = world.serials(second, "NPR", &npr).unwrap().ids;
    assert!(others.iter().zip(&serials).all(|(other, serial)| other != serial));
    world.reseal();
    assert_eq!(world.serials(first, "NPR", &npr).unwrap().ids, serials, "after a restart");
    let view = world.service.disclosure(&world.officer(), first).unwrap();
    assert_eq!((view.persons, view.disclosure.state()), (300, DisclosureState::Open));
}

#[test]
fn what_is_no_id_of_the_register_is_told_by_row_and_code() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(2));
    let kpr = world.ingest("KPR", "KUHR", &numbers(1));
    let id = world.disclosure();
    let rows = [npr[0], kpr[0], npr[1] ^ 1, 7, npr[1]];
    let answered = world.serials(id, "NPR", &rows).unwrap();
    let codes: Vec<(u32, &str)> =
        answered.notes.iter().map(|note| (note.row, note.code.name())).collect();
    assert_eq!(codes, [(1, "unknown"), (2, "check_digits"), (3, "format")]);
    assert!(answered.ids[0] != 0 && answered.ids[4] != 0);
    // Who joins after the inverse was made is found too.
    let more = world.ingest("NPR", "HF", &numbers(9)[8..]);
    assert_eq!(world.serials(id, "NPR", &more).unwrap().notes, []);
    let other = world.serials(id, "IPLOS", &npr).err().unwrap();
    assert_eq!(other.code(), ErrorCode::RequestInvalid);
}

#[test]
fn who_is_in_which_disclosure_is_read_back_per_person() {
    let world = World::unsealed();
    let people = numbers(200);
    let npr = world.ingest("NPR", "HF", &people);
    let (first, second) = (world.disclosure(), world.disclosure());
    world.serials(first, "NPR", &npr).unwrap();
    // Not finished: its deltas are not folded.
    let issuing = world.service.open_serials(&world.officer(), second).unwrap();
    issue(&issuing, "NPR", &npr[..50]).unwrap();
    drop(issuing);
    let of = |world: &World, row: usize| {
        let open = world.service.open_now().unwrap();
        let person = open.registers.identify(1, &npr[row..=row]).unwrap()[0].unwrap();
        let found = world.service.disclosures_with(&open, crate::vault::PERSONS, &[person]);
        found.unwrap().into_iter().collect::<Vec<_>>()
    };
    let mut both = vec![first.0, second.0];
    both.sort_unstable();
    for world_again in [&world, {
        world.reseal();
        &world
    }] {
        assert_eq!(of(world_again, 0), both);
        assert_eq!(of(world_again, 150), [first.0]);
    }
    let actions: Vec<String> = world.bodies();
    assert!(actions.iter().any(|body| body.contains(r#""action":"serials_issued""#)
        && body.contains(&format!(r#""disclosure":"{first}""#))));
}

/// Goal: streams that are answered with one commit each record their persons.  Method: both batches
/// are handed over while another batch is announced, so that the recorder waits and takes both.
#[test]
fn streams_of_one_disclosure_that_share_a_commit_lose_nobody() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(40));
    let id = world.disclosure();
    let streams = [0, 1].map(|_| world.service.open_serials(&world.officer(), id).unwrap());
    for round in 0..5 {
        let open = world.service.open_now().unwrap();
        let arriving = open.registers.announce();
        // They overlap, and each has persons of its own.
        let rows = [&npr[round * 8..round * 8 + 6], &npr[round * 8 + 3..round * 8 + 8]];
        let mapped = [0, 1].map(|at| streams[at].map("NPR", rows[at]).unwrap());
        let waiting: Vec<_> = streams
            .iter()
            .zip(mapped)
            .map(|(stream, mapped)| stream.submit(mapped).unwrap())
            .collect();
        drop((arriving, open));
        for (stream, pending) in streams.iter().zip(waiting) {
            assert_eq!(done(stream, pending).unwrap().into_answer().0.notes, []);
        }
    }
    let persons = |world: &World| world.service.disclosure(&world.officer(), id).unwrap().persons;
    assert_eq!(persons(&world), 40);
    drop(streams);
    world.reseal();
    assert_eq!(persons(&world), 40, "as stored");
}

#[test]
fn serials_whose_record_failed_are_not_answered() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = World::unsealed();
        let npr = world.ingest("NPR", "HF", &numbers(50));
        let id = world.disclosure();
        world.service.seal(&world.operator()).unwrap();
        // The entry of unsealing is the first commit, the serials the next.
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        let failed = world.serials(id, "NPR", &npr).err().unwrap();
        assert_eq!(failed.code(), ErrorCode::CommitUncertain);
        let mut state = world.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
        let answered = world.serials(id, "NPR", &npr).unwrap();
        assert_eq!(answered.notes, []);
        let view = world.service.disclosure(&world.officer(), id).unwrap();
        assert_eq!(view.persons, 50);
    }
}

#[test]
fn surrogates_are_equal_in_one_disclosure_and_differ_between_two() {
    let world = World::unsealed();
    let (first, second) = (world.disclosure(), world.disclosure());
    let batch = |key_space: &str, values: &[&'static str]| SurrogateBatch {
        key_space: key_space.to_owned(),
        values: values.iter().map(|value| Bytes::from_static(value.as_bytes())).collect(),
        institutions: Vec::new(),
    };
    let issue = |id, batch: &SurrogateBatch| {
        let issuing = world.service.open_surrogates(&world.officer(), id)?;
        Ok::<_, Error>(issuing.issue(batch)?.into_answer().0)
    };
    let one = issue(first, &batch("episodes", &["a", "b", "a"])).unwrap();
    assert_eq!((one.len(), &one[..16]), (48, &one[32..]));
    assert_ne!(one[..16], one[16..32]);
    assert_eq!(issue(first, &batch("episodes", &["a"])).unwrap(), one[..16]);
    assert_ne!(issue(second, &batch("episodes", &["a"])).unwrap(), one[..16]);
    let refused = issue(first, &batch("others", &["a"])).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RequestInvalid);
}

#[test]
fn a_supplement_that_a_decision_names_continues_the_serials() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(5));
    let application = world.application();
    let first = world.disclosure_of(application, decision());
    let serials = world.serials(first, "NPR", &npr).unwrap().ids;
    let continued = Decision { continues: Some(first), ..decision() };
    let second = world.disclosure_of(application, continued.clone());
    assert_eq!(world.serials(second, "NPR", &npr).unwrap().ids, serials);
    let (closed, _) = world.service.close_disclosure(&world.officer(), first).unwrap();
    assert_eq!(closed.shared_with, [second], "who closes is told that the key lives on");
    assert_eq!(world.serials(second, "NPR", &npr).unwrap().ids, serials);
    assert_eq!(world.service.disclosure(&world.officer(), second).unwrap().shared_with, []);
    let late = world.service.record_decision(
        &world.officer(),
        application,
        Decision { dated: date(2026, 1, 15), ..continued },
    );
    assert_eq!(late.err().unwrap().code(), ErrorCode::RuleRefuses);
}

#[test]
fn what_the_rules_refuse_is_refused_with_its_reason_and_recorded() {
    let world = World::unsealed();
    let officer = world.officer();
    let insurer = Request { organisation: "376018954".parse().unwrap(), ..request() };
    let refused = world.service.receive_application(&officer, insurer).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RuleRefuses);
    let application = world.application();
    let wrong = Decision { authority: "rek".parse().unwrap(), ..decision() };
    let refused = world.service.record_decision(&officer, application, wrong).err().unwrap();
    assert!(refused.text().contains("Helsedataservice"), "{}", refused.text());
    let refusals: Vec<String> = world.bodies();
    let attempted = |what: &str| {
        let text = format!(r#""attempted":"{what}","reason":"rule_refuses""#);
        refusals.iter().filter(|body| body.contains(&text)).count()
    };
    assert_eq!((attempted("application_received"), attempted("decision_recorded")), (1, 1));
}
