//! What is recorded and signed of an extract.

use super::*;
use crate::disclosure::terms::SmallCells;
use crate::extract::cells::Screened;
use crate::extract::manifest::{
    Column, Content, Decision as Decided, DecisionKind, FileEntry, LeftOut, Manifest, Organisation,
};

impl World {
    /// An extract is delivered, and nothing more is.
    pub(in crate::service::tests) fn complete(&self, id: DisclosureId) {
        let report = DeliveryReport {
            manifest: manifest(self, id).text().unwrap(),
            files: vec!["npr.csv".parse().unwrap()],
            rows: 10,
            persons: 5,
            persons_left_out: 1,
            guard_exceptions: Vec::new(),
        };
        let officer = self.officer();
        let _ = self.service.record_delivery(&officer, id, report).unwrap();
        let _ = self.service.complete_disclosure(&officer, id).unwrap();
    }
}

/// A decision that asks for small cells by sex, in a register with another variable.
fn screening() -> Decision {
    let mut decided = decision();
    let note = toml::from_str("name = 'note'").unwrap();
    decided.terms.registers[0].variables.push(note);
    decided.terms.small_cells = Some(SmallCells { persons_min: 5, columns: vec!["sex".into()] });
    decided
}

fn screened(columns: &[&str]) -> Option<Screened> {
    Some(Screened {
        persons_min: 5,
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        persons: 10,
        combinations: 2,
        guarantee: "as it is".into(),
    })
}

/// A file of an extract, by its content, with these variables.
fn file(name: &str, content: u8, variables: &[&str]) -> FileEntry {
    let variable = |&name: &&str| {
        let content = Content::Variable { generalisation: None };
        Column { name: name.to_owned(), content }
    };
    let mut columns = vec![Column { name: "lopenr".into(), content: Content::Serial }];
    columns.extend(variables.iter().map(variable));
    FileEntry { name: name.into(), sha256: [content; 32], bytes: 10, rows: 10, columns }
}

impl World {
    /// Records an extract of files that were screened.
    fn hand_over(&self, id: DisclosureId, files: Vec<FileEntry>) -> Result<(), Error> {
        let small_cells = screened(&["sex"]);
        let left_out = LeftOut::shown(0, 0, Some(5));
        let manifest = Manifest { files, small_cells, left_out, ..manifest(self, id) };
        self.service.record_delivery(&self.officer(), id, report(&manifest)).map(|_| ())
    }
}

pub(super) fn report(manifest: &Manifest) -> DeliveryReport {
    DeliveryReport {
        manifest: manifest.text().unwrap(),
        files: manifest.files.iter().map(|file| file.name.parse().unwrap()).collect(),
        rows: 10,
        persons: 10,
        persons_left_out: 0,
        guard_exceptions: Vec::new(),
    }
}

#[test]
fn a_manifest_without_the_screening_that_was_decided_is_not_signed() {
    let world = World::unsealed();
    let id = world.disclosure_of(world.application(), screening());
    let left_out = LeftOut::shown(0, 0, Some(5));
    let record = |small_cells| {
        let left_out = left_out.clone();
        let manifest = Manifest { small_cells, left_out, ..manifest(&world, id) };
        world.service.record_delivery(&world.officer(), id, report(&manifest)).map(|_| ())
    };
    for small_cells in [None, screened(&["note"])] {
        let refused = record(small_cells).unwrap_err();
        assert!(refused.violations()[0].text.contains("small cells"), "{refused:?}");
    }
    record(screened(&["sex"])).unwrap();
}

#[test]
fn a_manifest_with_a_column_that_was_not_approved_is_not_signed() {
    let world = World::unsealed();
    let id = world.disclosure();
    let year =
        Content::Variable { generalisation: Some(crate::disclosure::terms::Generalisation::Year) };
    let others = [
        ("note", Content::Variable { generalisation: None }),
        ("sex", year),
        ("sex", Content::Surrogate { key_space: "episodes".into() }),
        ("episode_id", Content::Surrogate { key_space: "units".into() }),
        ("episode_id", Content::Variable { generalisation: None }),
    ];
    let record = |name: &str, content| {
        let mut manifest = manifest(&world, id);
        manifest.files[0].columns.push(Column { name: name.into(), content });
        world.service.record_delivery(&world.officer(), id, report(&manifest)).map(|_| ())
    };
    for (name, content) in others {
        let refused = record(name, content).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RequestInvalid);
        assert!(refused.violations()[0].text.contains("does not let out"), "{refused:?}");
    }
    record("episode_id", Content::Surrogate { key_space: "episodes".into() }).unwrap();
    record("sex", Content::Variable { generalisation: None }).unwrap();
}

#[test]
fn screened_columns_go_out_in_one_command_and_again_only_as_they_were() {
    let world = World::unsealed();
    let application = world.application();
    let id = world.disclosure_of(application, screening());
    let first = || file("npr.csv", 1, &["sex"]);
    world.hand_over(id, vec![file("notes.csv", 2, &["note"])]).unwrap();
    world.hand_over(id, vec![first(), file("kpr.csv", 3, &["note"])]).unwrap();
    // What got lost is given again; a supplement without screened columns is nobody's small cell.
    world.hand_over(id, vec![first()]).unwrap();
    world.hand_over(id, vec![first(), file("more.csv", 4, &["note"])]).unwrap();
    let corrected = || vec![file("npr.csv", 5, &["sex"])];
    let refused = world.hand_over(id, corrected()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::RuleRefuses);
    assert!(refused.text().contains("sex went out before"), "{}", refused.text());
    assert!(refused.text().contains("in one"), "{}", refused.text());
    let refusals = world.bodies();
    let is_recorded = |body: &&String| body.contains(r#""attempted":"extract_recorded""#);
    assert_eq!(refusals.iter().filter(is_recorded).count(), 1);

    // Nor after a restart, nor by a disclosure that continues it, whatever its decision screens.
    world.reseal();
    world.hand_over(id, corrected()).unwrap_err();
    let continued = Decision { continues: Some(id), ..screening() };
    let second = world.disclosure_of(application, continued);
    world.hand_over(second, corrected()).unwrap_err();
    world.hand_over(second, vec![first()]).unwrap();
    let mut lax = Decision { continues: Some(second), ..screening() };
    lax.terms.small_cells = None;
    let third = world.disclosure_of(application, lax);
    let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
    world.hand_over(third, corrected()).unwrap_err();
    // Other serials join nothing.
    let apart = world.disclosure_of(application, screening());
    world.hand_over(apart, corrected()).unwrap();
}

#[test]
fn nothing_is_issued_or_recorded_after_the_last_day_of_a_disclosure_or_its_decision() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(3));
    let application = world.application();
    let id = world.disclosure_of(application, decision());
    world.serials(id, "NPR", &npr).unwrap();
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    world.clock.advance(days(900));
    let refused = world.serials(id, "NPR", &npr).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RuleRefuses);
    assert!(refused.text().contains("expired on"), "{}", refused.text());
    let refused = world.hand_over(id, vec![file("npr.csv", 1, &["sex"])]).unwrap_err();
    assert!(refused.text().contains("expired on"), "{}", refused.text());
    let request = OpenDisclosure {
        application,
        decision: 1,
        recipient_key: KEY.parse().unwrap(),
        expires: None,
    };
    let refused = world.service.open_disclosure(&world.officer(), request).err().unwrap();
    assert!(refused.text().contains("the decision was valid until"), "{}", refused.text());
}

/// A manifest that says what the disclosure is.
pub(super) fn manifest(world: &World, id: DisclosureId) -> Manifest {
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

/// Goal: whoever has the record of a disclosure cannot try contents of a small file, or its manifest.
/// Method: the hashes of both are looked for in what is stored; the file is known by it all the same.
#[test]
fn a_record_of_an_extract_has_no_hash_that_can_be_tried() {
    let world = World::unsealed();
    let id = world.disclosure_of(world.application(), screening());
    let mut only = file("npr.csv", 1, &["sex"]);
    only.sha256 = crate::crypto::sha256(b"lopenr,sex\r\n123456784,3\r\n");
    let small_cells = screened(&["sex"]);
    let left_out = LeftOut::shown(0, 0, Some(5));
    let files = vec![only.clone()];
    let given = Manifest { files, small_cells, left_out, ..manifest(&world, id) };
    let (signed, view, _) =
        world.service.record_delivery(&world.officer(), id, report(&given)).unwrap();
    let hex = |bytes: &[u8]| crate::disclosure::id::Sha256Hex(crate::crypto::sha256(bytes));
    let stored = String::from_utf8(view.disclosure.encode()).unwrap();
    for hash in [crate::disclosure::id::Sha256Hex(only.sha256), hex(signed.as_bytes())] {
        assert!(!stored.contains(&hash.to_string()), "{stored}");
    }
    assert!(signed.contains(&crate::disclosure::id::Sha256Hex(only.sha256).to_string()));
    let digest = |files: usize| {
        let view = world.service.disclosure(&world.officer(), id).unwrap();
        view.disclosure.deliveries()[files].extract.released.as_ref().unwrap()[0].digest
    };
    world.reseal();
    world.hand_over(id, vec![only]).unwrap();
    assert_ne!(digest(0), digest(1), "nor does one record say that it is as another");
    world.hand_over(id, vec![file("npr.csv", 2, &["sex"])]).unwrap_err();
}
