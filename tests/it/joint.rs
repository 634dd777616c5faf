//! A joint disclosure of IPLOS and KPR at the terminal: one løpenummer a person, in a window alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use crate::harness::{Course, digits, people};

const TERMS: &str = "
[[decision.terms.registers]]
register = 'IPLOS'
variables = [{ name = 'need' }]
[[decision.terms.registers]]
register = 'KPR'
variables = [{ name = 'hours' }]";

const BOTH: [[&str; 3]; 2] =
    [["IPLOS", "iplos.csv", "out/iplos.csv"], ["KPR", "kpr.csv", "out/kpr.csv"]];

/// 20 persons of IPLOS and 20 of KPR, of whom 10 are the same.
fn course() -> Course {
    let course = Course::with(&[("ola", "person", "'approver'")]);
    let (mut iplos, mut kpr) = ("fnr,need\n".to_owned(), "fnr,hours\n".to_owned());
    for (place, number) in people(30).into_iter().enumerate() {
        let fnr = digits(number);
        if place < 20 {
            writeln!(iplos, "{fnr},{place}").unwrap();
        }
        if place >= 10 {
            writeln!(kpr, "{fnr},{place}").unwrap();
        }
    }
    course.write("iplos-fnr.csv", &iplos);
    course.write("kpr-fnr.csv", &kpr);
    let (input, output) = (course.path("iplos-fnr.csv"), course.path("iplos.csv"));
    let words =
        ["pseudonymize", "--register", "IPLOS", "--source", "KOMMUNE", "--id-column", "fnr"];
    let rest = ["--period", "2015", "--purpose", "historical-import", &input, &output];
    course.run("pipeline", &[&words[..], &rest[..]].concat()).well();
    course.pseudonymize("KPR", "KOMMUNE", "kpr-fnr.csv", "kpr.csv");
    fs::create_dir(course.installation.path("out")).unwrap();
    course
}

fn rows(text: &str) -> BTreeSet<(String, String)> {
    let rows = text.lines().skip(1).map(|row| row.split_once(',').unwrap());
    rows.map(|(serial, cell)| (serial.to_owned(), cell.to_owned())).collect()
}

#[test]
fn a_person_of_iplos_and_kpr_is_one_lopenummer_made_in_a_window_that_two_persons_opened() {
    let course = course();
    let id = course.disclose_of(["IPLOS", "KPR"], "helsedataservice", TERMS, &course.key("key"));
    course.run("officer", &course.making(&id, &BOTH)).ended(5, "open window");
    let open = ["disclosure", "open-window", &id, "--minutes", "30"];
    course.run("officer", &open).ended(5, "another person's approval");
    course.approve("officer", "open_window", &id, &["minutes=30"]);
    let opened = course.run("officer", &open).well();
    assert!(opened.out.contains("20 persons were looked at, 10 are in both"), "{opened:?}");
    let shown = course.run("auditor", &["disclosure", "show", &id]).well();
    assert!(shown.out.contains("window until"), "{shown:?}");
    course.run("officer", &course.making(&id, &BOTH)).well();
    course.unpack("key", "out", "opened").well();
    let (iplos, kpr) = (course.text("opened/iplos.csv"), course.text("opened/kpr.csv"));
    let (iplos, kpr) = (rows(&iplos), rows(&kpr));
    // Cells say who it is: those in both have the same serial, and nobody else does.
    assert_eq!(iplos.intersection(&kpr).count(), 10);
    let serials: BTreeSet<&String> = iplos.iter().chain(&kpr).map(|(serial, _)| serial).collect();
    assert_eq!(serials.len(), 30);
    let close = ["disclosure", "close-window", &id];
    course.run("officer", &close).well();
    course.run("officer", &close).ended(5, "no window open");
    let again = course.making(&id, &[["IPLOS", "iplos.csv", "opened/again.csv"]]);
    course.run("officer", &again).ended(5, "open window");
    course.server.stop();
}

#[test]
fn ids_of_iplos_are_converted_into_those_of_kpr_in_a_window_that_two_persons_opened() {
    let course = course();
    let column = |file: &str| -> Vec<String> {
        let text = course.text(file);
        text.lines().skip(1).map(|row| row.split_once(',').unwrap().0.to_owned()).collect()
    };
    let (iplos, kpr) = (column("iplos.csv"), column("kpr.csv"));
    course.write("ids.txt", &iplos.iter().map(|id| format!("{id}\n")).collect::<String>());
    let (ids, output) = (course.path("ids.txt"), course.path("pairs.csv"));
    let between = ["--from", "IPLOS", "--into", "KPR"];
    let convert = [&["convert", "ids"], &between[..], &["--output", &output, &ids]].concat();
    course.run("quality", &convert).ended(5, "open window");
    let why = ["--minutes", "30", "--purpose", "history", "--provision", "KPR-f. § 1"];
    let open = [&["convert", "open"], &between[..], &why].concat();
    course.run("officer", &open).ended(5, "another person's approval");
    let parameters = ["minutes=30", "purpose=history", "provision=KPR-f. § 1"];
    course.approve("officer", "open_conversion", "IPLOS:KPR", &parameters);
    let opened = course.run("officer", &open).well();
    assert!(opened.out.contains("20 persons were looked at"), "{opened:?}");
    course.run("officer", &convert).ended(4, "not_allowed");
    course.run("quality", &convert).well();
    let pairs = course.text("pairs.csv");
    let pairs: Vec<(&str, &str)> =
        pairs.lines().skip(1).map(|row| row.split_once(',').unwrap()).collect();
    assert!(pairs.iter().map(|(one, _)| *one).eq(iplos.iter().map(String::as_str)));
    // The order of the files is that of the persons: the last ten of IPLOS are the first of KPR.
    assert!(pairs[..10].iter().all(|(_, into)| into.is_empty()));
    assert!(pairs[10..].iter().map(|(_, into)| *into).eq(kpr[..10].iter().map(String::as_str)));
    let close = [&["convert", "close"], &between[..]].concat();
    course.run("officer", &close).well();
    course.run("officer", &close).ended(5, "no window");
    let again = course.path("again.csv");
    let again = [&["convert", "ids"], &between[..], &["--output", &again, &ids]].concat();
    course.run("quality", &again).ended(5, "open window");
    course.server.stop();
}
