//! What is recorded of extracts of joint disclosures.

use super::extracts::{manifest, report};
use super::*;
use crate::service::tests::windows::joint;

/// Goal: neither the log nor the record of a disclosure says how many are in both registers, nor of two
/// persons whether they are one.  Method: extracts of an IPLOS and a KPR row, of one person and of two.
#[test]
fn no_record_of_an_extract_tells_who_is_in_both_registers() {
    let world = bridges::world();
    let people = numbers(2);
    let iplos = world.import(&people[..1]);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let told = [1, 2].map(|persons| {
        let id = world.try_joint(joint()).unwrap();
        world.window(id);
        world.serials(id, "IPLOS", &iplos).unwrap();
        world.serials(id, "KPR", &kpr[..1]).unwrap();
        let report = DeliveryReport { persons, ..report(&manifest(&world, id)) };
        let (_, view, _) = world.service.record_delivery(&world.officer(), id, report).unwrap();
        let entries = world.entries_of(Action::ExtractRecorded);
        (view.disclosure.deliveries()[0].extract.persons, entries.last().unwrap().1.counts.clone())
    });
    assert_eq!(told[0], told[1]);
    assert_eq!((told[0].0, told[0].1["persons"]), (2, 2), "by each register");
}
