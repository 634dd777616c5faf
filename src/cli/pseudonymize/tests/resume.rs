//! Files that go on from a checkpoint.

use super::*;

const WORDS: [&str; 6] = ["--id-column", "fnr", "--batch-rows", "100", "--checkpoint-rows", "1000"];

/// Rows of which some are rejected, with an empty line among them.
fn input(rows: u64) -> Vec<u8> {
    let row =
        |n: u64| format!("{:011};{n}\n{}", 1_810_000_000 + n, if n == 1500 { "\n" } else { "" });
    format!("fnr;n\n{}", (0..rows).map(row).collect::<String>()).into_bytes()
}

fn stopped(bench: &Bench) -> Error {
    bench.run(&WORDS, Fault::StopAfter(37)).unwrap_err()
}

#[test]
fn a_file_goes_on_from_its_last_checkpoint_and_comes_out_the_same() {
    let whole = Bench::new(&input(5000));
    whole.run(&WORDS, Fault::None).unwrap();
    assert_eq!(whole.files(), ["out.csv", "out.csv.rejects.csv"]);

    let bench = Bench::new(&input(5000));
    let error = stopped(&bench);
    assert!(error.advice()[0].starts_with("3000 rows are done and kept"), "{error:?}");
    assert_eq!(bench.files().len(), 3, "checkpoint, output and rejects aside: {:?}", bench.files());
    bench.seen();
    bench.run(&WORDS, Fault::None).unwrap();
    assert_eq!(bench.seen().len(), 20, "3000 of 5000 rows are not sent again");
    assert!(bench.output() == whole.output());
    assert_eq!(bench.rejects(), whole.rejects());
    assert_eq!(bench.files(), ["out.csv", "out.csv.rejects.csv"]);
}

#[test]
fn a_checkpoint_holds_no_identifier() {
    let bench = Bench::new(&input(5000));
    stopped(&bench);
    let text = bench.read("out.csv.checkpoint").unwrap();
    for n in 0..5000_u64 {
        let number = 1_810_000_000 + n;
        assert!(!text.contains(&number.to_string()) && !text.contains(&format!("{number:x}")));
    }
}

#[test]
fn a_checkpoint_of_another_file_or_other_options_is_refused_until_begun_anew() {
    let bench = Bench::new(&input(5000));
    stopped(&bench);
    let before = bench.files();
    let other = [&WORDS[..], &["--rejected-rows", "keep", "--mode", "resolve"]].concat();
    let error = bench.run(&other, Fault::None).unwrap_err();
    assert_eq!(error.exit(), Exit::Precondition);
    assert!(error.to_string().contains("other options: --mode, --rejected-rows"), "{error}");

    let mut changed = input(5000);
    changed[10] ^= 1;
    std::fs::write(bench.path("in.csv"), &changed).unwrap();
    let error = bench.run(&WORDS, Fault::None).unwrap_err();
    assert_eq!(error.exit(), Exit::Precondition);
    assert!(error.to_string().contains("another file"), "{error}");
    assert!(error.advice()[0].contains("--restart"), "{error:?}");
    assert_eq!(bench.files(), before, "a refusal touches nothing");

    let anew = [&WORDS[..], &["--restart"]].concat();
    bench.run(&anew, Fault::None).unwrap();
    assert_eq!(bench.files(), ["out.csv", "out.csv.rejects.csv"]);
}

#[test]
fn a_checkpoint_that_is_damaged_or_whose_parts_are_gone_is_refused() {
    let bench = Bench::new(&input(5000));
    stopped(&bench);
    let part = bench.files().into_iter().find(|name| name.starts_with("out.csv.part-")).unwrap();
    std::fs::remove_file(bench.path(&part)).unwrap();
    let error = bench.run(&WORDS, Fault::None).unwrap_err();
    assert_eq!(error.exit(), Exit::Precondition);
    std::fs::write(bench.path("out.csv.checkpoint"), "{}").unwrap();
    let error = bench.run(&WORDS, Fault::None).unwrap_err();
    assert!(error.to_string().contains("not a checkpoint"), "{error}");
}

#[test]
fn a_row_that_cannot_be_read_leaves_no_checkpoint() {
    let mut wrong = input(5000);
    wrong.extend(b"x;y;z\n");
    let error = refused(&wrong, &WORDS, Fault::None);
    assert_eq!(error.exit(), Exit::Input);
}

#[test]
fn the_guard_refuses_at_the_next_checkpoint_and_does_not_read_on() {
    let mut leak = input(1400);
    leak.extend(b"01810009990;41814061033\n");
    leak.extend(b"01810009991;1\n".repeat(8000));
    let bench = Bench::new(&leak);
    assert_eq!(bench.run(&WORDS, Fault::None).unwrap_err().exit(), Exit::Verification);
    assert!(bench.seen().len() < 40, "it read on after the second checkpoint");
    assert!(bench.read("out.csv.checkpoint").is_some(), "the first thousand rows are kept");
    // An exception does not change the rows that are done.
    let words = [&WORDS[..], &["--allow-identifiers", "n=agreed in case 7"]].concat();
    bench.run(&words, Fault::None).unwrap();
    assert!(bench.output().contains("41814061033"));
}

#[test]
fn ids_of_two_keys_in_one_file_are_refused() {
    let bench = Bench::new(&input(5000));
    stopped(&bench);
    let error = bench.run(&WORDS, Fault::OtherEpoch).unwrap_err();
    assert_eq!(error.exit(), Exit::Precondition);
    assert!(error.to_string().contains("key was changed"), "{error}");
}

#[test]
fn no_checkpoint_is_made_when_none_is_wanted() {
    let words = ["--id-column", "fnr", "--batch-rows", "100", "--checkpoint-rows", "0"];
    refused(&input(5000), &words, Fault::StopAfter(37));
}
