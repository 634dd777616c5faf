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
