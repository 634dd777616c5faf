//! The pass over a register's column, at the edges of what it takes at once.

use super::*;

/// Goal: the digest in the entry binds each ID and each note.  Method: its definition, over batches
/// that end within, at and after the rows that are answered at once; one row of each is bad.
#[test]
fn the_digest_is_made_of_every_id_and_note_of_the_answer() {
    let world = World::unsealed();
    let people = numbers(130);
    let ids = world.ingest("NPR", "HF", &people);
    let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
    let delivery = world.service.open_delivery(&world.permit("a", request.right()), &request);
    let delivery = delivery.unwrap();
    let open = world.service.open_now().unwrap();
    for count in [0_usize, 1, 15, 16, 17, 31, 32, 33, 48, 64, 65, 127, 130] {
        let bad = count / 2;
        let (mut batch_of, mut expected) = (people[..count].to_vec(), ids[..count].to_vec());
        if count > 0 {
            batch_of[bad] += 1;
            expected[bad] = 0;
        }
        let mapped = delivery.map(batch(&batch_of)).unwrap();
        let (answered, digest) = mapped.answer();
        assert_eq!(answered.ids, expected, "{count} rows");
        let mut bytes = (count as u64).to_be_bytes().to_vec();
        expected.iter().for_each(|id| bytes.extend(id.to_be_bytes()));
        bytes.extend((answered.notes.len() as u64).to_be_bytes());
        assert_eq!(answered.notes.len(), count.min(1), "{count} rows");
        for note in &answered.notes {
            let code = note.code.name();
            assert_eq!(note.row as usize, bad);
            bytes.extend(note.row.to_be_bytes());
            bytes.push(u8::try_from(code.len()).unwrap());
            bytes.extend(code.as_bytes());
        }
        assert!(digest.ct_eq(&open.registers.keys().digest().digest(&bytes)), "{count} rows");
    }
}
