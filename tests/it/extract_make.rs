//! `hvelv extract make` against a real server: what comes out, what is refused, and that nothing is
//! left behind then.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::faults::shim::Shim;
use crate::harness::{Course, Ran, Running, audit_entries, digits, people, run, until};

const USAGE: i32 = 2;
const PRECONDITION: i32 = 5;
const INPUT: i32 = 6;
const VERIFICATION: i32 = 7;

const PERSONS: usize = 60;

const TERMS: &str = "
[[decision.terms.registers]]
register = 'NPR'
variables = [
    { name = 'sex' },
    { name = 'in_date', generalisation = { kind = 'month' } },
    { name = 'note' },
]
secondary = [{ column = 'episode_id', key_space = 'episodes' }]
[[decision.terms.registers]]
register = 'KPR'
variables = [{ name = 'hours' }]
[decision.terms.small_cells]
persons_min = 5
columns = ['sex']";

const BOTH: [[&str; 3]; 2] = [["NPR", "npr.csv", "out/npr.csv"], ["KPR", "kpr.csv", "out/kpr.csv"]];
const NPR: [[&str; 3]; 1] = [["NPR", "npr.csv", "out/npr.csv"]];

/// A course with two registers about the same persons, and an open disclosure.
struct Office {
    course: Course,
    disclosure: String,
}

impl Office {
    fn open() -> Self {
        let course = Course::open();
        let mut npr = "fnr,episode_id,sex,in_date,note,unit\n".to_owned();
        let mut kpr = "fnr,hours,secret\n".to_owned();
        for (place, number) in people(PERSONS).into_iter().enumerate() {
            let (fnr, sex) = (digits(number), place % 2 + 1);
            writeln!(npr, "{fnr},E-{place},{sex},2024-03-{:02},control,A", place % 28 + 1).unwrap();
            // What joins the two registers' rows of a person in this test.
            writeln!(kpr, "{fnr},{place},x").unwrap();
        }
        course.write("npr-fnr.csv", &npr);
        course.write("kpr-fnr.csv", &kpr);
        course.pseudonymize("NPR", "HF", "npr-fnr.csv", "npr.csv");
        course.pseudonymize("KPR", "KOMMUNE", "kpr-fnr.csv", "kpr.csv");
        fs::create_dir(course.installation.path("out")).unwrap();
        let disclosure = course.disclose(TERMS, &course.key("key"));
        Self { course, disclosure }
    }

    /// The same with serials of other digits.
    fn of_width(digits: u8) -> Self {
        let office = Self::open();
        let terms = format!("serial_width = {digits}\n{TERMS}");
        let disclosure = office.course.disclose(&terms, &office.course.key("other"));
        Self { disclosure, ..office }
    }

    fn make(&self, files: &[[&str; 3]], more: &[&str]) -> Ran {
        let mut words = self.course.making(&self.disclosure, files);
        words.extend(more.iter().map(|word| (*word).to_owned()));
        self.course.run("officer", &words)
    }

    /// The command is refused, and leaves nothing, not even aside.
    #[track_caller]
    fn refused(&self, files: &[[&str; 3]], code: i32, said: &str) -> Ran {
        let ran = self.make(files, &[]);
        ran.ended(code, said);
        assert!(self.course.names("out").is_empty(), "{said}: {:?}", self.course.names("out"));
        ran
    }

    /// Changes a file of a register in one place.
    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.course.text(name);
        assert!(text.contains(from), "{from}");
        self.course.write(name, &text.replacen(from, to, 1));
    }

    /// The entries of the log about extracts.
    fn recorded(&self) -> Vec<Value> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (installation, address) = (&self.course.installation, self.course.server.address);
        let entries = runtime.block_on(audit_entries(installation, address));
        entries.into_iter().filter(|one| one["action"] == "extract_recorded").collect()
    }
}

/// The rows of a file without quotes, below its header.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

#[test]
fn an_officer_makes_an_extract_and_its_recipient_opens_it() {
    let office = Office::open();
    let made = office.make(&BOTH, &["--json"]).well();
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&made["persons"], &made["files"][1]["rows_out"]), (&60.into(), &60.into()));
    assert_eq!(made["files"][0]["dropped"], serde_json::json!(["npr_id", "unit"]));
    let manifest = format!("{}.manifest.age", office.disclosure);
    assert_eq!(office.course.names("out"), [&manifest, "kpr.csv.age", "npr.csv.age"]);

    let opened = office.course.unpack("key", "out", "opened").well();
    for part in ["26/04711-9", "npr.csv: 60 rows", "data@npr.example", "at least 5 of 60 persons"] {
        assert!(opened.out.contains(part), "{part}: {opened:?}");
    }
    let (npr, kpr) = (office.course.text("opened/npr.csv"), office.course.text("opened/kpr.csv"));
    assert!(npr.starts_with("lopenr,sex,in_date,note,episode_id\n"), "{npr}");
    assert!(kpr.starts_with("lopenr,hours\n"), "{kpr}");
    let serials: BTreeSet<&str> = rows(&npr).into_iter().map(|row| row[0]).collect();
    let in_kpr: BTreeMap<&str, &str> = rows(&kpr).into_iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(serials.len(), PERSONS);
    assert!(in_kpr.keys().eq(serials.iter()), "a person has the same serial in both files");
    for row in rows(&npr) {
        // The sex of the person who has so many hours in the other register.
        let place: usize = in_kpr[row[0]].parse().unwrap();
        assert_eq!((row[1], row[2]), ((place % 2 + 1).to_string().as_str(), "2024-03"));
    }
    the_server_knows(&office);
    office.course.server.stop();
}

/// Goal: eight digits are a width as the others.  Method: a server that has met persons, both files, and
/// again with another disclosure.
#[test]
fn an_extract_with_eight_digits_has_one_serial_a_person_in_both_files() {
    let office = Office::of_width(8);
    office.make(&BOTH, &[]).well();
    office.course.unpack("other", "out", "opened").well();
    let (npr, kpr) = (office.course.text("opened/npr.csv"), office.course.text("opened/kpr.csv"));
    let in_kpr: BTreeMap<&str, &str> = rows(&kpr).into_iter().map(|row| (row[0], row[1])).collect();
    assert_eq!((in_kpr.len(), rows(&npr).len()), (PERSONS, PERSONS));
    for row in rows(&npr) {
        let place: usize = in_kpr[row[0]].parse().unwrap();
        assert_eq!((row[0].len(), row[1]), (8, (place % 2 + 1).to_string().as_str()));
    }
    office.course.server.stop();
}

/// What the log and the disclosure have of the extract, and what another's key opens.
fn the_server_knows(office: &Office) {
    let entries = office.recorded();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["disclosure"], office.disclosure.as_str());
    let counts = serde_json::json!({
        "files": 2, "rows": 120, "persons": 60, "persons_left_out": 0
    });
    assert_eq!(entries[0]["counts"], counts);
    let shown = office.course.run("officer", &["disclosure", "show", &office.disclosure]).well();
    assert!(shown.out.contains("npr.csv, kpr.csv: 120 rows, 60 persons"), "{shown:?}");
    office.course.key("other-key");
    let other = office.course.unpack("other-key", "out", "other");
    other.ended(INPUT, "sealed to another key");
    assert!(!office.course.installation.path("other").exists());
}

#[test]
fn an_extract_that_may_not_be_made_leaves_nothing_behind() {
    let office = Office::open();
    // IDs of the other register are well formed, and nobody's in this one.
    let swapped = [["NPR", "swapped.csv", "out/npr.csv"]];
    let npr = office.course.text("npr.csv");
    let (mine, theirs) = (rows(&npr)[4][0].to_owned(), rows(&npr)[5][0].to_owned());
    let kpr = office.course.text("kpr.csv");
    let of_kpr = rows(&kpr)[4][0].to_owned();
    office.course.write("swapped.csv", &npr.replace(&mine, &of_kpr).replace(&theirs, "12"));
    let ran = office.refused(&swapped, INPUT, "2 rows of");
    assert!(ran.err.contains("row 5: unknown") && ran.err.contains("row 6: format"), "{ran:?}");
    assert!(!ran.err.contains(&of_kpr) && !ran.err.contains(&mine), "no ID is told: {ran:?}");

    office.course.write("without.csv", &npr.replacen(",note,", ",notes,", 1));
    let without = [["NPR", "without.csv", "out/npr.csv"]];
    office.refused(&without, INPUT, "there is no column note");
    let third = [["DAR", "npr.csv", "out/npr.csv"]];
    office.refused(&third, INPUT, "lets out nothing of register DAR");

    // Four persons of a third sex are fewer than five.
    let mut few = npr;
    for place in [0, 2, 4, 6] {
        few = few.replace(&format!("E-{place},1,"), &format!("E-{place},3,"));
    }
    office.course.write("few.csv", &few);
    let small = [["NPR", "few.csv", "out/npr.csv"], ["KPR", "kpr.csv", "out/kpr.csv"]];
    let ran = office.refused(&small, VERIFICATION, "4 persons are in 1 combinations");
    assert!(ran.err.contains("takes a new decision"), "{ran:?}");

    let unknown = office.course.making(&"0".repeat(32), &BOTH);
    office.course.run("officer", &unknown).ended(USAGE, "disclosure_unknown");
    let words = office.course.making(&office.disclosure, &BOTH);
    let stranger = office.course.run("pipeline", &words);
    stranger.ended(4, "not_allowed");
    assert!(office.course.names("out").is_empty() && office.recorded().is_empty());

    let close = ["disclosure", "close", &office.disclosure, "--yes"];
    office.course.run("officer", &close).well();
    office.refused(&BOTH, PRECONDITION, "closed");
    office.course.server.stop();
}

#[test]
fn what_is_there_is_kept_and_rows_without_serial_are_left_out_when_asked() {
    let office = Office::open();
    office.course.write("out/npr.csv.age", "mine");
    office.make(&BOTH, &[]).ended(PRECONDITION, "exists already");
    assert_eq!(office.course.names("out"), ["npr.csv.age"]);
    assert_eq!(office.course.text("out/npr.csv.age"), "mine");
    assert!(office.recorded().is_empty());

    let npr = office.course.text("npr.csv");
    let first = rows(&npr)[0][0].to_owned();
    office.replace("npr.csv", &first, "12");
    let more = ["--overwrite", "--refused-rows", "leave-out"];
    let made = office.make(&NPR, &more).well();
    assert!(made.out.contains("59 rows of 60") && made.out.contains("without løpenummer: 1"));
    office.course.unpack("key", "out", "opened").well();
    assert_eq!(rows(&office.course.text("opened/npr.csv")).len(), PERSONS - 1);
    office.course.server.stop();
}

#[test]
fn screened_columns_go_out_in_one_command_and_again_only_as_they_were() {
    let office = Office::open();
    let kpr = [["KPR", "kpr.csv", "out/kpr.csv"]];
    office.make(&NPR, &[]).well();
    // Hours are screened by nobody; what was lost is made again.
    fs::remove_dir_all(office.course.installation.path("out")).unwrap();
    fs::create_dir(office.course.installation.path("out")).unwrap();
    office.make(&BOTH, &[]).well();
    office.make(&kpr, &["--overwrite"]).well();
    let before = office.course.names("out");

    // One person less, and whoever has both files knows whose sex it was.
    let npr = office.course.text("npr.csv");
    let (rest, _) = npr.trim_end().rsplit_once('\n').unwrap();
    office.course.write("npr.csv", &format!("{rest}\n"));
    let ran = office.make(&NPR, &["--overwrite"]);
    ran.ended(PRECONDITION, "sex went out before with the same løpenummer");
    assert!(ran.err.contains("a new disclosure"), "{ran:?}");
    assert_eq!((office.course.names("out"), office.recorded().len()), (before, 3));
    office.course.server.stop();
}

/// Goal: a disk that fills ends the command with its reason, and nothing is left. Method: room for
/// so many bytes in one directory; rows that do not fit into the memory that is allowed.
#[test]
fn a_disk_that_fills_ends_the_command_with_its_reason_and_leaves_nothing() {
    let office = Office::open();
    let npr = office.course.text("npr.csv");
    let (header, body) = npr.split_once('\n').unwrap();
    office.course.write("npr.csv", &format!("{header}\n{}", body.repeat(7_000)));
    fs::create_dir(office.course.installation.path("aside")).unwrap();
    let mut words = office.course.making(&office.disclosure, &BOTH);
    let aside = office.course.path("aside");
    words.extend(["--memory".into(), "64".into(), "--temporary".into(), aside.clone()]);
    let words = office.course.words("officer", &words);
    let full = |directory: &str, room: u64| {
        let shim = Shim::over(&office.course.installation.path(directory));
        shim.leave_room(room);
        let ran = run(shim.command(&words));
        assert!(shim.refused() > 0, "the disk was not full: {ran:?}");
        let left = [office.course.names("out"), office.course.names("aside")].concat();
        assert!(left.is_empty(), "{left:?}");
        ran
    };
    for room in [0, 3_000_000] {
        let ran = full("aside", room);
        ran.ended(USAGE, &format!("cannot put rows aside in {aside}: No space left on device"));
        assert!(ran.err.contains("--temporary"), "{ran:?}");
    }
    for room in [0, 100, 500_000] {
        full("out", room).ended(USAGE, "No space left on device");
    }
    assert!(office.recorded().is_empty());
    office.course.server.stop();
}

#[test]
fn an_identifier_that_is_let_through_stands_in_the_log_with_its_reason() {
    let office = Office::open();
    let number = digits(people(1)[0]);
    office.replace("npr.csv", "control", &format!("mother {number}"));
    let ran = office.refused(&NPR, VERIFICATION, "note");
    assert!(!ran.err.contains(&number), "no value is told");
    assert!(office.recorded().is_empty());
    let ran = office.make(&NPR, &["--allow-identifiers", "note=looked at by hand"]).well();
    assert!(ran.out.contains("let through: 1 "), "{ran:?}");
    let entries = office.recorded();
    let said = "identifiers in column note let through: looked at by hand";
    assert_eq!(entries[0]["changes"], serde_json::json!([said]));
    assert!(!entries[0].to_string().contains(&number));
    office.course.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_leaves_no_extract() {
    let office = tokio::task::spawn_blocking(Office::open).await.unwrap();
    let npr = office.course.text("npr.csv");
    let (header, body) = npr.split_once('\n').unwrap();
    office.course.write("npr.csv", &format!("{header}\n{}", body.repeat(10_000)));
    let words = office.course.making(&office.disclosure, &BOTH);
    let mut making = Running::start(&office.course.words("officer", &words));
    until("the extract is begun", || !office.course.names("out").is_empty()).await;
    making.kill();
    assert!(!making.ended().success());
    let left = office.course.names("out");
    assert!(!left.is_empty() && left.iter().all(|name| !name.ends_with(".age")), "{left:?}");

    let office = tokio::task::spawn_blocking(move || {
        assert!(office.recorded().is_empty());
        // What was begun is in nobody's way, and goes when the same is made again.
        office.course.write("npr.csv", &npr);
        office.make(&BOTH, &[]).well();
        let manifest = format!("{}.manifest.age", office.disclosure);
        assert_eq!(office.course.names("out"), [&manifest, "kpr.csv.age", "npr.csv.age"]);
        office
    });
    office.await.unwrap().course.server.stop();
}
