//! What happens between the mapping of a batch and its record.

use super::super::rights::quality;
use super::*;

impl World {
    /// Answers a batch that was mapped before something happened.
    fn across(
        &self,
        request: &DeliveryRequest,
        numbers: &[u64],
        happens: impl FnOnce(),
    ) -> Answered {
        let permit = self.permit("a", request.right());
        let delivery = self.service.open_delivery(&permit, request).unwrap();
        let mapped = delivery.map(batch(numbers)).unwrap();
        happens();
        wait(&delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0
    }
}

/// Goal: a register has no ID that stands for a person who has another, and of which it is never told.
/// Method: the first row of an identifier is mapped, then it is joined to an older one, of which the
/// register has an ID or not.
#[test]
fn a_first_row_that_was_mapped_before_its_link_has_the_roots_id() {
    for (register, source) in [("NPR", "HF"), ("KPR", "KUHR")] {
        let world = World::identities();
        let people = numbers(3);
        let first = world.ingest(register, source, &people[..1]);
        let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
        let rows = [people[2], people[1], people[0], people[1]];
        let answered = world.across(&request, &rows, || {
            world.happens(NUMBER, people[0], &people[1..2]);
        });
        let root = answered.ids[2];
        assert_eq!(root == first[0], register == "NPR");
        assert_eq!(answered.ids[1..], [root; 3], "{register}");
        let leaf = answered.leaf_ids[0].id;
        assert_eq!(answered.leaf_ids, [own(1, leaf), own(3, leaf)]);
        assert!(leaf != root && answered.notes.is_empty());
        assert!(world.changes("NPR").is_empty(), "the row has said it");
        world.reseal();
        let found = world.found(&people);
        assert_eq!(found.ids, [root, root, answered.ids[0]]);
        assert_eq!(found.leaf_ids, [own(1, leaf)]);
        world.happens(SPLIT, people[0], &people[1..2]);
        assert!(world.changes("NPR") == [IdChange::Restored { id: leaf }]);
    }
}

/// Goal: a row has one reason for having no ID, and reasons are counted once.  Method: a look-up under
/// an identifier whose person consented under another, and a split before the record.
#[test]
fn a_row_whose_link_and_consent_end_before_its_record_has_one_note() {
    let world = World::identities();
    let people = numbers(3);
    for number in [people[0], people[2]] {
        world.say("REHAB", number, quality()).unwrap();
    }
    let ids = world.rehab(&[people[0], people[2]]).ids;
    world.happens(NUMBER, people[0], &people[1..2]);
    let request = World::request("REHAB", "LOKAL", IngestMode::ResolveOnly);
    assert_eq!(world.deliver(&request, &people[1..2]).unwrap().ids, ids[..1]);
    let answered = world.across(&request, &people[1..], || {
        world.happens(SPLIT, people[0], &people[1..2]);
    });
    let notes: Vec<_> = answered.notes.iter().map(|note| (note.row, note.code)).collect();
    assert_eq!((answered.ids, notes), (vec![0, ids[1]], vec![(0, RowCode::Unknown)]));
    let entry = world.last_with("resolve");
    assert_eq!(entry["counts"], serde_json::json!({ "answered": 1, "rows": 2, "unknown": 1 }));
    let alone = world.across(&request, &people[1..2], || {});
    assert_eq!(alone.notes.len(), 1, "and whoever asks next is answered");
}
