//! Disclosures over stores in memory: serials, who is in them, and keys that die.

use bytes::Bytes;

use super::*;
use crate::disclosure::decision::BridgeIn;
use crate::disclosure::lifecycle::DisclosureState;
use crate::disclosure::terms::SmallCells;
use crate::disclosure::{ApplicationId, Decision, DisclosureId, Request};
use crate::extract::cells::Screened;
use crate::extract::manifest::{
    Column, Content, Decision as Decided, DecisionKind, FileEntry, LeftOut, Manifest, Organisation,
};
use crate::ident::{Serial, SerialWidth};
use crate::keyring::WrappedDisclosureKey;

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
        let officer = self.officer();
        let (_, number, _) = self.service.record_decision(&officer, application, decision).unwrap();
        let request = OpenDisclosure {
            application,
            decision: number,
            recipient_key: KEY.parse().unwrap(),
            expires: None,
        };
        self.service.open_disclosure(&officer, request).unwrap().0.disclosure.id()
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
        let mut found = open.registers.disclosures_of(crate::vault::PERSONS, person).unwrap();
        found.sort_unstable();
        found
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

/// A client may keep a stream open and say nothing.
#[test]
fn sealing_wipes_the_keys_of_disclosures_although_their_streams_are_open() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(3));
    let id = world.disclosure();
    let serials = world.service.open_serials(&world.officer(), id).unwrap();
    let surrogates = world.service.open_surrogates(&world.officer(), id).unwrap();
    issue(&serials, "NPR", &npr).unwrap();
    assert!(serials.holds_keys());
    world.service.seal(&world.operator()).unwrap();
    assert!(!serials.holds_keys());
    world.unseal();
    assert!(serials.map("NPR", &npr).is_err(), "nor does a later unsealing bring them back");
    let batch =
        SurrogateBatch { key_space: "episodes".into(), values: vec![], institutions: vec![] };
    assert!(surrogates.issue(&batch).is_err());
}

/// Whoever passed the rules before a closing and comes for the key after it gets none.
#[test]
fn a_key_that_is_being_destroyed_is_made_ready_for_nobody() {
    let world = World::unsealed();
    let id = world.disclosure();
    let _ = world.service.open_serials(&world.officer(), id).unwrap();
    let open = world.service.open_now().unwrap();
    open.book.revoke(id);
    let late = world.service.open_serials(&world.officer(), id).err().unwrap();
    assert_eq!(late.code(), ErrorCode::DisclosureClosed);
    open.book.restore(id);
    assert!(world.service.open_serials(&world.officer(), id).is_ok(), "a closing that failed");
}

#[test]
fn a_closed_disclosure_issues_nothing_and_its_key_is_dead() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(20));
    let (closing, staying) = (world.disclosure(), world.disclosure());
    let serials = world.serials(staying, "NPR", &npr).unwrap().ids;
    let running = world.service.open_serials(&world.officer(), closing).unwrap();
    issue(&running, "NPR", &npr).unwrap();
    let late = running.map("NPR", &npr).unwrap();
    let key_of = |id: DisclosureId| {
        let open = world.service.open_now().unwrap();
        open.registers.stored(&Key::disclosure_key(id.0)).unwrap()
    };
    let wrapped = WrappedDisclosureKey::from_bytes(key_of(closing).unwrap());
    let (view, _) = world.service.close_disclosure(&world.officer(), closing).unwrap();
    assert_eq!(view.disclosure.state(), DisclosureState::Closed);
    assert_eq!(running.submit(late).err().unwrap().code(), ErrorCode::DisclosureClosed);
    assert_eq!(running.map("NPR", &npr).err().unwrap().code(), ErrorCode::DisclosureClosed);
    assert_eq!(key_of(closing), None);
    let refused = world.serials(closing, "NPR", &npr).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::StepOutOfOrder);
    let again = world.service.close_disclosure(&world.officer(), closing).err().unwrap();
    assert_eq!(again.code(), ErrorCode::StepOutOfOrder);
    for _ in 0..2 {
        // The old wrap, kept by whoever copied the store, opens with no key that is left.
        let open = world.service.open_now().unwrap();
        let erasure = open.keys().keyring.erasure();
        let width = crate::crypto::SerialWidth::DEFAULT;
        assert!(wrapped.open(closing.0, erasure, width).is_err());
        drop(open);
        assert_eq!(world.serials(staying, "NPR", &npr).unwrap().ids, serials);
        world.reseal();
    }
}

#[test]
fn a_closing_that_a_crash_cut_off_is_finished_at_the_next_start() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(5));
    let id = world.disclosure();
    let serials = world.serials(id, "NPR", &npr).unwrap().ids;
    let open = world.service.open_now().unwrap();
    let erasure = open.keys().keyring.erasure();
    let old = erasure.active().id();
    let _ = erasure.prepare(&Entropy::os(), clock().now()).unwrap();
    drop(open);
    world.reseal();
    let open = world.service.open_now().unwrap();
    let erasure = open.keys().keyring.erasure();
    assert!(erasure.pending().is_none() && erasure.with_id(old).is_none());
    drop(open);
    assert_eq!(world.serials(id, "NPR", &npr).unwrap().ids, serials);
    assert!(world.bodies().iter().any(|body| body.contains(r#""action":"keys_rewrapped""#)));
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
fn a_manifest_without_the_screening_that_was_decided_is_not_signed() {
    let world = World::unsealed();
    let asked = SmallCells { persons_min: 5, columns: vec!["sex".into()] };
    let mut decided = decision();
    decided.terms.small_cells = Some(asked.clone());
    let id = world.disclosure_of(world.application(), decided);
    let screened = Screened {
        persons_min: 5,
        columns: asked.columns,
        persons: 10,
        combinations: 2,
        guarantee: "as it is".into(),
    };
    let left_out = LeftOut::shown(0, 0, Some(5));
    let record = |small_cells| {
        let left_out = left_out.clone();
        let manifest = Manifest { small_cells, left_out, ..manifest(&world, id) };
        let report = DeliveryReport {
            manifest: manifest.text().unwrap(),
            files: vec!["npr.csv".parse().unwrap()],
            rows: 10,
            persons: 10,
            persons_left_out: 0,
            guard_exceptions: Vec::new(),
        };
        world.service.record_delivery(&world.officer(), id, report).map(|_| ())
    };
    let refused = record(None).unwrap_err();
    assert!(refused.violations()[0].text.contains("small cells"), "{refused:?}");
    record(Some(screened)).unwrap();
}

#[test]
fn a_decision_on_a_bridge_in_is_not_opened_as_if_there_were_none() {
    let world = World::unsealed();
    let from = serde_json::from_str(r#"{"number":"352601810","name":"Uni"}"#).unwrap();
    let decided = Decision { bridge_in: Some(BridgeIn { from }), ..decision() };
    let (officer, application) = (world.officer(), world.application());
    let (_, number, _) = world.service.record_decision(&officer, application, decided).unwrap();
    let request = OpenDisclosure {
        application,
        decision: number,
        recipient_key: KEY.parse().unwrap(),
        expires: None,
    };
    let refused = world.service.open_disclosure(&officer, request).err().unwrap();
    assert!(refused.text().contains("not built yet"), "{}", refused.text());
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
    let narrow = Decision { serial_width: SerialWidth::Eight, ..decision() };
    world.ingest("NPR", "HF", &numbers(1));
    let (_, number, _) = world.service.record_decision(&officer, application, narrow).unwrap();
    let request = OpenDisclosure {
        application,
        decision: number,
        recipient_key: KEY.parse().unwrap(),
        expires: None,
    };
    let refused = world.service.open_disclosure(&officer, request).err().unwrap();
    assert!(refused.text().contains("8 digits are too few"), "{}", refused.text());
    let refusals: Vec<String> = world.bodies();
    let attempted = |what: &str| {
        let text = format!(r#""attempted":"{what}","reason":"rule_refuses""#);
        refusals.iter().filter(|body| body.contains(&text)).count()
    };
    assert_eq!((attempted("application_received"), attempted("decision_recorded")), (1, 1));
}

/// A manifest that says what the disclosure is.
fn manifest(world: &World, id: DisclosureId) -> Manifest {
    let view = world.service.disclosure(&world.officer(), id).unwrap();
    Manifest {
        v: crate::extract::manifest::VERSION,
        disclosure: id.to_string(),
        recipient: Organisation { organisation: "Uni".into(), keys: vec![KEY.into()] },
        purpose: "research".into(),
        legal_basis: "law".into(),
        decision: Decided {
            authority: "Helsedataservice".into(),
            reference: view.decided.reference.to_string(),
            kind: DecisionKind::Access,
            date: view.decided.dated,
        },
        files: vec![FileEntry {
            name: "npr.csv".into(),
            sha256: [1; 32],
            bytes: 10,
            rows: 10,
            columns: vec![Column { name: "lopenr".into(), content: Content::Serial }],
        }],
        small_cells: None,
        left_out: LeftOut::shown(1, 1, None),
        expires: view.disclosure.opening().expires,
        contact: "data@register.example".into(),
        made: date(2026, 1, 15),
        software: "hvelv".into(),
        verifier_key: world.service.verifier_key().unwrap(),
    }
}

#[test]
fn an_extract_is_recorded_and_its_manifest_signed() {
    let world = World::unsealed();
    let id = world.disclosure();
    let report = DeliveryReport {
        manifest: manifest(&world, id).text().unwrap(),
        files: vec!["npr.csv".parse().unwrap()],
        rows: 10,
        persons: 5,
        persons_left_out: 1,
        guard_exceptions: Vec::new(),
    };
    let officer = world.officer();
    let (signed, view, _) = world.service.record_delivery(&officer, id, report.clone()).unwrap();
    let key = world.service.verifier_key().unwrap().parse().unwrap();
    assert!(Manifest::open(&signed, Some(&key)).is_ok());
    assert_eq!(view.disclosure.state(), DisclosureState::Extracted);
    let other = Manifest { disclosure: "0".repeat(32), ..manifest(&world, id) };
    let late = Manifest { expires: date(2030, 1, 1), ..manifest(&world, id) };
    for text in ["no newline".into(), other.text().unwrap(), late.text().unwrap()] {
        let bad = DeliveryReport { manifest: text, ..report.clone() };
        let refused = world.service.record_delivery(&officer, id, bad).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::RequestInvalid);
    }
    let _ = world.service.complete_disclosure(&officer, id).unwrap();
    let _ = world.service.confirm_deletion(&officer, id).unwrap();
    world.reseal();
    let view = world.service.disclosure(&officer, id).unwrap();
    assert_eq!(view.disclosure.deliveries().len(), 1);
    assert!(view.disclosure.deletion_confirmed().is_some());
}
