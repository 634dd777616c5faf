//! Bridges in at the terminal: from a party's sealed file to an extract whose recipient finds the
//! party's IDs, and nothing left of them when the disclosure is completed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use crate::harness::{Course, audit_entries, digits, people};

const PARTY: &str = "382199359";
const PERSONS: usize = 60;

const TERMS: &str = "
bridge_in = { from = { number = '382199359', name = 'Koblingsenheten' } }
[[decision.terms.registers]]
register = 'NPR'
variables = [{ name = 'sex' }]
[[decision.terms.registers]]
register = 'KPR'
variables = [{ name = 'hours' }]
[decision.terms.small_cells]
persons_min = 5
columns = ['sex']";

const BOTH: [[&str; 3]; 2] =
    [["NPR", "npr.csv", "out/npr.parquet"], ["KPR", "kpr.csv", "out/kpr.csv"]];

fn course() -> Course {
    let course = Course::with(&[("ola", "person", "'approver'")]);
    let (mut npr, mut kpr) = ("fnr,sex\n".to_owned(), "fnr,hours\n".to_owned());
    for (place, number) in people(PERSONS).into_iter().enumerate() {
        let fnr = digits(number);
        writeln!(npr, "{fnr},{}", place % 2 + 1).unwrap();
        writeln!(kpr, "{fnr},{place}").unwrap();
    }
    course.write("npr-fnr.csv", &npr);
    course.write("kpr-fnr.csv", &kpr);
    course.pseudonymize("NPR", "HF", "npr-fnr.csv", "npr.csv");
    course.pseudonymize("KPR", "KOMMUNE", "kpr-fnr.csv", "kpr.csv");
    fs::create_dir(course.installation.path("out")).unwrap();
    course
}

/// The IDs that the party gave the first 50, and one to somebody whom nobody knows.
fn labels() -> String {
    let people = people(PERSONS + 1);
    let named = people[..50].iter().chain(&people[PERSONS..]);
    let rows =
        named.enumerate().map(|(place, number)| format!("{},H-{place:03}\n", digits(*number)));
    std::iter::once("identifier,label\n".to_owned()).chain(rows).collect()
}

#[test]
fn a_recipient_finds_the_partys_ids_in_csv_and_parquet_and_none_is_left_here() {
    let course = course();
    let id = course.disclose(TERMS, &course.key("key"));
    let refused = course.run("officer", &course.making(&id, &BOTH));
    refused.ended(5, "hvelv bridge in");
    course.write("bridge.csv", &labels());
    let file = course.path("bridge.csv");
    let load = ["bridge", "in", &id, &file, "--party", PARTY];
    course.run("officer", &load).ended(5, "another person's approval");
    let digest = course.run("officer", &["bridge", "list"]);
    assert_eq!(digest.out, "", "nothing is loaded");
    let digest = crate::harness::hvelv(&["bridge", "digest", &file]).well().out;
    let party = format!("party={PARTY}");
    course.approve("officer", "bridge_in", &id, &[&party, digest.trim()]);
    course.run("pipeline", &load).ended(4, "not allowed");
    let loaded = course.run("officer", &[&load[..], &["--json"]].concat()).well();
    let loaded: Value = serde_json::from_str(&loaded.out).unwrap();
    let counts = &loaded["counts"];
    assert_eq!(
        (&counts["known"], &counts["unknown"], &counts["rows"]),
        (&50.into(), &1.into(), &51.into())
    );
    let listed = course.run("auditor", &["bridge", "list"]).well().out;
    assert!(listed.contains("50 persons") && listed.contains("from Koblingsenheten"), "{listed}");

    let made = course.run("officer", &course.making(&id, &BOTH)).well();
    assert!(
        made.out.contains("not whom the disclosure is about: 10 rows of 10 persons"),
        "{made:?}"
    );
    course.unpack("key", "out", "opened").well();
    let kpr = course.text("opened/kpr.csv");
    let rows: Vec<(&str, &str)> =
        kpr.lines().skip(1).map(|row| row.split_once(',').unwrap()).collect();
    // In the order of the IDs, and the hours say whose each is.
    let expected: Vec<(String, String)> =
        (0..50).map(|place| (format!("H-{place:03}"), place.to_string())).collect();
    assert!(rows.iter().map(|(id, hours)| ((*id).to_owned(), (*hours).to_owned())).eq(expected));
    let npr = fs::File::open(course.path("opened/npr.parquet")).unwrap();
    let npr = SerializedFileReader::new(npr).unwrap();
    let ids: BTreeSet<String> = npr
        .get_row_iter(None)
        .unwrap()
        .map(|row| match row.unwrap().get_column_iter().next().unwrap() {
            (name, Field::Str(id)) if name == "lopenr" => id.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(ids.iter().eq(rows.iter().map(|(id, _)| id)), "one ID in both files");

    course.run("officer", &["disclosure", "complete", &id]).well();
    let listed = course.run("auditor", &["bridge", "list"]).well().out;
    assert!(listed.contains("deleted 20"), "{listed}");
    course
        .run("officer", &course.making(&id, &[["NPR", "npr.csv", "opened/more.csv"]]))
        .ended(5, "completed");
    the_log_says_what_was_loaded(&course);
    course.server.stop();
}

fn the_log_says_what_was_loaded(course: &Course) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entries = audit_entries(&course.installation, course.server.address);
    let entries = runtime.block_on(entries);
    let at = entries.iter().position(|one| one["action"] == "bridge_loaded").unwrap();
    assert_eq!(entries[at - 1]["action"], "approval_used");
    assert_eq!(entries[at]["counts"]["known"], 50);
    assert!(!entries.iter().any(|entry| entry.to_string().contains("H-0")));
}

#[test]
fn a_sealed_file_is_loaded_with_its_key_and_bad_rows_are_told_by_number() {
    let course = course();
    let id = course.disclose(TERMS, &course.key("key"));
    let fnr = |place: usize| digits(people(PERSONS)[place]);
    let rows = [
        (fnr(0), "H-0".to_owned()),
        (fnr(1), "H-1".to_owned()),
        (fnr(1), "H-2".to_owned()),
        ("41814061034".to_owned(), "H-3".to_owned()),
        (fnr(2), fnr(3)),
    ];
    let rows = rows.map(|(number, label)| format!("{number};{label}\r\n"));
    course.write("bridge.csv", &format!("identifier;label\r\n{}", rows.concat()));
    let file = course.path("bridge.csv");
    let digest = crate::harness::hvelv(&["bridge", "digest", &file]).well().out;
    course.approve("officer", "bridge_in", &id, &["party=382199359", digest.trim()]);
    let loaded = course.run("officer", &["bridge", "in", &id, &file, "--party", PARTY]).well();
    for said in [
        "rows 5, known 1, repeated rows 0, unknown 0, rejected 2, duplicates 2, left out 0",
        "row 2: duplicate",
        "row 3: duplicate",
        "row 4: check_digits",
        "row 5: label_identifier",
    ] {
        assert!(loaded.out.contains(said), "{said}: {}", loaded.out);
    }
    assert!(
        (0..4).all(|place| !loaded.out.contains(&fnr(place)) && !loaded.err.contains(&fnr(place)))
    );
    course.write("bridge.csv", "fnr;id\n");
    let refused = course.run("officer", &["bridge", "in", &id, &file, "--party", PARTY]);
    refused.ended(2, "must begin with the line");
    course.server.stop();
}
