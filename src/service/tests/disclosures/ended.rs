//! Streams that are open when their disclosure ends.

use super::*;

fn batch() -> SurrogateBatch {
    let values = vec![Bytes::from_static(b"E-1")];
    SurrogateBatch { key_space: "episodes".into(), values, institutions: Vec::new() }
}

/// Goal: nothing is issued after the entry that says so, whatever ended the disclosure.  Method: both
/// kinds of stream, opened before; a batch is mapped before the end and one after it.
#[test]
fn a_stream_ends_with_its_disclosure() {
    let ways = [
        ("closed", "disclosure_closed"),
        ("completed", "step_out_of_order"),
        ("the application was withdrawn", "step_out_of_order"),
        ("the last day was over", "rule_refuses"),
        ("sealed", "server_sealed"),
    ];
    for (how, expected) in ways {
        let world = World::unsealed();
        let npr = world.ingest("NPR", "HF", &numbers(3));
        let application = world.application();
        let id = world.disclosure_of(application, decision());
        let officer = world.officer();
        let serials = world.service.open_serials(&officer, id).unwrap();
        let surrogates = world.service.open_surrogates(&officer, id).unwrap();
        issue(&serials, "NPR", &npr[..1]).unwrap();
        let _ = surrogates.issue(&batch()).unwrap();
        let mapped = serials.map("NPR", &npr).unwrap();
        match how {
            "closed" => drop(world.service.close_disclosure(&officer, id).unwrap()),
            "completed" => world.complete(id),
            "the last day was over" => {
                world.clock.advance(Duration::from_secs(900 * 24 * 60 * 60));
            }
            "sealed" => world.service.seal(&world.operator()).unwrap(),
            _ => {
                let reason = "trukket".parse().unwrap();
                let withdrawn = world.service.withdraw_application(&officer, application, reason);
                drop(withdrawn.unwrap());
            }
        }
        let told = [
            serials.submit(mapped).err(),
            serials.map("NPR", &npr).err(),
            surrogates.issue(&batch()).err(),
        ];
        let codes = told.map(|error| error.map_or("answered", |error| error.code().as_str()));
        assert_eq!(codes, [expected; 3], "{how}");
        if how != "sealed" {
            let last = [Action::SerialsIssued, Action::SurrogatesIssued];
            let issued = last.map(|action| world.entries_of(action).len());
            assert_eq!(issued, [1, 1], "{how}");
        }
    }
}

/// Goal: the end of a disclosure is the end of no other of its key.
#[test]
fn a_supplement_goes_on_when_what_it_continues_is_complete() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(3));
    let application = world.application();
    let first = world.disclosure_of(application, decision());
    let continued = Decision { continues: Some(first), ..decision() };
    let second = world.disclosure_of(application, continued);
    let streams = [first, second].map(|id| world.service.open_serials(&world.officer(), id));
    let [earlier, later] = streams.map(Result::unwrap);
    issue(&earlier, "NPR", &npr).unwrap();
    world.complete(first);
    assert!(issue(&earlier, "NPR", &npr).is_err());
    issue(&later, "NPR", &npr).unwrap();
}

/// Goal: a person is not left out for having had a serial.  Method: IDs of another party never go on
/// with serials, nor serials with them.
#[test]
fn ids_of_another_party_and_serials_do_not_continue_one_another() {
    let world = World::unsealed();
    let application = world.application();
    let labelled = loading::labelled;
    for (first, then) in
        [(decision(), labelled()), (labelled(), decision()), (labelled(), labelled())]
    {
        let first = world.disclosure_of(application, first);
        let then = Decision { continues: Some(first), ..then };
        let refused = world.try_open_of(application, then).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::RuleRefuses);
        assert!(refused.text().contains("IDs of another party"), "{}", refused.text());
    }
}
