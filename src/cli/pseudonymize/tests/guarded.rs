//! The guard, at the edge: what is refused, and what an exception lets through.

use super::*;

const LEAK: &[u8] = b"fnr,note\n01810012345,x\n01810012346,ring 41814061033\n";

#[test]
fn a_file_with_an_identifier_in_another_column_is_refused_without_output() {
    let error = refused(LEAK, &FNR, Fault::None);
    assert_eq!(error.exit(), Exit::Verification);
    let said = format!("{error} {:?}", error.advice());
    assert!(said.contains("column note: 1 × D-number"), "{said}");
    assert!(!said.contains("4181"), "{said}");
}

#[test]
fn an_exception_lets_it_through_and_needs_its_column() {
    let bench = Bench::new(LEAK);
    let words = ["--id-column", "fnr", "--allow-identifiers", "note=agreed in case 7"];
    bench.run(&words, Fault::None).unwrap();
    assert!(bench.output().contains("ring 41814061033"));
    let words = ["--id-column", "fnr", "--allow-identifiers", "fnr=agreed in case 7"];
    let error = refused(LEAK, &words, Fault::None);
    assert!(error.to_string().contains("there is no column fnr"), "{error}");
}

#[test]
fn a_copy_of_the_identifiers_is_refused_whatever_they_are() {
    let rows: Vec<String> = (0..50).map(|n| format!("20201234{n:02}99,20201234{n:02}99")).collect();
    let input = format!("duf,case\n{}\n", rows.join("\n"));
    let error = refused(input.as_bytes(), &["--id-column", "duf:duf"], Fault::None);
    assert!(error.advice()[0].contains("column case: 50 × identifier repeated"), "{error:?}");
}

#[test]
fn an_identifier_in_the_header_is_refused_and_not_shown() {
    let error = refused_plainly(b"fnr,41814061033\n01810012345,x\n");
    assert_eq!(error.exit(), Exit::Verification);
    assert!(!format!("{error:?}").contains("4181"));
}
