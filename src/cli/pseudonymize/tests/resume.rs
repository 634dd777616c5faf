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
fn own_ids_go_on_with_their_file() {
    // Every seventh row is joined.
    let text = input(5000);
    let mut rows: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for row in rows.iter_mut().skip(1).step_by(7) {
        if row.len() > 11 {
            (row[1], row[10]) = (b'2', b'8');
        }
    }
    let text = rows.join(&b'\n');
    let whole = Bench::new(&text);
    whole.run(&WORDS, Fault::None).unwrap();
    let listed = whole.read("out.csv.leaf-ids.csv").unwrap();
    assert!(listed.lines().count() > 500, "{} lines", listed.lines().count());
    let bench = Bench::new(&text);
    stopped(&bench);
    assert_eq!(checkpoint(&bench)["v"], 3);
    bench.run(&WORDS, Fault::None).unwrap();
    assert_eq!(bench.read("out.csv.leaf-ids.csv").unwrap(), listed);
}

fn checkpoint(bench: &Bench) -> serde_json::Value {
    serde_json::from_str(&bench.read("out.csv.checkpoint").unwrap()).unwrap()
}

/// Takes a checkpoint back to version 1, as it was written before rejects were counted by code.
fn take_back(bench: &Bench) {
    let mut old = checkpoint(bench);
    old["v"] = 1.into();
    old.as_object_mut().unwrap().remove("rejected").unwrap();
    std::fs::write(bench.path("out.csv.checkpoint"), old.to_string()).unwrap();
}

#[test]
fn rejects_by_code_and_their_causes_are_counted_on_from_a_checkpoint() {
    let spoilt = |rows: &[u8]| [rows, b"1810012345;lost\n1,81E+10;spoilt\n".as_slice()].concat();
    let rows = input(6000);
    let half =
        rows.len() / 2 + rows[rows.len() / 2..].iter().position(|b| *b == b'\n').unwrap() + 1;
    let input = [spoilt(&rows[..half]), spoilt(&rows[half..])].concat();
    let bench = Bench::new(&input);
    bench.run(&WORDS, Fault::StopAfter(47)).unwrap_err();
    let counts = |check_digits: u64, suppressed: u64, spoilt: u64| {
        let codes = serde_json::json!({
            "check_digits": check_digits, "format": 2 * spoilt, "suppressed": suppressed
        });
        let causes = serde_json::json!({ "lost_zero": spoilt, "scientific": spoilt });
        serde_json::json!({ "codes": codes, "causes": causes })
    };
    let (first, v) = (checkpoint(&bench), 2);
    assert_eq!((&first["v"], &first["place"]["rows"]), (&v.into(), &4000.into()));
    assert_eq!(first["rejected"], counts(399, 400, 1));
    bench.run(&WORDS, Fault::StopAfter(15)).unwrap_err();
    let second = checkpoint(&bench);
    assert_eq!(second["place"]["rows"], 5000);
    assert_eq!(second["rejected"], counts(499, 500, 1), "what was before is counted");
}

#[test]
fn a_checkpoint_of_version_1_is_gone_on_with_and_its_rejects_are_not_counted() {
    let whole = Bench::new(&input(5000));
    whole.run(&WORDS, Fault::None).unwrap();
    let bench = Bench::new(&input(5000));
    stopped(&bench);
    let rejected = checkpoint(&bench)["tally"]["rejected"].clone();
    assert_eq!(rejected, 600);
    take_back(&bench);
    bench.run(&WORDS, Fault::StopAfter(15)).unwrap_err();
    let found = checkpoint(&bench);
    assert_eq!((&found["v"], &found["place"]["rows"]), (&2.into(), &4000.into()));
    let codes = serde_json::json!({ "check_digits": 100, "not_counted": 600, "suppressed": 100 });
    assert_eq!(found["rejected"]["codes"], codes);
    bench.run(&WORDS, Fault::None).unwrap();
    assert!(bench.output() == whole.output());
    assert_eq!(bench.rejects(), whole.rejects());
}

#[test]
fn a_checkpoint_of_a_version_that_is_not_known_is_refused() {
    let bench = Bench::new(&input(5000));
    stopped(&bench);
    let good = checkpoint(&bench);
    for (v, has_rejected) in [(0, true), (1, true), (2, false), (3, true)] {
        let mut other = good.clone();
        other["v"] = v.into();
        if !has_rejected {
            other.as_object_mut().unwrap().remove("rejected");
        }
        std::fs::write(bench.path("out.csv.checkpoint"), other.to_string()).unwrap();
        let error = bench.run(&WORDS, Fault::None).unwrap_err();
        assert_eq!(error.exit(), Exit::Precondition);
        assert!(error.to_string().contains("of another version"), "{v}: {error}");
    }
    // And a field that a later version adds.
    let mut later = good;
    later["later"] = 1.into();
    std::fs::write(bench.path("out.csv.checkpoint"), later.to_string()).unwrap();
    let error = bench.run(&WORDS, Fault::None).unwrap_err();
    assert!(error.to_string().contains("not a checkpoint of this version"), "{error}");
    assert!(error.advice()[0].contains("--restart"), "{error:?}");
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
