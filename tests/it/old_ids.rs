//! IDs that are replaced, and IDs from before, at the terminal: a custodian and another person, the
//! register's own system, and what files of both say.

use crate::harness::{Course, Ran, digits, people};

const WHY: [&str; 4] = ["--purpose", "leak, case 26/107", "--provision", "helseregisterloven § 21"];

/// A register whose persons have IDs, in a file with what they were called before.
fn course() -> (Course, Vec<String>) {
    let course = Course::with(&[
        ("ola", "person", "'approver'"),
        ("kari", "person", "'custodian'"),
        ("npr", "system", "'import:NPR:*', 'resolve:NPR:*'"),
    ]);
    let rows = people(4).into_iter().zip(1..).map(|(one, n)| format!("{},G-{n}\n", digits(one)));
    course.write("persons.csv", &format!("fnr,gammel\n{}", rows.collect::<String>()));
    course.pseudonymize("NPR", "HF", "persons.csv", "npr.csv");
    let ids = course.text("npr.csv");
    let ids = ids.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect();
    (course, ids)
}

fn lines(ran: &Ran) -> Vec<&str> {
    ran.out.lines().collect()
}

#[test]
fn a_leaked_id_is_replaced_and_the_register_finds_the_pair() {
    let (course, ids) = course();
    course.write("id.txt", &format!("id={}\n", ids[1]));
    let file = course.path("id.txt");
    let reissue = |reason| {
        let words = ["identity", "reissue", "--register", "NPR", "--reason", reason, &file];
        [&words[..], &WHY[..]].concat()
    };
    course.run("kari", &reissue("leaked")).ended(5, "another person's approval");
    course.run("officer", &reissue("leaked")).ended(4, "not allowed");
    let id = format!("id={}", ids[1]);
    let why = ["purpose=leak, case 26/107", "provision=helseregisterloven § 21"];
    course.approve("kari", "reissue_id", "NPR", &[&id, "reason=leaked", why[0], why[1]]);
    let told = course.run("kari", &reissue("leaked")).well();
    let (old, new) = told.out.trim().split_once(' ').unwrap();
    assert!(old == ids[1] && !ids.iter().any(|id| id == new));
    let listed = course.run("kari", &["identity", "reissued", "--register", "NPR"]).well();
    assert!(listed.out.starts_with(&format!("1 {old} {new} leaked ")), "{}", listed.out);
    let changes = course.run("npr", &["identity", "changes", "--register", "NPR"]).well();
    assert!(changes.out.starts_with(&format!("1 superseded {old} {new} ")), "{}", changes.out);
    course.pseudonymize("NPR", "HF", "persons.csv", "again.csv");
    let again = course.text("again.csv");
    assert!(again.contains(new) && !again.contains(old));
    course.server.stop();
}

#[test]
fn ids_from_before_are_loaded_again_and_again_converted_and_listed() {
    let (course, ids) = course();
    let file = course.path("npr.csv");
    let column =
        course.text("npr.csv").lines().next().unwrap().split(',').next().unwrap().to_owned();
    let load =
        ["alias", "load", "--register", "NPR", "--id", &column, "--existing", "gammel", &file];
    let loaded = course.run("npr", &load).well();
    assert!(loaded.out.is_empty() && loaded.err.contains("4 loaded, 0 known before, 0 refused"));
    let again = course.run("npr", &[&load[..], &["--skip", "1"]].concat()).well();
    assert!(again.err.contains("0 loaded, 3 known before, 0 refused"), "{}", again.err);
    course.run("pipeline", &load).ended(4, "not allowed");
    course.write("bad.csv", &format!("id,old\n{},G-2\n7,G-9\n{},G-10\n", ids[0], ids[0]));
    let bad = course.path("bad.csv");
    let words = ["alias", "load", "--register", "NPR", "--id", "id", "--existing", "old", &bad];
    let refused = course.run("npr", &[&words[..], &["--fail-on-rejects"]].concat());
    assert_eq!((refused.code, lines(&refused)), (Some(8), vec!["1 taken", "2 unknown_id"]));
    course.write("old.csv", "gammel\nG-3\nG-99\nG-10\n");
    let old = course.path("old.csv");
    let convert = ["alias", "convert", "--register", "NPR", "--existing", "gammel", &old];
    let converted = course.run("npr", &convert).well();
    assert_eq!(lines(&converted), [ids[2].as_str(), "", &ids[0]]);
    let listed = course.run("npr", &["alias", "list", "--register", "NPR", "--after", "3"]).well();
    assert_eq!(lines(&listed), [format!("4 G-4 {}", ids[3]), format!("5 G-10 {}", ids[0])]);
    course.server.stop();
}
